"""Binary row codes: one, one and a half or two bits for each rotated dim, in one record for each row.

With x' = R(x - mean) and D padded dims (see signs_scan.py), a row is kept as y, whose elements have two or four values:

    one bit    y_t = ±1                                       the sign
    one and a half    y_t = ±12 for the larger, ±5 for the smaller of dims t and t + 32 of a word     1 bit for two dims
    two bits   y_t = ±1, ±3                                   beyond 0.9957 root mean squares or not

and three floats: factor = |x'|² / <y, x'>, bias = <mean, x> (Cosine, Dot) or -|x'|²/2 (Euclid), sum = sum of y_t. With
the query in steps of s from lo, q' ≈ lo + s·c in 1, 4 or 8 bits, the estimate is (RaBitQ, SIGMOD 2024)

    <q', x'> ≈ (lo · sum + s · <c, y>) · factor

Manhattan has no such estimator: rows are ordered as under Euclid, and a score is that distance times sqrt(2 dim / pi).
A record is the words of signs, then the words (two bits) or half words (one and a half) of the rest, then the floats,
then padding up to the stride.
"""

import math

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from shared.segment.kernels.binary_sums import BLOCK, weighted_ones, weighted_pairs
from shared.segment.kernels.memory import float32_at, uint32_at, uint64_at
from shared.segment.kernels.registry import device, kernel
from shared.segment.kernels.sign_query import centred_query, write_planes
from shared.segment.kernels.sign_rotation import GROUP, load_lanes, rotate
from shared.segment.kernels.table import AT, DOT, MANHATTAN

ONE_BIT, PAIR_BITS, TWO_BITS = 0, 1, 2
"""Kinds of records."""

LARGER, SMALLER = 12, 5
TWO_BITS_EDGE = 0.9957
"""Where the steps of a uniform quantizer of four levels lie best for a normal distribution, in deviations."""


