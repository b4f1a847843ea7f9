"""What every kind of row codes offers: one code for each row, found by its number."""

from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from shared.segment.index.scratch import aligned

Arrays = dict[str, npt.NDArray[np.generic]]
Floats = npt.NDArray[np.float32]


class RowCodes(Protocol):
    """Codes of a sealed segment's rows. Immutable once all rows are encoded.

    name    of the kind, in file names
    codec   of the kind, in kernels/table.py
    rows    uint8 (n, stride), C-contiguous
    """

    name: str
    codec: int
    rows: npt.NDArray[np.uint8]

    def arrays(self) -> Arrays:
        """Return the arrays to store, by name."""

    def copies(self, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
        """Return the codes of some rows, side by side."""

    def fill(self, table: npt.NDArray[np.int64]) -> None:
        """Write where the codes are into a table."""

    @property
    def nbytes(self) -> int:
        """Return the bytes held."""


def copied(stored: npt.NDArray[Any], is_cold: bool) -> npt.NDArray[np.uint8]:
    """Return stored rows in memory of their own that begins at a cache line; cold ones stay in the file's map."""
    if is_cold:
        return stored
    rows = aligned(stored.shape, np.uint8)
    rows[:] = stored
    return rows
