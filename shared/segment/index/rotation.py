"""A fast random rotation: sign flips and Hadamard transforms.

The transform needs a power of two of dims; for any multiple of 64 it covers in turn the first and the last power of two
of them, so that two neighbouring rounds overlap and all dims mix. Lengths and inner products stay as they are.
"""

import numpy as np
import numpy.typing as npt

from shared.segment.kernels.sign_rotation import rotate_lanes
from shared.segment.kernels.table import address

_ROUNDS_WHOLE = 3
_ROUNDS_OVERLAPPING = 4


class Rotation:
    """Maps `dim` floats to `padded` (a multiple of 64, at least 64) rotated ones.

    The same seed gives the same rotation on every machine. `flips` is float32 (rounds, padded), each +1 or -1.
    """

    def __init__(self, dim: int, seed: int) -> None:
        self.dim = dim
        self.padded = max(64, (dim + 63) // 64 * 64)
        is_whole = self.padded & (self.padded - 1) == 0
        rounds = _ROUNDS_WHOLE if is_whole else _ROUNDS_OVERLAPPING
        words = np.random.PCG64(seed).random_raw(rounds * self.padded)
        bits = (np.asarray(words, dtype=np.uint64) >> np.uint64(63)).astype(np.float32)
        self.flips: npt.NDArray[np.float32] = (2 * bits - 1).reshape(rounds, self.padded)

    def apply(self, vectors: npt.NDArray[np.float32]) -> npt.NDArray[np.float32]:
        """Return `vectors` (n, dim) rotated: float32 (n, padded). For means and tests; scans rotate by themselves."""
        out = np.zeros((len(vectors), self.padded), dtype=np.float32)
        lanes = np.zeros((self.padded, 16), dtype=np.float32)
        for first in range(0, len(vectors), 16):
            block = vectors[first : first + 16]
            lanes[:] = 0
            lanes[: self.dim, : len(block)] = block.T
            rotate_lanes(address(lanes), self.padded, address(self.flips), len(self.flips))
            out[first : first + 16] = lanes[:, : len(block)].T
        return out