@device
def encode_query_binary(table):
    """Write the query's bit planes, and the terms of its estimates: lo, s, sum of codes, |q'|², what scores add."""
    padded = table[AT.sign_padded]
    count = table[AT.query_bits]
    shift, square, low, high = centred_query(table)
    step = (high - low) / np.float32((1 << count) - 1)
    if count == 1:
        values = carray(float32_at(table[AT.lanes]), (padded,))
        size = np.float32(0)
        for t in range(padded):
            size += abs(values[t])
        low = -size / np.float32(padded)
        step = -2 * low
    blocks = (padded // 64 + BLOCK - 1) // BLOCK
    carray(uint64_at(table[AT.query_planes]), (blocks * count * BLOCK,))[:] = 0
    total = write_planes(table, low, step, table[AT.query_planes], (count, BLOCK))
    terms = carray(float32_at(table[AT.query_terms]), (5,))
    terms[0] = low
    terms[1] = step
    terms[2] = np.float32(total)
    terms[3] = square
    terms[4] = shift if table[AT.kind] == DOT else np.float32(0)


@device
def binary_estimate(table, code):
    """Return the float32 estimate of the row whose record is at an address."""
    words = table[AT.sign_padded] >> 6
    kind = table[AT.binary_kind]
    planes = table[AT.query_planes]
    count = table[AT.query_bits]
    terms = carray(float32_at(table[AT.query_terms]), (5,))
    at = code + 8 * words
    if kind == ONE_BIT:
        inner = np.float32(2 * weighted_ones(code, words, planes, count)) - terms[2]
    elif kind == TWO_BITS:
        inner = np.float32(4 * weighted_ones(code, words, planes, count)) - 3 * terms[2]
        inner += np.float32(2 * weighted_ones(at, words, planes, count))
        at += 8 * words
    else:
        inner = np.float32(weighted_pairs(code, at, words, planes, count)) - 5 * terms[2]
        at += 4 * words
    rest = carray(float32_at(at), (3,))
    return (terms[0] * rest[2] + terms[1] * inner) * rest[0] + rest[1]


@device
def binary_score(table, estimate):
    """Return the score that an estimate stands for."""
    terms = carray(float32_at(table[AT.query_terms]), (5,))
    if table[AT.kind] == DOT:
        return estimate + terms[4]
    distance = np.float32(math.sqrt(max(np.float32(0), terms[3] - 2 * estimate)))
    if table[AT.kind] == MANHATTAN:
        distance *= np.float32(math.sqrt(2 * table[AT.dim] / math.pi))
    return np.float32(0) - distance


@kernel("int64(int64[::1], int64, int64)")
def encode_binary_rows(table, first, last):
    """Write the records of rows [first, last), which must be zeros."""
    padded = table[AT.sign_padded]
    lanes = table[AT.lanes]
    mean = carray(float32_at(table[AT.sign_mean]), (padded,))
    values = carray(float32_at(lanes), (padded, GROUP))
    mean_square = np.float32(0)
    for t in range(padded):
        mean_square += mean[t] * mean[t]
    row = first
    while row < last:
        end = min(last, row + GROUP)
        load_lanes(table[AT.vectors], table[AT.dim], row, end, lanes, padded)
        rotate(lanes, padded, table[AT.sign_flips], table[AT.sign_rounds])
        for lane in range(end - row):
            square = np.float32(0)
            product = np.float32(0)
            for t in range(padded):
                value = values[t, lane] - mean[t]
                values[t, lane] = value
                square += value * value
                product += value * mean[t]
            bias = product + mean_square if table[AT.kind] == DOT else -square / 2
            write_record(table, row + lane, values[:, lane], square, bias)
        row = end
    return last - first


@device
def write_record(table, row, values, square, bias):
    """Write the record of one row from its rotated and centred values."""
    kind = table[AT.binary_kind]
    padded = len(values)
    words = padded >> 6
    code = table[AT.byte_rows] + row * table[AT.byte_stride]
    signs = carray(uint64_at(code), (words,))
    for t in range(padded):
        signs[t >> 6] |= np.uint64(values[t] > 0) << np.uint64(t & 63)
    if kind == ONE_BIT:
        inner, total = write_ones(values)
        at = code + 8 * words
    elif kind == TWO_BITS:
        inner, total = write_twos(code + 8 * words, values, square)
        at = code + 16 * words
    else:
        inner, total = write_pairs(code + 8 * words, values)
        at = code + 12 * words
    rest = carray(float32_at(at), (3,))
    rest[0] = square / inner if inner > 0 else np.float32(0)
    rest[1] = bias
    rest[2] = total


@device
def write_ones(values):
    """Return <y, x'> and the sum of y of signs."""
    inner = np.float32(0)
    total = np.float32(0)
    for t in range(len(values)):
        inner += abs(values[t])
        total += np.float32(1) if values[t] > 0 else np.float32(-1)
    return inner, total


@device
def write_twos(at, values, square):
    """Write the low bits of y = 4·sign + 2·low - 3; return <y, x'> and the sum of y."""
    lows = carray(uint64_at(at), (len(values) >> 6,))
    edge = np.float32(TWO_BITS_EDGE) * np.float32(math.sqrt(square / np.float32(len(values))))
    inner = np.float32(0)
    total = np.float32(0)
    for t in range(len(values)):
        size = np.float32(3) if abs(values[t]) > edge else np.float32(1)
        is_positive = values[t] > 0
        low = (size > 2) == is_positive
        lows[t >> 6] |= np.uint64(low) << np.uint64(t & 63)
        inner += size * abs(values[t])
        total += size if is_positive else -size
    return inner, total


@device
def write_pairs(at, values):
    """Write for dims t and t + 32 of each word whether the first is larger; return <y, x'> and the sum of y."""
    halves = carray(uint32_at(at), (len(values) >> 6,))
    inner = np.float32(0)
    total = np.float32(0)
    for word in range(len(values) >> 6):
        marks = np.uint32(0)
        for t in range(32):
            one = values[word * 64 + t]
            other = values[word * 64 + t + 32]
            is_larger = abs(one) >= abs(other)
            marks |= np.uint32(is_larger) << np.uint32(t)
            first = np.float32(LARGER if is_larger else SMALLER)
            second = np.float32(SMALLER if is_larger else LARGER)
            inner += first * abs(one) + second * abs(other)
            total += first if one > 0 else -first
            total += second if other > 0 else -second
        halves[word] = marks
    return inner, total
