"""Puts one built segment in the place of its inputs, without stalling apply.

The output holds the rows that were alive in the inputs at a base position; the inputs lived on meanwhile.
1. `Succession(inputs, output)` on the loop: remembers which input rows live now.
2. `prepare()` in a thread: finds for each living input row its output row, by id; output rows that nobody claims die.
   An output row lives if and only if its point's current row is in an input.
3. `finish(base)` on the loop, at the switch: what died since 1 dies in the output; payload changes after the base are
   copied, layers of patched rows as layers. Cost: O(rows / 64 + changes + patched rows).
A layer may hold patches from before the base, which the output has folded in: applied again they change nothing.
"""

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np
from numpy.typing import NDArray

from shared.errors import Corrupt
from shared.segment import bits
from shared.segment.overlay import OverlayChange
from shared.segment.patched_rows import PatchedRows, united
from shared.segment.sealed import SealedSegment

_Forward = NDArray[np.int32]
"""For each input row its output row, -1 for none."""


class Succession:
    """One swap on its way. `output` was just opened: all its rows live, it has no overlay."""

    def __init__(self, inputs: Sequence[SealedSegment], output: SealedSegment) -> None:
        self.inputs = list(inputs)
        self.output = output
        self._seen = [segment.live_words for segment in inputs]
        self._forward: list[_Forward] = []

    def prepare(self) -> None:
        """Map the rows. Raises Corrupt when the output lacks a point that an input holds."""
        claimed = np.zeros(self.output.count, dtype=np.bool_)
        for segment, seen in zip(self.inputs, self._seen, strict=True):
            forward = self._mapped(segment)
            living = bits.to_rows(seen)
            targets = forward[living]
            if (targets < 0).any():
                lost = segment.ids(living[targets < 0][:3])
                raise Corrupt(
                    f"segment {self.output.segment_id} lacks points of its input {segment.segment_id}: {lost}"
                )
            claimed[targets] = True
            self._forward.append(forward)
        self.output.tombstone(np.flatnonzero(~claimed))

    def warm(self) -> None:
        """Build the columns that the inputs have in use, so that filters do not find the output cold."""
        used = {(path, kind.name): (path, kind) for one in self.inputs for path, kind in one.columns.in_memory()}
        self.output.columns.warm(used.values())

    def finish(self, base: int) -> None:
        """Carry over what changed since. From now on the output answers as the inputs would."""
        assert len(self._forward) == len(self.inputs), "prepare() first"
        changes: list[OverlayChange] = []
        layers: list[PatchedRows] = []
        for segment, seen, forward in zip(self.inputs, self._seen, self._forward, strict=True):
            died = bits.to_rows(seen & ~segment.live_words)
            if len(died):
                self.output.tombstone(forward[died].astype(np.int64))
            later = (change for change in segment.overlay.changed_after(base) if change.version > base)
            changes += [
                msgspec.structs.replace(change, row=int(forward[change.row]), noted=change.version) for change in later
            ]
            layers += self._layers_after(base, segment, forward)
        self.output.restore_changes(sorted(changes, key=lambda one: one.version))
        if layers:
            through = max(layer.version for layer in layers)
            self.output.restore_layers(united(layers, self.output.count), through)

    def _layers_after(self, base: int, segment: SealedSegment, forward: _Forward) -> Iterator[PatchedRows]:
        """Return what is newer than the base of a segment's layers, over the rows of the output."""
        segment.overlay.settle()
        for layer in segment.overlay.layers:
            if layer.version > base:
                rows = forward[bits.to_rows(layer.within(segment.live_words).words)]
                yield PatchedRows(bits.from_rows(rows, self.output.count), layer.patch, layer.version)

    def _mapped(self, segment: SealedSegment) -> _Forward:
        source, target = segment.id_map, self.output.id_map
        forward = np.full(segment.count, -1, dtype=np.int32)
        forward[source.rows] = target.rows_of_sorted(source.numbers, source.uuids)
        return forward
