"""A query beside sign codes, in groups or in records: rotated, centred, and cut into bit planes."""

import math

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from shared.segment.kernels.memory import float32_at
from shared.segment.kernels.query_lanes import LANES, WORD, butterflies, flip_signs, plane_words
from shared.segment.kernels.registry import device, kernel
from shared.segment.kernels.sign_lanes import butterfly
from shared.segment.kernels.sign_rotation import transform_width
from shared.segment.kernels.table import AT

FLOAT = 4
"""Bytes of a float32."""


@device
def rotate_one(values, padded, flips, rounds):
    """Rotate one row of floats in place: the same operations as `rotate` does in each lane."""
    width = transform_width(padded)
    norm = np.float32(1 / math.sqrt(width))
    for step in range(rounds):
        start = 0 if step % 2 == 0 else padded - width
        for t in range(0, padded, LANES):
            inside = start <= t < start + width
            at = values + t * FLOAT
            flip_signs(at, flips + (step * padded + t) * FLOAT, norm if inside else np.float32(1))
            if inside:
                butterflies(at)
        base = values + start * FLOAT
        half = LANES
        while half < width:
            for first in range(0, width, 2 * half):
                for t in range(first, first + half, LANES):
                    butterfly(base + t * FLOAT, base + (t + half) * FLOAT)
            half *= 2


@kernel("int64(int64, int64, int64, int64)")
def rotate_row(values, padded, flips, rounds):
    """Rotate one row: float32 (padded,). For tests; queries are rotated by the kernels that search."""
    rotate_one(values, padded, flips, rounds)
    return 0


@device
def centred_query(table):
    """Rotate and centre the query at the start of the scratch's lanes.

    Return <q', mean>, |q'|², the least and the greatest of q'.
    """
    padded = table[AT.sign_padded]
    dim = table[AT.dim]
    values = carray(float32_at(table[AT.lanes]), (padded,))
    query = carray(float32_at(table[AT.query]), (dim,))
    mean = carray(float32_at(table[AT.sign_mean]), (padded,))
    for t in range(dim):
        values[t] = query[t]
    for t in range(dim, padded):
        values[t] = 0
    rotate_one(table[AT.lanes], padded, table[AT.sign_flips], table[AT.sign_rounds])
    shift = np.float32(0)
    square = np.float32(0)
    low = np.float32(np.inf)
    high = np.float32(-np.inf)
    for t in range(padded):
        value = values[t] - mean[t]
        values[t] = value
        shift += value * mean[t]
        square += value * value
        low = min(low, value)
        high = max(high, value)
    return shift, square, low, high


@device
def write_planes(table, low, step, planes, layout):
    """Cut the centred query into bit planes of its steps above `low`; return the sum of the codes.

    layout   how many planes, and the words of one block: planes come block by block, (blocks, count, words)
    """
    count, words = layout
    inverse = np.float32(1) / step if step > 0 else np.float32(0)
    scale = (low, inverse, np.float32((1 << count) - 1))
    total = 0
    for word in range(table[AT.sign_padded] // WORD):
        at = planes + (word // words * count * words + word % words) * 8
        total += plane_words(table[AT.lanes] + word * WORD * FLOAT, scale, at, 8 * words, count)
    return total
