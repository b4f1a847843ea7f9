"""A segment's columns: built when a filter first names a path, kept under the cache's budget, grown as rows come.

A row's payload may be edited after it was appended (an overlay). The column over the rows' own payloads is left alone;
a second column covers the edits, in the order in which they were made, and the last edit of a row overrides its bit.
"""

import itertools
import threading
import weakref
from collections import deque
from collections.abc import Callable, Iterable
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt

from shared.schema.filters import MatchAny, MatchExcept
from shared.segment import bits
from shared.segment.bits import Words
from shared.segment.columns.arrays import ColumnArrays, FieldCondition
from shared.segment.columns.cache import PROCESS_CACHE, ColumnCache
from shared.segment.columns.growable import Growable
from shared.segment.columns.paths import parse_path

_BASE, _EDITS, _WORDS = "=", "+", "?"
"""Cache names: the column over the rows' own payloads, the column over their edits, the words of a condition."""

BATCH_ROWS = 4096
"""Rows parsed at once: bounds the memory of decoded payloads."""

INCOMING_MAX = 65_536
"""Most edits that wait for the next filter."""

KEPT_ROWS_MIN = 16_384
"""Below so many rows a condition is evaluated anew faster than it is worth keeping."""

KEPT_VALUES_MAX = 64
"""Conditions on more values are not kept: naming them costs too much."""

EDITS_SLACK = 1024
"""Superseded edits are dropped when they are this many and outnumber the current ones."""

Texts = Callable[[int, int], Iterable[bytes]]

_numbers = itertools.count()
_encode = msgspec.json.Encoder().encode


class _KeptWords(NamedTuple):
    """The words of a condition as they were after so many edits."""

    words: Words
    edits: int

    @property
    def nbytes(self) -> int:
        return int(self.words.nbytes)


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
        self._lock = threading.RLock()
        self._incoming: deque[tuple[int, bytes]] = deque()
        self._edited_rows = Growable(np.int64)
        self._edits: list[bytes] = []
        self._edits_max = EDITS_SLACK
        self._edits_taken = 0
        self.close = weakref.finalize(self, self._cache.drop, self._number)
        self.close.atexit = False

    def column(self, key: str) -> "Column":
        """Return the column of one payload path; nothing is read yet. Raises BadFormat."""
        parse_path(key)
        return Column(self, key)

    def keys(self) -> list[str]:
        """Return the paths whose columns are in memory: what to warm in a segment that takes this one's place."""
        return [name.removeprefix(_BASE) for name in self._cache.names_of(self._number) if name.startswith(_BASE)]

    def overlay(self, row: int, payload: bytes) -> None:
        """Note that a row's payload is this text from now on. Does not wait for a filter that is running."""
        self._incoming.append((row, payload))
        if len(self._incoming) > INCOMING_MAX:
            with self._lock:
                self._take_edits()

    def warm(self, keys: Iterable[str]) -> None:
        """Build columns ahead of the first filter, in a thread: for a segment that is about to take another's place."""
        for key in keys:
            with self._lock:
                self._current(_BASE + key, self._count(), self._payloads)

    def words(self, key: str, condition: FieldCondition) -> Words:
        """Return the rows that satisfy a condition on a path, overlays included; ceil(count / 64) words, read only.

        A sealed segment's words are kept, for conditions that come again and again.
        """
        with self._lock:
            self._take_edits()
            name = self._name_of(condition)
            if name is None:
                return bits.from_bool(self._marks(key, condition))
            kept: _KeptWords | None = self._cache.get((self._number, name))
            if kept is None or kept.edits != self._edits_taken:
                kept = _KeptWords(bits.from_bool(self._marks(key, condition)), self._edits_taken)
                self._cache.put((self._number, name), kept)
            return kept.words

    def _name_of(self, condition: FieldCondition) -> str | None:
        """Return the name under which the condition's words are kept, None when they are not."""
        if not self._final or self._count() < KEPT_ROWS_MIN:
            return None
        if isinstance(condition, MatchAny | MatchExcept) and len(condition.values) > KEPT_VALUES_MAX:
            return None
        return _WORDS + _encode(condition).decode("utf-8", "surrogateescape")

    def _marks(self, key: str, condition: FieldCondition) -> npt.NDArray[np.bool_]:
        marks = self._current(_BASE + key, self._count(), self._payloads).matches(condition)
        if self._edits:
            edits = self._current(_EDITS + key, len(self._edits), self._edit_texts).matches(condition)
            marks = marks.copy()
            marks[self._edited_rows.view()] = edits
        return marks

    def _current(self, name: str, count: int, texts: Texts) -> ColumnArrays:
        """Return the column with `name`, grown to `count` rows."""
        column: ColumnArrays | None = self._cache.get((self._number, name))
        if column is None:
            column = ColumnArrays(parse_path(name[1:]))
        elif column.count == count:
            return column
        for first in range(column.count, count, BATCH_ROWS):
            column.extend(list(texts(first, min(first + BATCH_ROWS, count))))
        if self._final and name.startswith(_BASE):
            column.freeze()
        self._cache.put((self._number, name), column)
        return column

    def _edit_texts(self, first: int, last: int) -> list[bytes]:
        return self._edits[first:last]

    def _take_edits(self) -> None:
        """Move what came in to the edits; drop superseded ones when they are many."""
        if not self._incoming:
            return
        taken = [self._incoming.popleft() for _ in range(len(self._incoming))]
        self._edits_taken += len(taken)
        self._edited_rows.append([row for row, _ in taken])
        self._edits.extend(payload for _, payload in taken)
        if len(self._edits) > self._edits_max:
            latest = dict(zip(self._edited_rows.view().tolist(), self._edits, strict=True))
            self._edited_rows = Growable(np.int64)
            self._edited_rows.append(list(latest))
            self._edits = list(latest.values())
            self._edits_max = 2 * len(latest) + EDITS_SLACK
            self._cache.drop(self._number, _EDITS)


class Column:
    """One payload path of one segment, overlays included."""

    __slots__ = ("_columns", "key")

    def __init__(self, columns: ColumnSet, key: str) -> None:
        self._columns = columns
        self.key = key

    def matches(self, condition: FieldCondition) -> Words:
        """Return the rows that satisfy the condition, live or not, as bit words: read only, the array may be kept."""
        return self._columns.words(self.key, condition)
