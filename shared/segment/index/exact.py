"""Exact scores: the one kernel behind every score that leaves a segment, and the scan of raw rows."""

from typing import Any

import numpy as np
import numpy.typing as npt

from shared.schema.collections import Distance
from shared.segment.index.scratch import POOL
from shared.segment.kernels import scores
from shared.segment.kernels.table import AT, FLOAT16, FLOAT32, KINDS, SIZE, UINT8, UNIT_UINT8, address

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

_ELEMENT_OF = {np.dtype("<f4"): FLOAT32, np.dtype("<f2"): FLOAT16, np.dtype("u1"): UINT8}


def element_of(distance: Distance, vectors: npt.NDArray[Any]) -> int:
    """Return what kernels call the elements of rows."""
    element = _ELEMENT_OF[vectors.dtype]
    return UNIT_UINT8 if element == UINT8 and distance is Distance.COSINE else element


def score_rows(distance: Distance, vectors: npt.NDArray[Any], query: Floats, rows: Rows) -> Floats:
    """Return the scores float32 (k,) of `rows` int64 (k,), higher is better, the same bits on every CPU.

    vectors       (n, dim) of float32, float16 or uint8; bytes under Cosine are compared at unit length
    Cosine, Dot   <q, x>;  Euclid  -sqrt(sum (q - x)²);  Manhattan  -sum |q - x|
    """
    query = np.ascontiguousarray(query, dtype=np.float32)
    rows = np.ascontiguousarray(rows, dtype=np.int64)
    assert query.shape == (vectors.shape[1],), f"expected dim {vectors.shape[1]}, got {query.shape}"
    assert len(rows) == 0 or (rows.min() >= 0 and rows.max() < len(vectors)), "row out of range"
    out = np.empty(len(rows), dtype=np.float32)
    scores.score_rows(
        KINDS[distance], element_of(distance, vectors), address(vectors), vectors.shape[1],
        address(query), address(rows), len(rows), address(out),
    )  # fmt: skip
    return out


def scan(
    distance: Distance, vectors: npt.NDArray[Any], count: int, query: Floats, words: Words | None, *, limit: int
) -> tuple[Rows, Floats]:
    """Return the best `limit` of the rows that pass, by brute force: best first, ties by row."""
    table = np.zeros(SIZE, dtype=np.int64)
    limit = min(limit, count)
    with POOL.lease() as scratch:
        scratch.fit_dim(vectors.shape[1])
        scratch.fit_limit(limit)
        scratch.query[: vectors.shape[1]] = query
        table[AT.query :] = scratch.table[AT.query :]
        table[AT.kind] = KINDS[distance]
        table[AT.dim] = vectors.shape[1]
        table[AT.rows] = count
        table[AT.vectors] = address(vectors)
        table[AT.element] = element_of(distance, vectors)
        table[AT.words], table[AT.listed] = address(words), 0
        table[AT.word_count] = (count + 63) // 64 if words is None else min(len(words), (count + 63) // 64)
        table[AT.limit] = limit
        hits = scores.scan_raw(table)
        return scratch.rows[:hits].copy(), scratch.scores[:hits].copy()
