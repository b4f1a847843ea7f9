"""A segment's columns: built when a filter first names a path, kept under the cache's budget, grown as rows come.

A row's payload may be edited after it was appended (an overlay). The column over the rows' own payloads is left alone;
a second column covers the edits, in the order in which they were made, and the last edit of a row overrides its bit.
"""

import itertools
import threading
import weakref
from collections.abc import Callable, Iterable

import numpy as np
import numpy.typing as npt

from shared.schema.filters import FieldCondition, IsEmpty, MatchAny, MatchExcept, Range
from shared.segment import bits
from shared.segment.bits import Words
from shared.segment.columns.arrays import ColumnArrays
from shared.segment.columns.cache import PROCESS_CACHE, ColumnCache
from shared.segment.columns.edits import Edits, EditsSeen
from shared.segment.columns.kept_words import KeptWords
from shared.segment.columns.paths import parse_path

_BASE, _EDITS = "=", "+"
"""Cache names: the column over the rows' own payloads, the column over their edits."""

BATCH_ROWS = 4096
"""Rows parsed at once: bounds the memory of decoded payloads."""

LOCKS = 16
"""A column that is being built delays filters on one path in so many."""

Texts = Callable[[int, int], Iterable[bytes]]

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
        self._locks = [threading.Lock() for _ in range(LOCKS)]
        self._edits = Edits()
        self._kept_words = KeptWords()
        self.close = weakref.finalize(self, self._cache.drop, self._number)
        self.close.atexit = False

    def column(self, key: str) -> "Column":
        """Return the column of one payload path; nothing is read yet. Raises BadFormat."""
        parse_path(key)
        return Column(self, key)

    def keys(self) -> list[str]:
        """Return the paths whose columns are in memory: what to warm in a segment that takes this one's place."""
        return [name.removeprefix(_BASE) for name in self._cache.names_of(self._number) if name.startswith(_BASE)]

    def warm(self, keys: Iterable[str]) -> None:
        """Build columns ahead of the first filter, in a thread: for a segment that is about to take another's place."""
        for key in keys:
            with self._lock_of(key):
                self._grown(_BASE + key, key, self._count(), self._payloads)

    def adopt(self, other: "ColumnSet") -> None:
        """Take the columns of a set that has had its day and whose rows were the same, with the same payloads."""
        keys = other.keys()
        for key in keys:
            with other._lock_of(key):
                column = self._cache.get((other._number, _BASE + key))
                other._cache.forget((other._number, _BASE + key))
            if column is not None:
                self._cache.put((self._number, _BASE + key), column)

    def overlay(self, row: int, payload: bytes) -> None:
        """Note that a row's payload is this text from now on. Does not wait for a filter that is running."""
        self._edits.add(row, payload)

    def cold_rows(self, key: str) -> int:
        """Return how many rows the next filter on a path must parse first."""
        column = self._cache.get((self._number, _BASE + key))
        return self._count() - (0 if column is None else column.count)

    def words(self, key: str, condition: FieldCondition) -> Words:
        """Return the rows that satisfy a condition on a path, overlays included; ceil(count / 64) words, read only.

        A sealed segment's words are kept, for conditions that come again and again.
        """
        if not isinstance(condition, MatchAny | MatchExcept | Range | IsEmpty):
            raise NotImplementedError(f"condition {type(condition).__name__}")
        edits = self._edits.seen()
        if not self._final:
            return bits.from_bool(self._marks(key, condition, edits))
        return self._kept_words.words(
            condition, edits.serial, lambda: bits.from_bool(self._marks(key, condition, edits))
        )

    def _marks(self, key: str, condition: FieldCondition, edits: EditsSeen) -> npt.NDArray[np.bool_]:
        with self._lock_of(key):
            marks = self._grown(_BASE + key, key, self._count(), self._payloads).matches(condition)
            if not len(edits.rows):
                return marks
            name = f"{_EDITS}{edits.age} {key}"
            edited = self._grown(name, key, len(edits.rows), edits.payloads).matches(condition)
        marks = marks.copy()
        marks[edits.rows] = edited[: len(edits.rows)]
        return marks

    def _lock_of(self, key: str) -> threading.Lock:
        return self._locks[hash(key) % LOCKS]

    def _grown(self, name: str, key: str, count: int, texts: Texts) -> ColumnArrays:
        """Return the column with this name in the cache, grown to `count` rows. The path's lock is held."""
        column = self._cache.get((self._number, name))
        if column is None:
            column = ColumnArrays(parse_path(key))
            self._drop_aged(name)
        elif column.count >= count:
            return column
        for first in range(column.count, count, BATCH_ROWS):
            column.extend(list(texts(first, min(first + BATCH_ROWS, count))))
        if self._final and name.startswith(_BASE):
            column.freeze()
        self._cache.put((self._number, name), column)
        return column

    def _drop_aged(self, name: str) -> None:
        """Drop the columns over edits of another age than that of a column over edits that is to be built."""
        if name.startswith(_EDITS):
            age = name.partition(" ")[0] + " "
            for other in self._cache.names_of(self._number):
                if other.startswith(_EDITS) and not other.startswith(age):
                    self._cache.forget((self._number, other))


class Column:
    """One payload path of one segment, overlays included."""

    __slots__ = ("_columns", "key")

    def __init__(self, columns: ColumnSet, key: str) -> None:
        self._columns = columns
        self.key = key

    def matches(self, condition: FieldCondition) -> Words:
        """Return the rows that satisfy the condition, live or not, as bit words: read only, the array may be kept."""
        return self._columns.words(self.key, condition)

    def cold_rows(self) -> int:
        """Return how many rows must be parsed before the next answer: about half a microsecond each."""
        return self._columns.cold_rows(self.key)
