"""Arrays that grow at their end while others read what was there before."""

from typing import Any, Generic, TypeVar

import numpy as np
from numpy.typing import DTypeLike, NDArray

from shared.segment.prefault import prefault, use_small_pages

_Scalar = TypeVar("_Scalar", bound=np.generic)

_CAPACITY_MIN = 64
_ALIGNMENT = 64

LEAP_FROM_BYTES = 2**20
LEAP_TO_BYTES = 2**26
"""An array that outgrows the first is given the second at once: the copy takes a fraction of a millisecond there, and
more than ten later, while searches wait. Room that was never written to takes no memory."""

AHEAD_BYTES = 2**22
"""Of an array that has leapt, so much room is made present ahead of the rows."""

READY_FROM_BYTES = LEAP_FROM_BYTES // 4
READY_BYTES = 2 * LEAP_FROM_BYTES
"""An array of the first has the room that it will leap to made ready, and the second of it present."""


def aligned_empty(shape: tuple[int, ...], dtype: DTypeLike) -> NDArray[Any]:
    """Return an uninitialised array whose first byte lies on a multiple of 64, for the vector units."""
    wanted = np.dtype(dtype)
    nbytes = int(np.prod(shape)) * wanted.itemsize
    raw = np.empty(nbytes + _ALIGNMENT, dtype=np.uint8)
    start = -raw.ctypes.data % _ALIGNMENT
    return raw[start : start + nbytes].view(wanted).reshape(shape)


class GrowingArray(Generic[_Scalar]):
    """An array (count, *row_shape) with room behind it, doubled when full, once by a leap.

    Rows below `count` never change, and a larger array leaves the old one whole: a view that was taken stays as it was.
    """

    def __init__(self, dtype: type[_Scalar] | np.dtype[_Scalar], row_shape: tuple[int, ...] = ()) -> None:
        self.count = 0
        self.whole: NDArray[_Scalar] = aligned_empty((_CAPACITY_MIN, *row_shape), dtype)
        """Rows from `count` on are undefined."""
        self._row_bytes = self.whole[:1].nbytes
        self._present = 0
        self._room: NDArray[_Scalar] | None = None
        """What it will leap to, made ready."""

    @property
    def nbytes(self) -> int:
        """Return the bytes of the rows, without the room behind them."""
        return self.count * self._row_bytes

    def append(self, values: NDArray[_Scalar]) -> None:
        """Add rows at the end."""
        last = self.count + len(values)
        if last > len(self.whole):
            self._grow(max(last, self._next_capacity()))
        self.whole[self.count : last] = values
        self.count = last
        if self.whole.nbytes >= LEAP_TO_BYTES - self._row_bytes:
            self._stay_ahead()
        elif self._room is None and self.nbytes >= READY_FROM_BYTES:
            self._room = self._empty(LEAP_TO_BYTES // self._row_bytes)
            prefault(self._room, 0, READY_BYTES)

    def _grow(self, capacity: int) -> None:
        """Take the rows along to more room."""
        if self._room is not None and len(self._room) == capacity:
            grown, self._present = self._room, READY_BYTES
        else:
            grown, self._present = self._empty(capacity), 0
        if len(grown) * self._row_bytes > LEAP_FROM_BYTES:
            self._room = None
        grown[: self.count] = self.whole[: self.count]
        self.whole = grown

    def _empty(self, capacity: int) -> NDArray[_Scalar]:
        room = aligned_empty((capacity, *self.whole.shape[1:]), self.whole.dtype)
        if room.nbytes >= LEAP_TO_BYTES - self._row_bytes:
            use_small_pages(room)
        return room

    def _stay_ahead(self) -> None:
        """Have the room present that the next rows will take."""
        first, wanted = max(self._present, self.nbytes), self.nbytes + AHEAD_BYTES
        if wanted - first >= AHEAD_BYTES // 2 and first < self.whole.nbytes:
            self._present = min(wanted, self.whole.nbytes)
            prefault(self.whole, first, self._present)

    def _next_capacity(self) -> int:
        doubled = 2 * len(self.whole)
        if LEAP_FROM_BYTES <= doubled * self._row_bytes < LEAP_TO_BYTES:
            return LEAP_TO_BYTES // self._row_bytes
        return doubled

    def view(self, first: int = 0) -> NDArray[_Scalar]:
        """Return the rows from `first` on as a read-only view that later appends do not change."""
        rows = self.whole[first : self.count]
        rows.flags.writeable = False
        return rows
