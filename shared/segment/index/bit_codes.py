"""1-bit codes (RaBitQ) in blocks of 64 rows, which can be appended to."""

from typing import Self

import numpy as np
import numpy.typing as npt

from shared.schema.collections import Distance

Arrays = dict[str, npt.NDArray[np.generic]]

DIM_MIN = 64
"""Below so many dims raw rows are scanned instead."""


def has_bit_codes(dim: int, distance: Distance) -> bool:
    """Return whether a slot of this layout carries 1-bit codes at all."""
    return dim >= DIM_MIN and distance is not Distance.MANHATTAN


class BitCodes:
    """1-bit codes of rows [0, count). Appended to by one loop while others read."""

    def __init__(self, dim: int, distance: Distance, seed: int) -> None: ...

    @property
    def count(self) -> int:
        """Return how many rows have codes: 0 until the mean froze after 1,000 rows."""
        raise NotImplementedError

    def append(self, vectors: npt.NDArray[np.float32], first_row: int) -> None:
        """Encode rows [first_row, len(vectors)); `vectors` (n, dim) holds ALL rows up to now, row 0 first.

        first_row must be the number of rows seen so far.
        """
        raise NotImplementedError

    @classmethod
    def build(cls, vectors: npt.NDArray[np.float32], distance: Distance, seed: int) -> Self:
        """Return the codes of all rows of `vectors` (n, dim) at once."""
        raise NotImplementedError

    def arrays(self) -> Arrays:
        """Return the arrays to store, by name."""
        raise NotImplementedError

    @classmethod
    def from_arrays(cls, arrays: Arrays, dim: int, distance: Distance) -> Self:
        """Return the codes over stored arrays, which may be read-only maps; such codes are not appended to."""
        raise NotImplementedError

    @property
    def nbytes(self) -> int:
        """Return the bytes held."""
        raise NotImplementedError
