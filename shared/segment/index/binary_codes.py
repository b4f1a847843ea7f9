"""Binary row codes: one, one and a half or two bits for each rotated dim; see kernels/binary_rows.py.

The idea is RaBitQ's, as for the built-in groups of 1-bit codes (README.md); here each row has a record of its own, so
that a walk reads one row at a time.
"""

from typing import Self

import numpy as np
import numpy.typing as npt

from shared.schema.collections import Distance
from shared.schema.quantization import BinaryEncoding, BinaryQueryEncoding
from shared.segment.index.rotation import Rotation
from shared.segment.index.row_codes import Arrays, Floats, copied
from shared.segment.index.scratch import POOL, aligned
from shared.segment.kernels.binary_rows import ONE_BIT, PAIR_BITS, TWO_BITS, encode_binary_rows
from shared.segment.kernels.table import AT, BINARY, KINDS, SIZE, address

KINDS_OF = {
    BinaryEncoding.ONE_BIT: ONE_BIT,
    BinaryEncoding.ONE_AND_HALF_BITS: PAIR_BITS,
    BinaryEncoding.TWO_BITS: TWO_BITS,
}

QUERY_BITS = {
    BinaryQueryEncoding.DEFAULT: 4,
    BinaryQueryEncoding.BINARY: 1,
    BinaryQueryEncoding.SCALAR4BITS: 4,
    BinaryQueryEncoding.SCALAR8BITS: 8,
}
"""Bits that a query keeps of each dim. More cost no memory and little time; `default` takes four."""

TERMS = 12
"""Bytes of a record that are not bits of the row."""

LINE = 64
PADDING_MAX = 1.25
"""Records take whole cache lines, or halves and quarters of one, where that makes them at most so much longer."""

_BYTES_OF_WORD = {ONE_BIT: 8, PAIR_BITS: 12, TWO_BITS: 16}
_SAMPLE = 50_000


def record_bytes(dim: int, kind: int) -> int:
    """Return the bytes of a row's record: bits, three floats, padding."""
    needed = -(-dim // 64) * _BYTES_OF_WORD[kind] + TERMS
    whole = 1 << (needed - 1).bit_length() if needed <= LINE else -(-needed // LINE) * LINE
    return whole if whole <= needed * PADDING_MAX else needed


class BinaryCodes:
    """Binary codes of a sealed segment's rows.

    rows    uint8 (n, stride): records
    shape   int64 (2,): dim and kind of the records
    mean    float32 (padded,), rotated; flips float32 (rounds, padded), the rotation
    """

    name = "binary"
    codec = BINARY

    def __init__(self, rows: npt.NDArray[np.uint8], shape: npt.NDArray[np.int64], mean: Floats, flips: Floats) -> None:
        self.rows = rows
        self.shape = shape
        self.mean = mean
        self.flips = flips
        self.query_bits = QUERY_BITS[BinaryQueryEncoding.DEFAULT]

    @classmethod
    def of(cls, vectors: Floats, encoding: BinaryEncoding | None, seed: int) -> Self:
        """Return codes with room for all rows of `vectors` (n, dim) and none encoded."""
        count, dim = vectors.shape
        kind = KINDS_OF[encoding or BinaryEncoding.ONE_BIT]
        rotation = Rotation(dim, seed)
        sample = np.asarray(vectors[:: max(1, count // _SAMPLE)], dtype=np.float32)
        mean = sample.mean(axis=0, dtype=np.float64) if count else np.zeros(dim)
        rows = aligned((count, record_bytes(dim, kind)), np.uint8)
        rows[:] = 0
        rotated = rotation.apply(mean.astype(np.float32)[None])[0].copy()
        return cls(rows, np.array([dim, kind], dtype=np.int64), rotated, rotation.flips)

    def encode(self, vectors: Floats, distance: Distance, first: int, last: int) -> None:
        """Encode rows [first, last)."""
        table = np.zeros(SIZE, dtype=np.int64)
        with POOL.lease() as scratch:
            scratch.fit_dim(self.flips.shape[1])
            self.fill(table)
            table[AT.kind] = KINDS[distance]
            table[AT.dim] = vectors.shape[1]
            table[AT.vectors] = address(vectors)
            table[AT.lanes] = scratch.table[AT.lanes]
            encode_binary_rows(table, first, last)

    def arrays(self) -> Arrays:
        """Return the arrays to store, by name."""
        return {"rows": self.rows, "shape": self.shape, "mean": self.mean, "flips": self.flips}

    @classmethod
    def from_arrays(cls, arrays: Arrays, distance: Distance, is_cold: bool = False) -> Self:
        """Return the codes over stored arrays; unless cold, the rows are copied into memory of their own."""
        return cls(
            copied(arrays["rows"], is_cold),
            np.array(arrays["shape"], dtype=np.int64),
            np.array(arrays["mean"], dtype=np.float32),
            np.array(arrays["flips"], dtype=np.float32),
        )

    def copies(self, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
        """Return the codes of some rows, side by side."""
        out = aligned((len(rows), self.rows.shape[1]), np.uint8)
        out[:] = self.rows[rows]
        return out

    def fill(self, table: npt.NDArray[np.int64]) -> None:
        """Write where the codes are into a table."""
        table[AT.codec] = BINARY
        table[AT.byte_rows] = address(self.rows)
        table[AT.byte_stride] = self.rows.shape[1]
        table[AT.binary_kind] = self.shape[1]
        table[AT.query_bits] = self.query_bits
        table[AT.sign_padded] = self.flips.shape[1]
        table[AT.sign_mean] = address(self.mean)
        table[AT.sign_flips] = address(self.flips)
        table[AT.sign_rounds] = len(self.flips)

    @property
    def nbytes(self) -> int:
        """Return the bytes held."""
        return self.rows.nbytes + self.mean.nbytes + self.flips.nbytes
