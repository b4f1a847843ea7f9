"""What scores mean, in plain numpy: normalisation on arrival, and the twins that tests hold the kernels against.

Score: float32, higher is better under every metric: Cosine and Dot the inner product (Cosine of unit rows), Euclid
-sqrt(sum (q - x)²), Manhattan -sum |q - x|.
"""

import numpy as np
import numpy.typing as npt

from shared.schema.collections import Distance

Floats = npt.NDArray[np.float32]


def normalised(vectors: Floats) -> Floats:
    """Return rows (n, dim) or one vector (dim,) of unit length, zero rows as they are; the same bits everywhere.

    Norms are summed in float64 and the division is by one correctly rounded square root, so no CPU differs.
    """
    wide = np.asarray(vectors, dtype=np.float64)
    norms = np.sqrt(np.add.reduce(wide * wide, axis=-1, keepdims=True))
    return np.ascontiguousarray(np.divide(wide, norms, out=np.zeros_like(wide), where=norms > 0), dtype=np.float32)


def exact_scores(distance: Distance, vectors: Floats, query: Floats) -> npt.NDArray[np.float64]:
    """Return scores of all rows in float64: what every path must agree with, up to rounding."""
    rows = np.asarray(vectors, dtype=np.float64)
    target = np.asarray(query, dtype=np.float64)
    if distance in (Distance.COSINE, Distance.DOT):
        return np.asarray(rows @ target)
    if distance is Distance.EUCLID:
        return np.asarray(-np.sqrt(((rows - target) ** 2).sum(axis=1)))
    return np.asarray(-np.abs(rows - target).sum(axis=1))


def score_twin(distance: Distance, row: Floats, query: Floats) -> np.float32:
    """Return one score by the kernels' order of summation (see kernels/float_rows.py), bit for bit.

    A fused multiply-add is emulated in long double, whose 64 bits of mantissa hold a product of float32 exactly.
    """
    padded = np.zeros((2, -(-len(row) // 64) * 64), dtype=np.float32)
    padded[0, : len(row)] = query
    padded[1, : len(row)] = row
    totals = np.zeros((4, 16), dtype=np.float32)
    for q, x in zip(*padded.reshape(2, -1, 4, 16), strict=True):
        if distance in (Distance.COSINE, Distance.DOT):
            totals = _fused(q, x, totals)
        elif distance is Distance.EUCLID:
            totals = _fused(q - x, q - x, totals)
        else:
            totals = totals + np.abs(q - x)
    lanes = (totals[0] + totals[1]) + (totals[2] + totals[3])
    for half in (8, 4, 2, 1):
        lanes = lanes[:half] + lanes[half:]
    if distance in (Distance.COSINE, Distance.DOT):
        return np.float32(lanes[0] + np.float32(0))
    return np.float32(0 - (np.sqrt(lanes[0]) if distance is Distance.EUCLID else lanes[0]))


def _fused(a: Floats, b: Floats, c: Floats) -> Floats:
    wide = a.astype(np.longdouble) * b.astype(np.longdouble) + c.astype(np.longdouble)
    return wide.astype(np.float32)
