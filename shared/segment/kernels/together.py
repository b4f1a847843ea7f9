"""Scans for several queries at once: each row, or each group of 1-bit codes, is read once and scored for all of them.

The queries share index and mask and differ in the rest; each has a table of its own, a row of `tables`. Each gives the
hits that its own scan would give.
"""

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from shared.segment.kernels.keys import heap_keep, score_key
from shared.segment.kernels.memory import int64_at, uint64_at
from shared.segment.kernels.registry import kernel
from shared.segment.kernels.scores import (
    AHEAD,
    BATCH,
    next_rows,
    prefetch_row,
    row_bytes,
    row_score,
    write_hits,
)
from shared.segment.kernels.sign_rotation import GROUP
from shared.segment.kernels.signs_scan import (
    above_in,
    encode_query_signs,
    finish_signs,
    keep_estimates,
    passing_of,
)
from shared.segment.kernels.table import AT

TABLES = "int64(int64[:,::1])"


@kernel(TABLES)
def scan_raw_together(tables):
    """Write the best `limit` of all passing rows for each query."""
    queries = tables.shape[0]
    first = tables[0]
    dim, element, vectors = first[AT.dim], first[AT.element], first[AT.vectors]
    stride = row_bytes(dim, element)
    rows = np.empty(BATCH, np.int64)
    hits = np.zeros(queries, np.int64)
    cursor = 0
    while cursor < first[AT.word_count]:
        filled, cursor = next_rows(first[AT.words], first[AT.word_count], first[AT.rows], cursor, rows)
        for place in range(filled):
            if place + AHEAD < filled:
                prefetch_row(vectors + rows[place + AHEAD] * stride, stride)
            row = rows[place]
            for each in range(queries):
                score = row_score(first[AT.kind], tables[each, AT.query], vectors + row * stride, dim, element)
                best = carray(int64_at(tables[each, AT.best]), (tables[each, AT.limit],))
                hits[each] = heap_keep(best, hits[each], tables[each, AT.limit], score_key(score, row))
    for each in range(queries):
        best = carray(int64_at(tables[each, AT.best]), (tables[each, AT.limit],))
        write_hits(tables[each], best, hits[each])
    return queries


@kernel(TABLES)
def scan_signs_together(tables):
    """Do for each query what `scan_signs` does, reading each group of codes once."""
    queries = tables.shape[0]
    first = tables[0]
    factors = np.empty((queries, 5), np.float32)
    thresholds = np.full(queries, -np.inf, np.float32)
    sizes = np.zeros(queries, np.int64)
    for each in range(queries):
        f0, f1, f2, shift, square = encode_query_signs(tables[each])
        factors[each, 0], factors[each, 1], factors[each, 2] = f0, f1, f2
        factors[each, 3], factors[each, 4] = shift, square
    word_count = first[AT.word_count] if first[AT.words] else 0
    words = carray(uint64_at(first[AT.words]), (word_count,))
    for group in range((first[AT.rows] + GROUP - 1) // GROUP):
        passing = passing_of(words, word_count, group)
        if passing == np.uint64(0):
            continue
        for each in range(queries):
            mine = (factors[each, 0], factors[each, 1], factors[each, 2])
            above = above_in(tables[each], group, mine, thresholds[each]) & passing
            if above != np.uint64(0):
                sizes[each], thresholds[each] = keep_estimates(tables[each], group, above, sizes[each])
    for each in range(queries):
        finish_signs(tables[each], sizes[each], thresholds[each], factors[each, 3], factors[each, 4])
    return queries
