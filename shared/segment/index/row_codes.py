"""What every kind of row codes offers: one code for each row, found by its number."""

from typing import Protocol

import numpy as np
import numpy.typing as npt

Arrays = dict[str, npt.NDArray[np.generic]]
Floats = npt.NDArray[np.float32]


class RowCodes(Protocol):
    """Codes of a sealed segment's rows. Immutable."""

    name: str
    """Of the kind, in file names."""
    rows: npt.NDArray[np.uint8]
    """(n, stride), C-contiguous."""

    def arrays(self) -> Arrays:
        """Return the arrays to store, by name."""

    def copies(self, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
        """Return the codes of some rows, side by side."""

    def fill(self, table: npt.NDArray[np.int64]) -> None:
        """Write where the codes are into a table."""

    @property
    def nbytes(self) -> int:
        """Return the bytes held."""
