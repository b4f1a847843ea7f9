"""1-bit codes (RaBitQ) in groups of sixteen rows, which can be appended to.

Rows are coded relative to a mean. An appendable segment does not know its mean: the first 1,000 rows have no codes
(they are scanned raw), then their mean freezes and all rows are encoded.
"""

from collections.abc import Callable
from typing import Any, Self

import numpy as np
import numpy.typing as npt

from shared.schema.collections import Distance
from shared.segment.index.rotation import Rotation
from shared.segment.index.scratch import POOL, aligned
from shared.segment.kernels.sign_rotation import GROUP
from shared.segment.kernels.signs_scan import encode_sign_rows
from shared.segment.kernels.table import AT, KINDS, SIZE, address

Arrays = dict[str, npt.NDArray[np.generic]]
Floats = npt.NDArray[np.float32]
Stored = npt.NDArray[Any]
Widen = Callable[[Stored], Floats]
"""Gives rows as they are compared, float32; rows that are so already come back as they are."""

DIM_MIN = 64
"""Below so many dims raw rows are scanned instead."""

ROWS_OF_MEAN = 1000
"""The mean freezes when so many rows are there."""

_SAMPLE = 50_000


def has_bit_codes(dim: int, distance: Distance) -> bool:
    """Return whether a slot of this layout carries 1-bit codes at all."""
    return dim >= DIM_MIN and distance is not Distance.MANHATTAN


class BitCodes:
    """1-bit codes of rows [0, count). Appended to by one loop while others read.

    words   uint64 (groups, padded / 64, 16): the sign bits of sixteen rows, word by word
    meta    float32 (groups, 3, 16): factor, bias, ones (see kernels/signs_scan.py)
    mean    float32 (padded,), rotated; flips float32 (rounds, padded), the rotation
    """

    def __init__(self, dim: int, distance: Distance, seed: int, widen: Widen = np.asarray) -> None:
        self._dim = dim
        self._distance = distance
        self._widen = widen
        self._rotation: Rotation | None = Rotation(dim, seed)
        self._flips = self._rotation.flips
        self._mean: Floats | None = None
        self._count = 0
        self._words, self._meta = self._room(0)

    def _room(self, groups: int) -> tuple[npt.NDArray[np.uint64], Floats]:
        words = aligned((groups, self._flips.shape[1] // 64, GROUP), np.uint64)
        meta = aligned((groups, 3, GROUP), np.float32)
        words[:] = 0
        meta[:] = 0
        return words, meta

    @property
    def count(self) -> int:
        """Return how many rows have codes: 0 until the mean froze after 1,000 rows."""
        return self._count

    def append(self, vectors: Stored, first_row: int) -> None:
        """Encode rows [first_row, len(vectors)); `vectors` (n, dim) holds ALL rows up to now, row 0 first.

        They are what `widen` takes. first_row must be the number of rows seen so far.
        """
        if self._mean is None:
            if len(vectors) < ROWS_OF_MEAN:
                return
            self._freeze(self._widen(vectors[:ROWS_OF_MEAN]))
        assert self._count == 0 or first_row == self._count, f"expected row {self._count}, got {first_row}"
        self._encode(self._widen(vectors[self._count :]), self._count)

    @classmethod
    def build(cls, vectors: Floats, distance: Distance, seed: int) -> Self:
        """Return the codes of all rows of `vectors` (n, dim) at once."""
        codes = cls(vectors.shape[1], distance, seed)
        if len(vectors):
            codes._freeze(vectors[:: max(1, len(vectors) // _SAMPLE)])
            codes._encode(vectors, 0)
        return codes

    def _freeze(self, sample: Floats) -> None:
        assert self._rotation is not None, "stored codes are not appended to"
        mean = np.asarray(sample).mean(axis=0, dtype=np.float64).astype(np.float32)
        self._mean = self._rotation.apply(mean[None])[0].copy()

    def _encode(self, vectors: Floats, first: int) -> None:
        """Encode rows from `first` on, of which `vectors` holds all that there are."""
        last = first + len(vectors)
        groups = -(-last // GROUP)
        if groups > len(self._words):
            words, meta = self._room(max(groups, 2 * len(self._words)) if first else groups)
            words[: len(self._words)] = self._words
            meta[: len(self._meta)] = self._meta
            self._words, self._meta = words, meta
        table = np.zeros(SIZE, dtype=np.int64)
        with POOL.lease() as scratch:
            scratch.fit_dim(self._flips.shape[1])
            self.fill(table)
            table[AT.kind] = KINDS[self._distance]
            table[AT.dim] = self._dim
            table[AT.vectors] = address(vectors) - first * vectors.strides[0]
            table[AT.lanes] = scratch.table[AT.lanes]
            encode_sign_rows(table, first, last)
        self._count = last

    def arrays(self) -> Arrays:
        """Return the arrays to store, by name; none before the mean froze."""
        if self._mean is None:
            return {}
        groups = -(-self._count // GROUP)
        return {
            "words": self._words[:groups],
            "meta": self._meta[:groups],
            "mean": self._mean,
            "flips": self._flips,
            "count": np.array([self._count], dtype=np.int64),
        }

    @classmethod
    def from_arrays(cls, arrays: Arrays, dim: int, distance: Distance) -> Self:
        """Return the codes over stored arrays, which may be read-only maps; such codes are not appended to."""
        codes = cls.__new__(cls)
        codes._dim, codes._distance, codes._rotation = dim, distance, None
        codes._flips = arrays["flips"]  # type: ignore[assignment]
        codes._mean = arrays["mean"]  # type: ignore[assignment]
        codes._words = arrays["words"]  # type: ignore[assignment]
        codes._meta = arrays["meta"]  # type: ignore[assignment]
        codes._count = int(arrays["count"][0])
        return codes

    def fill(self, table: npt.NDArray[np.int64]) -> None:
        """Write where the codes are into a table."""
        table[AT.sign_words] = address(self._words)
        table[AT.sign_meta] = address(self._meta)
        table[AT.sign_padded] = self._flips.shape[1]
        table[AT.sign_mean] = address(self._mean)
        table[AT.sign_flips] = address(self._flips)
        table[AT.sign_rounds] = len(self._flips)

    @property
    def held(self) -> tuple[npt.NDArray[np.generic], ...]:
        """Return the arrays that a table points at, for whoever must keep them alive."""
        return (self._words, self._meta, self._flips, *(() if self._mean is None else (self._mean,)))

    @property
    def nbytes(self) -> int:
        """Return the bytes held."""
        return sum(array.nbytes for array in self.held)
