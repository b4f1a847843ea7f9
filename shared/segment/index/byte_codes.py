"""int8 codes: rows padded to a multiple of 64 bytes, for walking the graph and for scanning few rows."""

from typing import Self

import numpy as np
import numpy.typing as npt

from shared.schema.collections import Distance
from shared.segment.index.scratch import aligned
from shared.segment.kernels.bytes_scan import encode_byte_rows
from shared.segment.kernels.table import AT, KINDS, address

Arrays = dict[str, npt.NDArray[np.generic]]
Floats = npt.NDArray[np.float32]

SAMPLE = 20_000
DEVIATIONS = 8.0
"""Values further from the centre than so many root mean squares of the widest dim are clipped.

Not under Dot, whose best rows are the long ones.
"""


def choose_scale(vectors: Floats, distance: Distance, is_centred: bool) -> tuple[Floats, np.float32]:
    """Return centre (dim,) and scale of the codes for `vectors`: whole numbers in [0, 255] are kept exactly."""
    step = max(1, len(vectors) // SAMPLE)
    sample = np.asarray(vectors[::step], dtype=np.float32)
    if len(sample) == 0:
        return np.zeros(vectors.shape[1], dtype=np.float32), np.float32(1)
    if is_centred and sample.min() >= 0 and 1 < sample.max() <= 255 and not np.any(sample != np.floor(sample)):
        return np.full(vectors.shape[1], 128, dtype=np.float32), np.float32(1)
    centre = sample.mean(axis=0, dtype=np.float64).astype(np.float32) * np.float32(is_centred)
    spread = sample - centre
    largest = float(np.abs(spread).max())
    widest = float(np.sqrt((spread * spread).mean(axis=0, dtype=np.float64).max()))
    reach = largest if distance is Distance.DOT else min(largest, DEVIATIONS * widest)
    return centre, np.float32(127 / reach if reach > 0 else 1)


class ByteCodes:
    """int8 codes of a sealed segment's rows.

    rows     uint8 (n, stride), C-contiguous: int8 codes plus 128
    halves   int32 (n,) under Euclid, else (1,): see kernels/bytes_scan.py
    centre   float32 (dim,)
    scale    float32 (1,)
    """

    name = "bytes"

    def __init__(
        self, rows: npt.NDArray[np.uint8], halves: npt.NDArray[np.int32], centre: Floats, scale: Floats
    ) -> None:
        self.rows = rows
        self.halves = halves
        self.centre = centre
        self.scale = scale

    @classmethod
    def build(cls, vectors: Floats, distance: Distance) -> Self:
        """Return the codes of all rows of `vectors` (n, dim)."""
        codes = cls.prepare(vectors, distance)
        codes.encode(vectors, distance, 0, len(vectors))
        return codes

    @classmethod
    def prepare(cls, vectors: Floats, distance: Distance, is_centred: bool = True) -> Self:
        """Return codes with room for all rows of `vectors` and none encoded, for builders that encode in threads."""
        count, dim = vectors.shape
        centre, scale = choose_scale(vectors, distance, is_centred)
        rows = aligned((count, (dim + 63) // 64 * 64), np.uint8)
        rows[:] = 128
        halves = np.zeros(count if distance is Distance.EUCLID else 1, dtype=np.int32)
        return cls(rows, halves, centre, np.array([scale], dtype=np.float32))

    def encode(self, vectors: Floats, distance: Distance, first: int, last: int) -> None:
        """Encode rows [first, last)."""
        encode_byte_rows(
            KINDS[distance], address(vectors), vectors.shape[1], first, last, address(self.centre),
            address(self.scale), address(self.rows), self.rows.shape[1], address(self.halves),
        )  # fmt: skip

    def arrays(self) -> Arrays:
        """Return the arrays to store, by name."""
        return {"rows": self.rows, "halves": self.halves, "centre": self.centre, "scale": self.scale}

    @classmethod
    def from_arrays(cls, arrays: Arrays, distance: Distance) -> Self:
        """Return the codes over stored arrays; the rows are copied into memory of their own.

        A walk reads rows at random: private memory comes in huge pages, a mapped file does not.
        """
        rows = aligned(arrays["rows"].shape, np.uint8)
        rows[:] = arrays["rows"]
        return cls(
            rows,
            np.array(arrays["halves"], dtype=np.int32),
            np.array(arrays["centre"], dtype=np.float32),
            np.array(arrays["scale"], dtype=np.float32),
        )

    def copies(self, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
        """Return the codes of some rows, side by side."""
        out = aligned((len(rows), self.rows.shape[1]), np.uint8)
        out[:] = self.rows[rows]
        return out

    def fill(self, table: npt.NDArray[np.int64]) -> None:
        """Write where the codes are into a table."""
        table[AT.byte_rows] = address(self.rows)
        table[AT.byte_stride] = self.rows.shape[1]
        table[AT.byte_halves] = address(self.halves)
        table[AT.byte_centre] = address(self.centre)
        table[AT.byte_scale] = address(self.scale)

    @property
    def nbytes(self) -> int:
        """Return the bytes held."""
        return self.rows.nbytes + self.halves.nbytes + self.centre.nbytes + self.scale.nbytes
