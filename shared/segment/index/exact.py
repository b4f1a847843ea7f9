"""Exact scores: the one kernel behind every score that leaves a segment, and the scan of raw rows."""

import numpy as np
import numpy.typing as npt

from shared.schema.collections import Distance

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]


def score_rows(distance: Distance, vectors: Floats, query: Floats, rows: Rows) -> Floats:
    """Return the scores float32 (k,) of `rows` int64 (k,), higher is better, the same bits on every CPU.

    Cosine, Dot   <q, x>;  Euclid  -sqrt(sum (q - x)²);  Manhattan  -sum |q - x|
    """
    raise NotImplementedError


def scan(
    distance: Distance, vectors: Floats, count: int, query: Floats, words: Words | None, limit: int
) -> tuple[Rows, Floats]:
    """Return the best `limit` of the rows that pass, by brute force: best first, ties by row."""
    raise NotImplementedError
