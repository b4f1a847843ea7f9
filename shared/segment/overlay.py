"""Payload changes beside a segment: of single rows, the latest change only, and of many rows at once, as layers.

A row's payload is that of its entry, or else its own, with the patch of its layer over it if that is newer than the
entry. Entries are kept in the order in which they came, so that what came after a position is found without looking at
the rest. A whole change of a row ends what a layer says of it: its bit is cleared when layers next change, and until
then the versions decide. One thread changes, any thread reads: layers first, then entries, so that whichever moment
they are of, each change is in the answer once.
"""

from collections.abc import Callable, Iterator, Sequence

import msgspec
import numpy as np

from shared.segment import bits
from shared.segment.bits import Rows, Words
from shared.segment.patched_rows import Layers, PatchedRows, patched, without_rows
from shared.segment.patches import PayloadPatch

STALE_MAX = 65_536
"""Most rows that wait for their bits to be cleared."""


class OverlayChange(msgspec.Struct, frozen=True, gc=False):
    """The payload that a row has had since `version`: there may be many, so the garbage collector leaves them alone.

    payload   JSON object text, b"" when empty
    noted     when the entry came: its version, or that of the patch at which it was folded out of a layer
    """

    row: int
    version: int
    payload: bytes
    noted: int


class Overlay:
    """The payload changes of one segment. Changed by one loop; iterate over copies that `changed_after` returns."""

    def __init__(self) -> None:
        self._changes: dict[int, OverlayChange] = {}
        self._bytes = 0
        self._stale: list[int] = []
        self.layers: Layers = ()
        """Disjoint; replaced at each change. Rows that changed wholly since may still be in them (`settle`)."""
        self.patched_through = 0
        """Version of the newest patch that layers hold, or held: tells whether they are as a checkpoint has them."""

    def __len__(self) -> int:
        return len(self._changes)

    @property
    def is_empty(self) -> bool:
        """True while no payload was changed."""
        return not self._changes and not self.layers

    @property
    def nbytes(self) -> int:
        """Bytes of the payloads that count now; of layers, what they put."""
        return self._bytes + sum(layer.count * len(layer.patch.payload) for layer in self.layers)

    def get(self, row: int) -> OverlayChange | None:
        """Return the entry of a row, None when it has none; what layers say of it is not in it."""
        return self._changes.get(row)

    def set(self, row: int, version: int, payload: bytes, noted: int = 0) -> None:
        """Put the latest payload of a row. Neither versions nor `noted` ever fall."""
        self._put(OverlayChange(row, version, payload, noted or version))
        if self.layers:
            self._stale.append(row)
            if len(self._stale) > STALE_MAX:
                self.settle()

    def drop(self, rows: Sequence[int]) -> None:
        """Forget the changes of rows that were tombstoned."""
        if self._changes:
            for row in rows:
                self._forget(row)
        if self.layers:
            self._stale.extend(rows)

    def _put(self, change: OverlayChange) -> None:
        self._forget(change.row)
        self._changes[change.row] = change
        self._bytes += len(change.payload)

    def _forget(self, row: int) -> None:
        change = self._changes.pop(row, None)
        self._bytes -= len(change.payload) if change is not None else 0

    # layers

    def patch(self, words: Words, patch: PayloadPatch, version: int) -> None:
        """Change the payloads of live rows alike."""
        self.settle()
        self.layers = patched(self.layers, words, patch, version)
        self.patched_through = version

    def restore(self, layers: Layers, through: int) -> None:
        """Take layers that another overlay had beside the same entries: newer entries win."""
        changes = self._changes.values()
        rows = np.fromiter((change.row for change in changes), np.int64, len(self._changes))
        versions = np.fromiter((change.version for change in changes), np.int64, len(self._changes))
        kept = (layer.without(rows[versions >= layer.version]) for layer in layers)
        self.layers = tuple(layer for layer in kept if layer.count)
        self.patched_through = through

    def settle(self) -> None:
        """Clear the bits of rows that changed wholly, or died, since layers last changed."""
        if self._stale:
            rows = np.unique(np.array(self._stale, np.int64))
            self._stale = []
            self.layers = without_rows(self.layers, rows)

    def fold(self, layer: PatchedRows, rows: Sequence[int], texts: Sequence[bytes], noted: int) -> None:
        """Make entries of what a layer says of its rows, and take it out. `texts` are their payloads of now."""
        others = tuple(one for one in self.layers if one is not layer)
        for row, text in zip(rows, texts, strict=True):
            self._put(OverlayChange(row, layer.version, text, noted))
        self.layers = others

    # reading

    def payload(self, row: int, own: Callable[[int], bytes]) -> bytes:
        """Return the payload of a row, whose own one is `own(row)`; maybe b"" when empty."""
        layers = self.layers
        change = self._changes.get(row)
        text = own(row) if change is None else change.payload
        for layer in layers:
            if layer.has(row):
                is_newer = change is None or layer.version > change.version
                return layer.patch.applied(text) if is_newer else text
        return text

    def versions(self, own: list[int], rows: Rows) -> list[int]:
        """Return the versions of rows whose own ones are `own`."""
        layers = self.layers
        found = own
        if self._changes:
            changes = map(self._changes.get, rows.tolist())
            found = [
                version if change is None else change.version for version, change in zip(own, changes, strict=True)
            ]
        if layers:
            latest = np.array(found, np.int64)
            for layer in layers:
                latest[layer.among(rows) & (latest < layer.version)] = layer.version
            found = latest.tolist()
        return found

    def changed_words(self, count: int) -> Words:
        """Return which of `count` rows may have another payload than their own."""
        words = bits.from_rows(np.fromiter(self._changes, np.int64, len(self._changes)), count)
        for layer in self.layers:
            words[: len(layer.words)] |= layer.words
        return words

    def changed_after(self, position: int) -> list[OverlayChange]:
        """Return the entries noted after a position, oldest first. Cost: as many as are returned."""
        found = list(self._newer(position))
        found.reverse()
        return found

    def _newer(self, position: int) -> Iterator[OverlayChange]:
        for change in reversed(self._changes.values()):
            if change.noted <= position:
                return
            yield change
