"""int8 estimates: encoding rows and queries.

A row's codes are c = round((x - centre) · scale), clipped, kept as the uint8 c + 128 and padded with 128; the query's
codes q are int8, padded with 0. So the products of bytes sum to q·c + 128 · sum(q), and no row needs a correction.
Estimates are int32 whose order is the metric's:

    Cosine, Dot   q·c              (the query has its own scale and no centre: both leave the order alone)
    Euclid        q·c - |c|²/2     = (|q|² - |q - c|²) / 2, the halves of squares rounded up
    Manhattan     -|q - c|
"""

import math

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from shared.segment.kernels.byte_rows import byte_absolute, byte_dot
from shared.segment.kernels.memory import float32_at, int8_at, int32_at, uint8_at
from shared.segment.kernels.registry import device, kernel
from shared.segment.kernels.table import AT, DOT, EUCLID, MANHATTAN


@device
def byte_code(value):
    """Return a scaled value as an int8 code."""
    return np.int32(math.floor(min(max(value, np.float32(-128)), np.float32(127)) + np.float32(0.5)))


@device
def encode_query_bytes(table):
    """Write the query's int8 codes, and 128 times their sum as the table's shift."""
    dim = table[AT.dim]
    query = carray(float32_at(table[AT.query]), (dim,))
    codes = carray(int8_at(table[AT.query_bytes]), (table[AT.byte_stride],))
    total = np.int64(0)
    if table[AT.kind] == DOT:
        largest = np.float32(0)
        for t in range(dim):
            largest = max(largest, abs(query[t]))
        scale = np.float32(127) / largest if largest > 0 else np.float32(0)
        for t in range(dim):
            code = byte_code(query[t] * scale)
            codes[t] = np.int8(code)
            total += code
    else:
        centre = carray(float32_at(table[AT.byte_centre]), (dim,))
        scale = carray(float32_at(table[AT.byte_scale]), (1,))[0]
        for t in range(dim):
            code = byte_code((query[t] - centre[t]) * scale)
            codes[t] = np.int8(code)
            total += code
    for t in range(dim, table[AT.byte_stride]):
        codes[t] = 0
    table[AT.byte_shift] = 128 * total


@device
def byte_estimate(table, source, code, row):
    """Return the int32 estimate of `row`, whose codes are at `code`, for the int8 codes at `source`."""
    kind = table[AT.kind]
    if kind == MANHATTAN:
        return -byte_absolute(code, source, table[AT.byte_stride])
    product = byte_dot(code, source, table[AT.byte_stride]) - np.int32(table[AT.byte_shift])
    if kind == EUCLID:
        return product - carray(int32_at(table[AT.byte_halves]), (table[AT.rows],))[np.uintp(row)]
    return product


@kernel("int64(int64, int64, int64, int64, int64, int64, int64, int64, int64, int64)")
def encode_byte_rows(kind, vectors, dim, first, last, centre, scale, codes, stride, halves):
    """Write the codes of rows [first, last), and half their squares for Euclid. Padding must be there already."""
    middle = carray(float32_at(centre), (dim,))
    factor = carray(float32_at(scale), (1,))[0]
    terms = carray(int32_at(halves), (last,))
    for row in range(first, last):
        values = carray(float32_at(vectors + row * dim * 4), (dim,))
        out = carray(uint8_at(codes + row * stride), (stride,))
        squares = np.int64(0)
        for t in range(dim):
            code = byte_code((values[t] - middle[t]) * factor)
            out[t] = np.uint8(code + 128)
            squares += code * code
        if kind == EUCLID:
            terms[row] = np.int32((squares + 1) >> 1)
    return last - first
