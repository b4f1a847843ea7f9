"""int8 codes: rows padded to a multiple of 64 bytes, for walking the graph and for scanning few rows.

Built in, they are chosen to be as exact as one byte can be. As the codes of a `scalar` quantization they are the same
but for the `quantile`: values outside the middle share are clipped, so that the rest gets finer steps.
"""

from typing import Self

import numpy as np
import numpy.typing as npt

from shared.schema.collections import Distance
from shared.segment.index.row_codes import Arrays, Floats, copied
from shared.segment.index.scratch import aligned
from shared.segment.kernels.bytes_scan import encode_byte_rows
from shared.segment.kernels.table import AT, BYTES, KINDS, address

SAMPLE = 20_000
DEVIATIONS = 8.0
"""Values further from the centre than so many root mean squares of the widest dim are clipped.

Not under Dot, whose best rows are the long ones.
"""


def choose_scale(vectors: Floats, distance: Distance, is_centred: bool) -> tuple[Floats, np.float32]:
    """Return centre (dim,) and scale of the codes for `vectors`: whole numbers in [0, 255] are kept exactly."""
    sample = _sample(vectors)
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


def quantile_scale(vectors: Floats, quantile: float | None) -> tuple[Floats, np.float32]:
    """Return centre (dim,) and scale of codes that clip all but the middle `quantile` of values; None clips none."""
    sample = _sample(vectors)
    if len(sample) == 0:
        return np.zeros(vectors.shape[1], dtype=np.float32), np.float32(1)
    centre = sample.mean(axis=0, dtype=np.float64).astype(np.float32)
    spread = np.abs(sample - centre)
    reach = float(spread.max() if quantile is None else np.quantile(spread, quantile))
    return centre, np.float32(127 / reach if reach > 0 else 1)


def _sample(vectors: Floats) -> Floats:
    return np.asarray(vectors[:: max(1, len(vectors) // SAMPLE)], dtype=np.float32)


class ByteCodes:
    """int8 codes of a sealed segment's rows.

    rows     uint8 (n, stride), C-contiguous: int8 codes plus 128
    halves   int32 (n,) under Euclid, else (1,): see kernels/bytes_scan.py
    centre   float32 (dim,)
    scale    float32 (1,)
    """

    name = "bytes"
    codec = BYTES

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
        return cls.with_scale(vectors, distance, *choose_scale(vectors, distance, is_centred))

    @classmethod
    def with_scale(cls, vectors: Floats, distance: Distance, centre: Floats, scale: np.float32) -> Self:
        """Return codes with room for all rows of `vectors` and none encoded."""
        count, dim = vectors.shape
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
    def from_arrays(cls, arrays: Arrays, distance: Distance, is_cold: bool = False) -> Self:
        """Return the codes over stored arrays; unless cold, the rows are copied into memory of their own.

        A walk reads rows at random: private memory comes in huge pages, a mapped file does not.
        """
        return cls(
            copied(arrays["rows"], is_cold),
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
        table[AT.codec] = BYTES
        table[AT.byte_rows] = address(self.rows)
        table[AT.byte_stride] = self.rows.shape[1]
        table[AT.byte_halves] = address(self.halves)
        table[AT.byte_centre] = address(self.centre)
        table[AT.byte_scale] = address(self.scale)

    @property
    def nbytes(self) -> int:
        """Return the bytes held."""
        return self.rows.nbytes + self.halves.nbytes + self.centre.nbytes + self.scale.nbytes


class ScalarCodes(ByteCodes):
    """int8 codes as the codes of a quantization."""

    name = "scalar"

    @classmethod
    def of(cls, vectors: Floats, distance: Distance, quantile: float | None) -> Self:
        """Return codes with room for all rows of `vectors` and none encoded."""
        return cls.with_scale(vectors, distance, *quantile_scale(vectors, quantile))
