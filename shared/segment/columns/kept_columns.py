"""The columns of one segment that are in memory: declared, built, grown, restored from files, kept under the budget.

Columns of declared indexes are pinned: built ahead of filters where somebody calls `build`, and never dropped.
"""

import itertools
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from typing import Self

from shared.errors import Corrupt, Unavailable
from shared.schema.payload_index import PayloadIndex
from shared.segment.columns.cache import PROCESS_CACHE, ColumnCache, ColumnName
from shared.segment.columns.field_arrays import FieldArrays, Kind, StoredArrays
from shared.segment.columns.kinds import kinds_of_index
from shared.segment.columns.paths import Path, parse_path

BATCH_ROWS = 4096
"""Rows parsed at once: bounds the memory of decoded payloads."""

Texts = Callable[[int, int], Iterable[bytes]]

_numbers = itertools.count()


class Abandoned(Unavailable):
    """A column's building was given up, because nobody waits for it any more."""


class KeptColumns:
    """Columns by path and kind. Threads may ask and build beside the one that appends and edits.

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
        self._kinds: dict[str, Kind] = {}
        self.declared: Mapping[str, PayloadIndex] = {}
        self._by_path: dict[Path, PayloadIndex] = {}
        self._wanted: list[tuple[ColumnName, str, Kind]] = []
        self._pinned: frozenset[tuple[Path, str]] = frozenset()
        self.close = weakref.finalize(self, self._cache.drop, self._number)
        self.close.atexit = False

    # declared indexes

    def declare(self, indexes: Mapping[str, PayloadIndex]) -> None:
        """Take these as the declared indexes from now on: what texts mean, and which columns are pinned."""
        wanted = [(key, kind) for key, index in indexes.items() for kind in kinds_of_index(index)]
        self._wanted = [(ColumnName(parse_path(key), kind.name), key, kind) for key, kind in wanted]
        self._pinned = frozenset((name.path, name.kind) for name, _, _ in self._wanted)
        self._by_path = {parse_path(key): index for key, index in indexes.items()}
        self.declared = dict(indexes)  # last: whoever sees it asks by the new indexes
        self._cache.pin(self._number, self._is_pinned)

    def unbuilt(self) -> list[tuple[str, Kind]]:
        """Return the declared columns of a final set that are not ready in memory; a growing set has none."""
        return [(key, kind) for name, key, kind in self._wanted if not self._is_ready(name)] if self._final else []

    def wanted(self) -> dict[tuple[str, str], Kind]:
        """Return the kinds of column that are declared, by their index's path and their own name."""
        return {(key, kind.name): kind for _, key, kind in self._wanted}

    def build(self, key: str, kind: Kind, is_wanted: Callable[[], bool] = lambda: True) -> None:
        """Build a column, or grow it to all rows, in any thread. Raises Abandoned once it is not wanted any more."""

        def texts(first: int, last: int) -> Iterable[bytes]:
            if not is_wanted():
                raise Abandoned(f"column {key} of kind {kind.name} is not wanted any more")
            return self._payloads(first, last)

        self._build(parse_path(key), kind, texts)

    def stored(self, key: str, kind: Kind) -> StoredArrays | None:
        """Return the arrays of a final column over the rows' own payloads, for a file; None if it is not in memory."""
        column = self._kept(ColumnName(parse_path(key), kind.name))
        return column.arrays() if column is not None and column.is_frozen else None

    def restore(self, key: str, kind: Kind, arrays: StoredArrays) -> None:
        """Take a final column from the arrays that it gave; they may be mapped. Raises Corrupt when they do not fit."""
        name = ColumnName(parse_path(key), kind.name)
        try:
            column = kind.restore(name.path, arrays)
        except (KeyError, IndexError, ValueError, TypeError) as error:
            raise Corrupt(f"column {key}: {error!r}") from error
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
            self._build(path, kind, self._payloads)

    def adopt(self, other: Self) -> None:
        """Take the columns of a set that has had its day and whose rows were the same, with the same payloads."""
        self.declare(other.declared)
        for path, kind in other.in_memory():
            name = ColumnName(path, kind.name)
            with other._lock_of(name):
                column = other._kept(name)
                other._cache.forget((other._number, name))
            if column is not None:
                self._keep(name, kind, column)

    def share(self, other: Self) -> None:
        """Take the final columns of a set over the same rows, with the same payloads, that goes on meanwhile."""
        for path, kind in other.in_memory():
            column = other._kept(ColumnName(path, kind.name))
            if column is not None and column.is_frozen:
                self._keep(ColumnName(path, kind.name), kind, column)

    # building

    def _build(self, path: Path, kind: Kind, texts: Texts) -> None:
        name = ColumnName(path, kind.name)
        with self._lock_of(name):
            self._grown(name, kind, self._count(), texts)

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

    def _is_ready(self, name: ColumnName) -> bool:
        column = self._kept(name)
        return column is not None and column.is_frozen

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
