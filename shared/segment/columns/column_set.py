"""A segment's columns: built when a filter first names a path, kept under the cache's budget, grown as rows come.

A row's payload may be edited after it was appended (an overlay). The column over the rows' own payloads is left alone;
a second column covers the edits, in the order in which they were made, and the last edit of a row overrides its bit. A
third covers what the layers of patched rows put: a row of it stands for all rows of a layer (layers.py).
Columns of declared indexes are pinned: built ahead of filters where somebody calls `build`, and never dropped.
"""

import itertools
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import TypeVar

from shared.errors import Corrupt
from shared.schema.filters import FieldCondition
from shared.schema.payload_index import PayloadIndex
from shared.schema.queries import OrderBy
from shared.segment import bits
from shared.segment.bits import Words
from shared.segment.columns.arrays import PLAIN
from shared.segment.columns.cache import PROCESS_CACHE, ColumnCache, ColumnName
from shared.segment.columns.column import Column
from shared.segment.columns.edits import Edits, EditsSeen
from shared.segment.columns.field_arrays import FieldArrays, Kind, StoredArrays
from shared.segment.columns.kept_words import KeptWords
from shared.segment.columns.kinds import kind_of, kind_of_order, kinds_of_index
from shared.segment.columns.layers import layer_texts, overridden, touching
from shared.segment.columns.paths import Path, parse_path
from shared.segment.patched_rows import Layers

BATCH_ROWS = 4096
"""Rows parsed at once: bounds the memory of decoded payloads."""

Texts = Callable[[int, int], Iterable[bytes]]

T = TypeVar("T")

_numbers = itertools.count()


