"""Which live rows of a segment a filter keeps: prepared once, for a filter that comes again and again.

A mask is of one moment: of the live rows, payloads, declared indexes and slots as they were. Whatever of these changes,
it is not found any more. Bounded by the number of filters and by 8 bytes a row.
"""

import threading
from typing import Any

import numpy as np

from shared.segment import bits
from shared.segment.bits import Rows, Words
from shared.segment.columns.column_set import ColumnSet

MASKS_MAX = 64

NAME_BYTES_MAX = 4096
"""Filters that take more bytes are not kept."""

PLANS_MAX = 16

ASKED_MAX = 256

FEW_ROWS = 512
"""So many rows are kept as a list, and searched one by one."""


class Mask:
    """The live rows that a filter keeps: `matching` of them, as bit words, and where they are few as a list.

    live    the live rows at the moment that it is of
    plans   what searches with this filter have prepared, by what they ask
    """

    __slots__ = ("_rows", "_words", "declared", "edits", "is_used", "live", "matching", "plans")

    def __init__(self, live: Words, matching: int, words: Words | None, rows: Rows | None = None) -> None:
        assert words is not None or rows is not None, "a mask is one or the other"
        self.live = live
        self.matching = matching
        self.plans: dict[Any, Any] = {}
        self.edits = -1
        self.declared: object = None
        self.is_used = False
        self._words = words
        self._rows = rows

    @property
    def words(self) -> Words:
        """Bit words of the rows, read only."""
        words = self._words
        if words is None:
            assert self._rows is not None
            words = np.zeros(len(self.live), np.uint64)
            bits.set_rows(words, self._rows)
            self._words = words
        return words

    @property
    def rows(self) -> Rows | None:
        """The rows, each once, in any order; None where they are many."""
        if self._rows is None and self.matching <= FEW_ROWS:
            self._rows = bits.to_rows(self.words)
        return self._rows

    def keep_plan(self, name: Any, plan: Any) -> None:
        """Keep what a search has prepared."""
        if len(self.plans) >= PLANS_MAX:
            self.plans = {}
        self.plans[name] = plan


class KeptMasks:
    """Masks by filter. Safe to use from threads; to be replaced by an empty one when the segment's slots change."""

    def __init__(self, columns: ColumnSet) -> None:
        self._columns = columns
        self._kept: dict[bytes, Mask] = {}
        self._live: Words | None = None
        self._asked: set[bytes] = set()
        self._lock = threading.Lock()

    def get(self, name: bytes, live: Words) -> Mask | None:
        """Return the mask of a filter over just these live rows, if it was kept and nothing changed since."""
        mask = self._kept.get(name)
        if mask is None or mask.live is not live:
            return None
        if mask.edits != self._columns.edit_count or mask.declared is not self._columns.declared:
            return None
        mask.is_used = True
        return mask

    def is_known(self, name: bytes) -> bool:
        """Return whether a filter has come before: then its mask is worth making where a read can do without."""
        if name in self._asked or len(name) > NAME_BYTES_MAX:
            return True
        if len(self._asked) >= ASKED_MAX:
            self._asked = set()
        self._asked.add(name)
        return False

    def moment(self) -> tuple[int, object]:
        """Return what payloads and declarations are like: to be asked before a mask is made."""
        return self._columns.edit_count, self._columns.declared

    def put(self, name: bytes, mask: Mask, moment: tuple[int, object]) -> None:
        """Keep a mask that was made after a moment. Those that nobody asked for lately go first."""
        if len(name) > NAME_BYTES_MAX:
            return
        mask.edits, mask.declared = moment
        with self._lock:
            if self._live is not mask.live:  # masks over other rows hold on to vectors that have grown since
                self._live, self._kept = mask.live, {}
            self._kept.pop(name, None)
            self._kept[name] = mask
            while len(self._kept) > MASKS_MAX:
                oldest = next(iter(self._kept))
                passed = self._kept.pop(oldest)
                if passed.is_used:
                    passed.is_used = False
                    self._kept[oldest] = passed
