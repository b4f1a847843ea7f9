"""Payload texts by row: one blob with offsets, which grows while rows are appended and stays as it is once sealed.

A payload is JSON object text; the empty one is stored as no bytes at all and read as `{}`.
"""

from collections.abc import Iterable, Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from shared.segment.bits import Rows
from shared.segment.growing import GrowingArray

EMPTY = b"{}"


class Payloads(Protocol):
    """The texts of rows [0, len), as they were appended."""

    def __len__(self) -> int: ...

    @property
    def nbytes(self) -> int:
        """Return the bytes of all texts."""

    def text(self, row: int) -> bytes:
        """Return the text of one row, b"{}" when empty."""

    def texts(self, first: int, last: int) -> list[bytes]:
        """Return the texts of rows [first, last), b"" when empty."""

    def gather(self, rows: Rows) -> list[bytes]:
        """Return the texts of any rows, b"" when empty."""


class GrowingPayloads:
    """The payloads of an appendable segment: joined as they come, so that sealing has nothing to join.

    Readers in threads ask for rows that were there when they began: those bytes never move.
    """

    def __init__(self) -> None:
        self._blob: GrowingArray[np.uint8] = GrowingArray(np.uint8)
        self._offsets: GrowingArray[np.uint64] = GrowingArray(np.uint64)
        self._offsets.append(np.zeros(1, np.uint64))

    def __len__(self) -> int:
        return self._offsets.count - 1

    @property
    def nbytes(self) -> int:
        """Return the bytes of all texts."""
        return self._blob.count

    def append(self, texts: Iterable[bytes]) -> None:
        """Add rows at the end; b"{}" is kept as b""."""
        kept = [b"" if text == EMPTY else text for text in texts]
        offsets = offsets_of(kept)[1:] + np.uint64(self._blob.count)
        self._blob.append(np.frombuffer(b"".join(kept), np.uint8))
        self._offsets.append(offsets)

    def text(self, row: int) -> bytes:
        """Return the text of one row, b"{}" when empty."""
        first, last = self._offsets.whole[row : row + 2].tolist()
        return self._blob.whole[first:last].tobytes() or EMPTY

    def texts(self, first: int, last: int) -> list[bytes]:
        """Return the texts of rows [first, last), b"" when empty: a list of its own."""
        bounds = self._offsets.whole[first : last + 1].tolist()
        if last <= first:
            return []
        joined = self._blob.whole[bounds[0] : bounds[-1]].tobytes()
        return _cut(joined, [bound - bounds[0] for bound in bounds])

    def gather(self, rows: Rows) -> list[bytes]:
        """Return the texts of any rows, b"" when empty."""
        return _gathered(self._offsets.whole, self._blob.whole.data, rows)

    def cut(self, first: int = 0) -> "PayloadBlob":
        """Return the payloads of the rows from `first` on as they are now: the bytes are views, nothing is joined."""
        offsets = self._offsets.view(first)
        return PayloadBlob(offsets - offsets[0] if first else offsets, self._blob.view(int(offsets[0])))


class PayloadBlob:
    """The payloads of a sealed segment: row r is blob[offsets[r]:offsets[r + 1]].

    offsets   uint64 (n + 1,), ascending from 0
    blob      uint8, may be mapped from a file
    """

    def __init__(self, offsets: NDArray[np.uint64], blob: NDArray[np.uint8]) -> None:
        self.offsets = offsets
        self.blob = blob
        self._bytes = memoryview(blob.data) if len(blob) else memoryview(b"")

    @classmethod
    def from_texts(cls, texts: Sequence[bytes]) -> "PayloadBlob":
        """Return the blob of texts in row order."""
        return cls(offsets_of(texts), np.frombuffer(b"".join(texts), dtype=np.uint8))

    def __len__(self) -> int:
        return len(self.offsets) - 1

    @property
    def nbytes(self) -> int:
        """Return the bytes of all texts."""
        return len(self.blob)

    def text(self, row: int) -> bytes:
        """Return the text of one row, b"{}" when empty."""
        return self._bytes[int(self.offsets[row]) : int(self.offsets[row + 1])].tobytes() or EMPTY

    def texts(self, first: int, last: int) -> list[bytes]:
        """Return the texts of rows [first, last), b"" when empty."""
        if first >= last:
            return []
        bounds = self.offsets[first : last + 1]
        base = int(bounds[0])
        joined = self._bytes[base : int(bounds[-1])].tobytes()
        return _cut(joined, (bounds - np.uint64(base)).tolist())

    def gather(self, rows: Rows) -> list[bytes]:
        """Return the texts of any rows, b"" when empty."""
        return _gathered(self.offsets, self._bytes, rows)


def offsets_of(texts: Sequence[bytes]) -> NDArray[np.uint64]:
    """Return where each text begins in their concatenation, and its end; uint64 (n + 1,)."""
    offsets = np.zeros(len(texts) + 1, dtype=np.uint64)
    np.cumsum(np.fromiter(map(len, texts), dtype=np.uint64, count=len(texts)), out=offsets[1:])
    return offsets


def _gathered(offsets: NDArray[np.uint64], blob: memoryview, rows: Rows) -> list[bytes]:
    starts, ends = offsets.take(rows).tolist(), offsets.take(rows + 1).tolist()
    return list(map(bytes, map(blob.__getitem__, map(slice, starts, ends))))


def _cut(joined: bytes, bounds: list[int]) -> list[bytes]:
    return list(map(joined.__getitem__, map(slice, bounds, bounds[1:])))
