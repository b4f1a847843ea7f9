"""MaxSim: the sum over a query's rows of the best score among a point's rows, by brute force."""

import math

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from shared.segment.kernels.float_rows import byte_square_sum, half_square_sum, square_sum
from shared.segment.kernels.keys import heap_keep, score_key
from shared.segment.kernels.memory import int64_at
from shared.segment.kernels.registry import device, kernel
from shared.segment.kernels.scores import BATCH, next_rows, prefetch_row, row_bytes, row_score, write_hits
from shared.segment.kernels.table import AT, EUCLID, FLOAT16, FLOAT32


@device
def similarity(kind, query, row, dim, element):
    """Return the score of one row, under Euclid before the root is taken."""
    if kind != EUCLID:
        return row_score(kind, query, row, dim, element)
    if element == FLOAT32:
        return np.float32(0) - square_sum(query, row, dim)
    if element == FLOAT16:
        return np.float32(0) - half_square_sum(query, row, dim)
    return np.float32(0) - byte_square_sum(query, row, dim)


@device
def max_sim(table, query_count, first, last):
    """Return the score of a point whose rows are [first, last)."""
    kind, dim, element = table[AT.kind], table[AT.dim], table[AT.element]
    stride = row_bytes(dim, element)
    total = np.float32(0)
    for number in range(query_count):
        query = table[AT.query] + number * dim * 4
        best = np.float32(-np.inf)
        for row in range(first, last):
            score = similarity(kind, query, table[AT.vectors] + row * stride, dim, element)
            if score > best:
                best = score
        total += best
    if kind == EUCLID:
        return np.float32(0) - np.float32(math.sqrt(-total))
    return total


@kernel("int64(int64[::1], int64, int64)")
def scan_multi(table, offsets, query_count):
    """Write the best `limit` of all passing points. `offsets`: address of int64 (rows + 1,), the points' first rows."""
    limit = table[AT.limit]
    best = carray(int64_at(table[AT.best]), (limit,))
    starts = carray(int64_at(offsets), (table[AT.rows] + 1,))
    stride = row_bytes(table[AT.dim], table[AT.element])
    rows = np.empty(BATCH, np.int64)
    hits = 0
    cursor = 0
    while cursor < table[AT.word_count]:
        filled, cursor = next_rows(table[AT.words], table[AT.word_count], table[AT.rows], cursor, rows)
        for place in range(filled):
            if place + 1 < filled:
                prefetch_row(table[AT.vectors] + starts[rows[place + 1]] * stride, stride)
            first, last = starts[rows[place]], starts[rows[place] + 1]
            if first < last:
                score = max_sim(table, query_count, first, last)
                hits = heap_keep(best, hits, limit, score_key(score, rows[place]))
    write_hits(table, best, hits)
    return hits
