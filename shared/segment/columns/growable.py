"""An array that grows at its end: capacity doubles, so appending costs O(1) an element."""

from typing import Any

import numpy as np
import numpy.typing as npt

CAPACITY_MIN = 64


class Growable:
    """One dimension, one type. `view()` is what was appended so far: read only, and never changed by later appends."""

    __slots__ = ("_buffer", "count")

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self._buffer = np.empty(0, dtype)
        self.count = 0

    def append(self, values: npt.ArrayLike) -> None:
        """Add values at the end."""
        added = np.asarray(values, self._buffer.dtype)
        end = self.count + len(added)
        if end > len(self._buffer):
            grown = np.empty(max(end, 2 * len(self._buffer), CAPACITY_MIN), self._buffer.dtype)
            grown[: self.count] = self._buffer[: self.count]
            self._buffer = grown
        self._buffer[self.count : end] = added
        self.count = end

    def trim(self) -> None:
        """Give spare capacity back."""
        if len(self._buffer) > self.count:
            self._buffer = self._buffer[: self.count].copy()

    def view(self) -> npt.NDArray[Any]:
        return self._buffer[: self.count]

    @property
    def nbytes(self) -> int:
        return int(self._buffer.nbytes)