class ColumnSet:
    """The columns of one segment. Filters may run in several threads beside the one that appends and edits.

    payloads  (first, last) → the payload texts of rows [first, last) as they were appended, without overlays
    count     → how many rows the segment has now
    final     True for a sealed segment: no rows will come, so columns are made compact
    """

    def __init__(
        self,
        payloads: Texts,
        count: Callable[[], int],
        cache: ColumnCache | None = None,
        *,
        final: bool = False,
    ) -> None:
        self._payloads = payloads
        self._count = count
        self._final = final
        self._cache = PROCESS_CACHE if cache is None else cache
        self._number = next(_numbers)
        self._naming = threading.Lock()
        self._locks: weakref.WeakValueDictionary[ColumnName, threading.Lock] = weakref.WeakValueDictionary()
        self._edits = Edits()
        self._kept_words = KeptWords()
        self._kinds: dict[str, Kind] = {}
        self.declared: Mapping[str, PayloadIndex] = {}
        self._by_path: dict[Path, PayloadIndex] = {}
        self._pinned: frozenset[tuple[Path, str]] = frozenset()
        self.close = weakref.finalize(self, self._cache.drop, self._number)
        self.close.atexit = False

    def column(self, key: str) -> Column:
        """Return the column of one payload path; nothing is read yet. Raises BadFormat."""
        parse_path(key)
        return Column(self, key)

    # declared indexes

    def declare(self, indexes: Mapping[str, PayloadIndex]) -> None:
        """Take these as the declared indexes from now on: what texts mean, and which columns are pinned."""
        self.declared = dict(indexes)
        by_path = {parse_path(key): index for key, index in indexes.items()}
        self._pinned = frozenset((path, kind.name) for path, index in by_path.items() for kind in kinds_of_index(index))
        self._by_path = by_path
        self._cache.pin(self._number, self._is_pinned)

    def unbuilt(self) -> list[tuple[str, Kind]]:
        """Return the declared columns of a final set that are not ready in memory; a growing set has none."""
        if not self._final:
            return []
        wanted = [(key, kind) for key, index in self.declared.items() for kind in kinds_of_index(index)]
        columns = [self._kept(ColumnName(parse_path(key), kind.name)) for key, kind in wanted]
        return [one for one, column in zip(wanted, columns, strict=True) if column is None or not column.is_frozen]

    def build(self, key: str, kind: Kind) -> None:
        """Build a column, or grow it to all rows, in any thread."""
        self._build(parse_path(key), kind)

    def stored(self, key: str, kind: Kind) -> StoredArrays | None:
        """Return the arrays of a final column over the rows' own payloads, for a file; None if it is not in memory."""
        column = self._kept(ColumnName(parse_path(key), kind.name))
        return column.arrays() if column is not None and column.is_frozen else None

    def restore(self, key: str, kind: Kind, arrays: StoredArrays) -> None:
        """Take a final column from the arrays that it gave; they may be mapped. Raises Corrupt when they do not fit."""
        name = ColumnName(parse_path(key), kind.name)
        column = kind.restore(name.path, arrays)
        if column.count != self._count():
            raise Corrupt(f"column {key}: expected {self._count()} rows, got {column.count}")
        with self._lock_of(name):
            self._keep(name, kind, column)

    # what is in memory

    def in_memory(self) -> list[tuple[Path, Kind]]:
        """Return the columns in memory: what to warm in a segment that takes this one's place."""
        names = self._cache.names_of(self._number)
        return [(name.path, self._kinds[name.kind]) for name in names if name.age is None]

    @property
    def nbytes(self) -> int:
        """Memory that the columns take now."""
        return self._cache.bytes_of(self._number)

    def warm(self, columns: Iterable[tuple[Path, Kind]]) -> None:
        """Build columns ahead of the first filter, in a thread: for a segment that is about to take another's place."""
        for path, kind in columns:
            self._build(path, kind)

    def adopt(self, other: "ColumnSet") -> None:
        """Take the columns of a set that has had its day and whose rows were the same, with the same payloads."""
        self.declare(other.declared)
        for path, kind in other.in_memory():
            name = ColumnName(path, kind.name)
            with other._lock_of(name):
                column = other._kept(name)
                other._cache.forget((other._number, name))
            if column is not None:
                self._keep(name, kind, column)

    def share(self, other: "ColumnSet") -> None:
        """Take the final columns of a set over the same rows, with the same payloads, that goes on meanwhile."""
        for path, kind in other.in_memory():
            column = other._kept(ColumnName(path, kind.name))
            if column is not None and column.is_frozen:
                self._keep(ColumnName(path, kind.name), kind, column)

    def cold_rows(self, key: str, kind: Kind = PLAIN) -> int:
        """Return how many rows the next question to a column must parse first."""
        column = self._kept(ColumnName(parse_path(key), kind.name))
        return self._count() - (0 if column is None else column.count)

    # questions

    def kind_of(self, key: str, asked: FieldCondition | OrderBy | None = None) -> Kind:
        """Return the kind of column that answers a condition or an order on a path; without either, facets."""
        if asked is None:
            return PLAIN
        if isinstance(asked, OrderBy):
            return kind_of_order(asked)
        return kind_of(asked, self._by_path.get(parse_path(key)))

    def overlay(self, row: int, payload: bytes) -> None:
        """Note that a row's payload is this text from now on. Does not wait for a filter that is running."""
        self._edits.add(row, payload)

    def overlay_layers(self, layers: Layers) -> None:
        """Note the layers of patched rows that are in force from now on, over all edits until now."""
        self._edits.add_layers(layers)

    def words(self, key: str, condition: FieldCondition) -> Words:
        """Return the rows that satisfy a condition on a path, overlays included; ceil(count / 64) words, read only.

        A sealed segment's words are kept, for conditions that come again and again.
        """
        kind = self.kind_of(key, condition)
        edits = self._edits.seen()
        if not self._final:
            return self._words(key, kind, condition, edits)
        return self._kept_words.words(
            kind.name, condition, edits.serial, lambda: self._words(key, kind, condition, edits)
        )

    def matching(self, key: str, condition: FieldCondition) -> int | None:
        """Return how many rows satisfy a condition where no scan is needed, None elsewhere and beside edits."""
        kind = self.kind_of(key, condition)
        edits = self._edits.seen()
        if not edits.is_empty:
            return None
        return self._ask(key, kind, edits, lambda base: base.matching(condition), lambda edited: None)[0]

    def _words(self, key: str, kind: Kind, condition: FieldCondition, edits: EditsSeen) -> Words:
        def ask(column: FieldArrays) -> Words:
            return column.words(condition)

        base, edited = self._ask(key, kind, edits, ask, ask)
        if edits.is_empty:
            return base
        return overridden(base, edits, edited, self._layered(key, kind, edits, condition))

    def _layered(
        self, key: str, kind: Kind, edits: EditsSeen, condition: FieldCondition
    ) -> list[tuple[int, bool]] | None:
        """Return the layers that touch a path and whether what they put satisfies a condition."""
        path = parse_path(key)
        touched = touching(edits, str(path[0])) if edits.layers else None
        if not touched:
            return None
        name = ColumnName(path, kind.name, age=-edits.layers_age)
        with self._lock_of(name):
            over_layers = self._grown(name, kind, len(edits.layers), lambda *_: layer_texts(edits))
            passes = bits.to_bool(over_layers.words(condition), len(edits.layers))
        return [(number, bool(passes[number])) for number in touched]

    def _ask(
        self,
        key: str,
        kind: Kind,
        edits: EditsSeen,
        of_base: Callable[[FieldArrays], T],
        of_edits: Callable[[FieldArrays], T],
    ) -> tuple[T, T | None]:
        """Return what the column over the rows' own payloads says, and that over the edits; None without edits."""
        name = ColumnName(parse_path(key), kind.name)
        column = self._kept(name)
        if column is not None and column.is_frozen and not len(edits.rows):
            return of_base(column), None
        with self._lock_of(name):
            base = of_base(self._grown(name, kind, self._count(), self._payloads))
            if not len(edits.rows):
                return base, None
            over_edits = name._replace(age=edits.age)
            return base, of_edits(self._grown(over_edits, kind, len(edits.rows), edits.payloads))

    # building

    def _build(self, path: Path, kind: Kind) -> None:
        name = ColumnName(path, kind.name)
        with self._lock_of(name):
            self._grown(name, kind, self._count(), self._payloads)

    def _grown(self, name: ColumnName, kind: Kind, count: int, texts: Texts) -> FieldArrays:
        """Return the column with this name, grown to `count` rows. The path's lock is held."""
        column = self._kept(name)
        is_last = self._final and name.age is None
        if column is None:
            column = kind.make(name.path)
            self._drop_aged(name)
        elif column.count >= count and column.is_frozen >= is_last:
            return column
        for first in range(column.count, count, BATCH_ROWS):
            column.extend(list(texts(first, min(first + BATCH_ROWS, count))))
        if is_last:
            column.freeze()
        self._keep(name, kind, column)
        return column

    def _kept(self, name: ColumnName) -> FieldArrays | None:
        return self._cache.get((self._number, name))

    def _keep(self, name: ColumnName, kind: Kind, column: FieldArrays) -> None:
        self._kinds[kind.name] = kind
        self._cache.put((self._number, name), column, is_pinned=self._is_pinned(name))

    def _is_pinned(self, name: ColumnName) -> bool:
        return (name.path, name.kind) in self._pinned

    def _drop_aged(self, name: ColumnName) -> None:
        """Drop the columns over edits, or layers, of another age than that of one that is to be built."""
        if name.age is not None:
            for other in self._cache.names_of(self._number):
                if other.age not in (None, name.age) and (other.age < 0) is (name.age < 0):
                    self._cache.forget((self._number, other))

    def _lock_of(self, name: ColumnName) -> threading.Lock:
        """Return the lock of a column and those over its edits: one thread grows them while others wait."""
        with self._naming:
            lock = self._locks.get(name)
            if lock is None:
                lock = self._locks[name] = threading.Lock()
            return lock
