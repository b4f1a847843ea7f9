"""What lives beside the rows of a segment: tombstones, payload changes and columns. The same for both kinds of segment.

Marks move from an appendable segment to the sealed one that it becomes, as the row numbers stay the same.
"""

from collections.abc import Sequence

import numpy as np

from shared.segment import bits
from shared.segment.bits import Rows, Words
from shared.segment.columns.column_set import ColumnSet
from shared.segment.overlay import Overlay
from shared.segment.payloads import Payloads


class RowMarks:
    """Tombstones, overlay and columns of the rows [0, count).

    Changed by one loop. `live_words` is replaced at each change, so whoever holds it keeps what it saw.
    """

    def __init__(self, payloads: Payloads, *, final: bool) -> None:
        self.count = 0
        self.live_count = 0
        self.live_words: Words = bits.empty(0)
        self.overlay = Overlay()
        self.payloads = payloads
        self.columns = _columns_over(payloads, final=final)

    def grow(self, count: int) -> None:
        """Let rows [self.count, count) live."""
        words = bits.resized(self.live_words, count)
        bits.set_range(words, self.count, count)
        self.live_words = words
        self.live_count += count - self.count
        self.count = count

    def tombstone(self, rows: Rows) -> Rows:
        """Mark rows as deleted and give those that were alive until now, ascending."""
        dying = np.unique(rows) if len(rows) > 1 else rows
        dying = dying[bits.test(self.live_words, dying)]
        if not len(dying):
            return dying
        words = self.live_words.copy()
        bits.clear_rows(words, dying)
        self.live_words = words
        self.live_count -= len(dying)
        if len(self.overlay):
            self.overlay.drop(dying.tolist())
        return dying

    def set_payload(self, rows: Sequence[int], payloads: Sequence[bytes], version: int) -> None:
        """Replace payloads of live rows."""
        for row, payload in zip(rows, payloads, strict=True):
            self.overlay.set(row, version, payload)
            self.columns.overlay(row, payload)

    def versions(self, base: list[int], rows: list[int]) -> list[int]:
        """Return the versions of rows whose own ones are `base`."""
        if not len(self.overlay):
            return base
        changes = map(self.overlay.get, rows)
        return [version if change is None else change.version for version, change in zip(base, changes, strict=True)]

    def payload(self, row: int) -> bytes:
        """Return the payload of a row, b"{}" when empty."""
        change = self.overlay.get(row) if len(self.overlay) else None
        return self.payloads.text(row) if change is None else change.payload or b"{}"

    def moved_to(self, payloads: Payloads) -> "RowMarks":
        """Return the marks of a sealed segment with the same rows, whose payloads are kept in `payloads`."""
        moved = RowMarks(payloads, final=True)
        moved.count, moved.live_count, moved.live_words = self.count, self.live_count, self.live_words
        moved.overlay = self.overlay
        moved.columns.adopt(self.columns)
        moved.columns.adopt(self.columns)
        for change in self.overlay.changed_after(-1):
            moved.columns.overlay(change.row, change.payload)
        return moved


def _columns_over(payloads: Payloads, *, final: bool) -> ColumnSet:
    """Return columns that know the payloads only: a reference to the segment would keep it alive in a cycle."""
    return ColumnSet(payloads.texts, payloads.__len__, final=final)
