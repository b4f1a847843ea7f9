"""Product codes: one byte for `compression` / 4 elements, the number of one of 256 centroids learnt from the rows.

Jégou, Douze, Schmid, "Product Quantization for Nearest Neighbor Search", PAMI 2011. Centroids come from Lloyd's
iterations over a sample, begun at random rows of it; a centroid that nothing is near to moves to a random row.
"""

from typing import Self

import numpy as np
import numpy.typing as npt

from shared.schema.collections import Distance
from shared.segment.index.row_codes import Arrays, Floats, copied
from shared.segment.kernels.product_rows import CENTROIDS, encode_product_rows, sum_product_rows
from shared.segment.kernels.table import AT, PRODUCT, address

SAMPLE = 40 * CENTROIDS
"""Rows that centroids are learnt from: about forty for each."""

ROUNDS = 10


class ProductCodes:
    """Product codes of a sealed segment's rows.

    rows        uint8 (n, parts)
    centroids   float32 (parts, size, 256); elements beyond the dim are zeros
    """

    name = "product"
    codec = PRODUCT

    def __init__(self, rows: npt.NDArray[np.uint8], centroids: Floats) -> None:
        self.rows = rows
        self.centroids = centroids
        self._middles: Floats = centroids.mean(axis=2, dtype=np.float64).astype(np.float32)
        self._radii = _radii(centroids, self._middles)

    @classmethod
    def of(cls, vectors: Floats, compression: int, seed: int, distance: Distance) -> Self:
        """Return codes with centroids learnt from `vectors` (n, dim), with room for all its rows and none encoded."""
        size = min(compression // 4, vectors.shape[1])
        parts = -(-vectors.shape[1] // size)
        centroids = learnt(vectors, size, np.random.Generator(np.random.PCG64(seed)))
        codes = cls(np.zeros((len(vectors), parts), dtype=np.uint8), centroids)
        codes.bind(distance)
        return codes

    def bind(self, distance: Distance) -> None:
        """Say how rows are compared: radii are sums of differences under Manhattan."""
        if distance is Distance.MANHATTAN:
            self._radii = _radii(self.centroids, self._middles, is_absolute=True)

    def encode(self, vectors: Floats, distance: Distance, first: int, last: int) -> None:
        """Encode rows [first, last)."""
        _encode(vectors, self.centroids, self.rows, first, last)

    def arrays(self) -> Arrays:
        """Return the arrays to store, by name."""
        return {"rows": self.rows, "centroids": self.centroids}

    @classmethod
    def from_arrays(cls, arrays: Arrays, distance: Distance, is_cold: bool = False) -> Self:
        """Return the codes over stored arrays; unless cold, the rows are copied into memory of their own."""
        codes = cls(copied(arrays["rows"], is_cold), np.array(arrays["centroids"], dtype=np.float32))
        codes.bind(distance)
        return codes

    def copies(self, rows: npt.NDArray[np.int32]) -> npt.NDArray[np.uint8]:
        """Return the codes of some rows, side by side."""
        return self.rows[rows]

    def fill(self, table: npt.NDArray[np.int64]) -> None:
        """Write where the codes are into a table."""
        parts, size, _ = self.centroids.shape
        table[AT.codec] = PRODUCT
        table[AT.byte_rows] = address(self.rows)
        table[AT.byte_stride] = parts
        table[AT.product_centroids] = address(self.centroids)
        table[AT.product_middles] = address(self._middles)
        table[AT.product_radii] = address(self._radii)
        table[AT.product_parts] = parts
        table[AT.product_size] = size

    @property
    def nbytes(self) -> int:
        """Return the bytes held."""
        return self.rows.nbytes + self.centroids.nbytes + self._middles.nbytes + self._radii.nbytes


def learnt(vectors: Floats, size: int, draw: np.random.Generator) -> Floats:
    """Return centroids float32 (parts, size, 256) for rows (n, dim)."""
    count, dim = vectors.shape
    parts = -(-dim // size)
    if count == 0:
        return np.zeros((parts, size, CENTROIDS), dtype=np.float32)
    chosen = np.sort(draw.choice(count, min(count, SAMPLE), replace=False))
    sample = np.zeros((len(chosen), parts * size), dtype=np.float32)
    sample[:, :dim] = vectors[chosen]
    begun = sample[draw.choice(len(sample), CENTROIDS, replace=len(sample) < CENTROIDS)]
    centroids = np.ascontiguousarray(begun.reshape(CENTROIDS, parts, size).transpose(1, 2, 0))
    codes = np.empty((len(sample), parts), dtype=np.uint8)
    for _ in range(ROUNDS):
        _encode(sample, centroids, codes, 0, len(sample))
        centroids = _moved(sample, codes, size, draw)
    return centroids


def _moved(sample: Floats, codes: npt.NDArray[np.uint8], size: int, draw: np.random.Generator) -> Floats:
    """Return the means of the parts that each centroid is nearest to."""
    parts = codes.shape[1]
    sums = np.zeros((parts, CENTROIDS, size), dtype=np.float64)
    counts = np.zeros((parts, CENTROIDS), dtype=np.int64)
    sum_product_rows(
        address(sample), sample.shape[1], len(sample), address(codes), parts, size, address(sums), address(counts)
    )
    means = (sums / np.maximum(counts, 1)[:, :, None]).astype(np.float32)
    lost_parts, lost = np.nonzero(counts == 0)
    rows = draw.integers(0, len(sample), len(lost))
    means[lost_parts, lost] = sample.reshape(len(sample), parts, size)[rows, lost_parts]
    return np.ascontiguousarray(means.transpose(0, 2, 1))


def _encode(vectors: Floats, centroids: Floats, codes: npt.NDArray[np.uint8], first: int, last: int) -> None:
    parts, size, _ = centroids.shape
    places = np.array([address(centroids), size], dtype=np.int64)
    encode_product_rows(address(vectors), vectors.shape[1], first, last, address(places), parts, address(codes))


def _radii(centroids: Floats, middles: Floats, is_absolute: bool = False) -> Floats:
    """Return the greatest distance of a centroid from its part's middle, a hair more."""
    away = centroids - middles[:, :, None]
    reach = np.abs(away).sum(axis=1) if is_absolute else np.sqrt((away * away).sum(axis=1))
    return np.asarray(reach.max(axis=1) * 1.0001, dtype=np.float32)
