"""int8 estimates: encoding rows and queries, and the scan of matching rows.

A row's codes are round((x - centre) · scale), clipped to int8 and padded with zeros; the query's are uint8, 128 more.
Estimates are int32 whose order is the metric's, with s the codes' sums and |c|² their squares, halved and rounded up:

    Cosine, Dot   q·c - 128 s             (the query has its own scale and no centre: both leave the order alone)
    Euclid        q·c - 128 s - |c|²/2    = (|q|² - |q - c|²) / 2
    Manhattan     -|q - (c + 128)|
"""

import math

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from shared.segment.kernels.byte_rows import byte_absolute, byte_dot
from shared.segment.kernels.keys import estimate_key, heap_keep
from shared.segment.kernels.memory import float32_at, int8_at, int32_at, int64_at, uint8_at
from shared.segment.kernels.registry import TABLE, device, kernel
from shared.segment.kernels.scores import AHEAD, BATCH, next_rows, prefetch_row, rescore
from shared.segment.kernels.table import AT, DOT, EUCLID, MANHATTAN


@device
def byte_code(value):
    """Return a scaled value as an int8 code; -128 is left out, so that codes are symmetric."""
    return np.int32(math.floor(min(max(value, np.float32(-127)), np.float32(127)) + np.float32(0.5)))


@device
def encode_query_bytes(table):
    """Write the query's uint8 codes."""
    dim = table[AT.dim]
    query = carray(float32_at(table[AT.query]), (dim,))
    codes = carray(uint8_at(table[AT.query_bytes]), (table[AT.byte_stride],))
    if table[AT.kind] == DOT:
        largest = np.float32(0)
        for t in range(dim):
            largest = max(largest, abs(query[t]))
        scale = np.float32(127) / largest if largest > 0 else np.float32(0)
        for t in range(dim):
            codes[t] = np.uint8(byte_code(query[t] * scale) + 128)
    else:
        centre = carray(float32_at(table[AT.byte_centre]), (dim,))
        scale = carray(float32_at(table[AT.byte_scale]), (1,))[0]
        for t in range(dim):
            codes[t] = np.uint8(byte_code((query[t] - centre[t]) * scale) + 128)
    for t in range(dim, table[AT.byte_stride]):
        codes[t] = np.uint8(128)


@device
def byte_estimate(kind, query_bytes, row_bytes, stride, correction):
    """Return the int32 estimate of the codes at an address."""
    if kind == MANHATTAN:
        return -byte_absolute(query_bytes, row_bytes, stride)
    return byte_dot(query_bytes, row_bytes, stride) - correction


@kernel("int64(int64, int64, int64, int64, int64, int64, int64, int64, int64, int64)")
def encode_byte_rows(kind, vectors, dim, first, last, centre, scale, codes, stride, corrections):
    """Write codes and corrections of rows [first, last). Padding must be zero already."""
    middle = carray(float32_at(centre), (dim,))
    factor = carray(float32_at(scale), (1,))[0]
    terms = carray(int32_at(corrections), (last,))
    for row in range(first, last):
        values = carray(float32_at(vectors + row * dim * 4), (dim,))
        out = carray(int8_at(codes + row * stride), (stride,))
        total = np.int64(0)
        squares = np.int64(0)
        for t in range(dim):
            code = byte_code((values[t] - middle[t]) * factor)
            out[t] = np.int8(code)
            total += code
            squares += code * code
        term = 0 if kind == MANHATTAN else 128 * total
        if kind == EUCLID:
            term += (squares + 1) >> 1
        terms[row] = np.int32(term)
    return last - first


@kernel(TABLE)
def scan_bytes(table):
    """Estimate every passing row, score the best `candidates` exactly, write the best `limit`."""
    encode_query_bytes(table)
    kind = table[AT.kind]
    stride = table[AT.byte_stride]
    codes = table[AT.byte_rows]
    corrections = carray(int32_at(table[AT.byte_corrections]), (table[AT.rows],))
    heap = carray(int64_at(table[AT.heap]), (table[AT.candidates],))
    rows = np.empty(BATCH, np.int64)
    size = 0
    scored = 0
    cursor = 0
    while cursor < table[AT.word_count]:
        filled, cursor = next_rows(table[AT.words], table[AT.word_count], table[AT.rows], cursor, rows)
        scored += filled
        for place in range(filled):
            if place + AHEAD < filled:
                prefetch_row(codes + rows[place + AHEAD] * stride, stride)
            row = rows[place]
            estimate = byte_estimate(kind, table[AT.query_bytes], codes + row * stride, stride, corrections[row])
            size = heap_keep(heap, size, table[AT.candidates], estimate_key(estimate, row))
    table[AT.scored] = scored
    return rescore(table, heap, size)
