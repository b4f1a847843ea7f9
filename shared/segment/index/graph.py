"""The graph over a sealed segment's rows, as three flat arrays."""

from typing import Self

import numpy as np
import numpy.typing as npt


class Graph:
    """Neighbour lists in one flat array.

    offsets     int64 (n + 1,): the neighbours of row r are neighbors[offsets[r]:offsets[r + 1]]
    neighbors   int32
    entries     int32 (e,): well-spread rows where a walk may begin, 1 <= e <= 256 when n > 0
    """

    def __init__(
        self, offsets: npt.NDArray[np.int64], neighbors: npt.NDArray[np.int32], entries: npt.NDArray[np.int32]
    ) -> None:
        self.offsets = offsets
        self.neighbors = neighbors
        self.entries = entries

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return the arrays to store, by name."""
        return {"offsets": self.offsets, "neighbors": self.neighbors, "entries": self.entries}

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[np.generic]]) -> Self:
        """Return the graph over stored arrays, which may be read-only maps."""
        return cls(arrays["offsets"], arrays["neighbors"], arrays["entries"])  # type: ignore[arg-type]

    @property
    def nbytes(self) -> int:
        """Return the bytes held."""
        return self.offsets.nbytes + self.neighbors.nbytes + self.entries.nbytes
