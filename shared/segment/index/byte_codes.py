"""int8 codes: rows padded to a multiple of 64 bytes, for walking the graph and for scanning few rows."""

from typing import Self

import numpy as np
import numpy.typing as npt

from shared.schema.collections import Distance

Arrays = dict[str, npt.NDArray[np.generic]]


class ByteCodes:
    """int8 codes of a sealed segment's rows."""

    @classmethod
    def build(cls, vectors: npt.NDArray[np.float32], distance: Distance) -> Self:
        """Return the codes of all rows of `vectors` (n, dim)."""
        raise NotImplementedError

    def arrays(self) -> Arrays:
        """Return the arrays to store, by name."""
        raise NotImplementedError

    @classmethod
    def from_arrays(cls, arrays: Arrays, distance: Distance) -> Self:
        """Return the codes over stored arrays; the rows are copied into memory of their own."""
        raise NotImplementedError

    @property
    def nbytes(self) -> int:
        """Return the bytes held."""
        raise NotImplementedError
