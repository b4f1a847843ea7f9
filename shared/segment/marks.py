"""What lives beside the rows of a segment: tombstones, payload changes and columns. The same for both kinds of segment.

Marks move from an appendable segment to the sealed one that it becomes, as the row numbers stay the same.
"""

from collections.abc import Iterable, Sequence

import numpy as np

from shared.segment import bits
from shared.segment.bits import Rows, Words
from shared.segment.columns.column_set import ColumnSet
from shared.segment.overlay import Overlay, OverlayChange
from shared.segment.patched_rows import Layers, fitted
from shared.segment.patches import PayloadPatch
from shared.segment.payloads import EMPTY, Payloads

FEW_ROWS = 256
"""A patch of up to so many rows becomes an entry for each: as quick as a layer, and reads know no further one."""

LAYERS_MAX = 32
"""Over so many layers the smallest are folded into entries. Reading a payload looks through all of them."""


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
        if not self.overlay.is_empty:
            self.overlay.drop(dying.tolist())
        return dying

    def set_payload(self, rows: Sequence[int], payloads: Sequence[bytes], version: int) -> None:
        """Replace payloads of live rows."""
        for row, payload in zip(rows, payloads, strict=True):
            self.overlay.set(row, version, payload)
            self.columns.overlay(row, payload)

    def patch_payload(self, words: Words, patch: PayloadPatch, version: int) -> None:
        """Change payloads alike: of many rows at the cost of few."""
        living = fitted(words, len(self.live_words)) & self.live_words
        if bits.count(living) <= FEW_ROWS:
            self._patch_each(bits.to_rows(living).tolist(), patch, version)
            return
        self.overlay.patch(living, patch, version)
        if len(self.overlay.layers) > LAYERS_MAX:
            self._fold(version)
        self.columns.overlay_layers(self.overlay.layers)

    def patch_rows(self, rows: Rows, patch: PayloadPatch, version: int) -> None:
        """Change payloads of live rows alike."""
        if len(rows) <= FEW_ROWS:
            self._patch_each(rows.tolist(), patch, version)
        else:
            self.patch_payload(bits.from_rows(rows, self.count), patch, version)

    def _patch_each(self, rows: Sequence[int], patch: PayloadPatch, version: int) -> None:
        self.set_payload(rows, [patch.applied(self._text(row)) for row in rows], version)

    def _fold(self, version: int) -> None:
        """Make entries of the smallest layers: each row costs as much as if it had been changed alone."""
        smallest = sorted(self.overlay.layers, key=lambda layer: layer.count)
        for layer in smallest[:-LAYERS_MAX]:
            rows = bits.to_rows(layer.words).tolist()
            texts = [self._text(row) for row in rows]
            self.overlay.fold(layer, rows, texts, version)
            for row, text in zip(rows, texts, strict=True):
                self.columns.overlay(row, text)

    def restore_changes(self, changes: Iterable[OverlayChange]) -> None:
        """Take entries that another overlay had, in its order."""
        for change in changes:
            self.overlay.set(change.row, change.version, change.payload, change.noted)
            self.columns.overlay(change.row, change.payload)

    def restore_layers(self, layers: Layers, through: int) -> None:
        """Take the layers of rows whose entries are set already; newer entries win."""
        self.overlay.restore(layers, through)
        self.columns.overlay_layers(self.overlay.layers)

    def versions(self, own: list[int], rows: Rows) -> list[int]:
        """Return the versions of rows whose own ones are `own`."""
        return own if self.overlay.is_empty else self.overlay.versions(own, rows)

    def payload(self, row: int) -> bytes:
        """Return the payload of a row, b"{}" when empty."""
        return self._text(row) or EMPTY

    def payloads_of(self, rows: Rows) -> list[bytes]:
        """Return the payloads of rows, b"{}" when empty."""
        if self.overlay.is_empty:
            return [text or EMPTY for text in self.payloads.gather(rows)]
        return [self.payload(row) for row in rows.tolist()]

    def _text(self, row: int) -> bytes:
        return self.overlay.payload(row, self.payloads.text)

    def moved_to(self, payloads: Payloads) -> "RowMarks":
        """Return the marks of a sealed segment with the same rows, whose payloads are kept in `payloads`."""
        moved = RowMarks(payloads, final=True)
        moved.count, moved.live_count, moved.live_words = self.count, self.live_count, self.live_words
        moved.overlay = self.overlay
        moved.columns.adopt(self.columns)
        self.overlay.settle()
        for change in self.overlay.changed_after(-1):
            moved.columns.overlay(change.row, change.payload)
        moved.columns.overlay_layers(self.overlay.layers)
        return moved


def _columns_over(payloads: Payloads, *, final: bool) -> ColumnSet:
    """Return columns that know the payloads only: a reference to the segment would keep it alive in a cycle."""
    return ColumnSet(payloads.texts, payloads.__len__, final=final)
