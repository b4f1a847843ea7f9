"""Product codes: one byte for a few neighbouring elements, the number of the nearest of 256 centroids.

A query becomes one table of 256 estimates for each part of a row; a row's estimate is the sum of what its bytes pick
from them. Estimates are kept as uint16 above a part's least possible value, all parts in one step, so that sums are
int32 and order as the metric does:

    Cosine, Dot   <q, c>;   Euclid  -(q - c)²;   Manhattan  -|q - c|

Centroids lie element by element, float32 (parts, size, 256), so that one instruction works on sixteen of them. For each
part its centroids' middle and radius bound what a query can meet there.
"""

import math

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from shared.segment.kernels.memory import (
    float32_at,
    float64_at,
    int32_at,
    int64_at,
    load_word_alone,
    uint8_at,
    uint16_at,
)
from shared.segment.kernels.product_lookups import fill_absolutes, fill_dots, fill_squares
from shared.segment.kernels.registry import device, kernel
from shared.segment.kernels.table import AT, DOT, EUCLID

CENTROIDS = 256

STEPS = 65535
SUM_MAX = 2**30
"""Of a row's uint16 estimates."""

_NUMBER = np.int32(CENTROIDS - 1)


@device
def part_bounds(kind, values, middle, radius):
    """Return the least estimate that a part of a query can meet, and how far above it the greatest lies."""
    product = np.float32(0)
    own = np.float32(0)
    away = np.float32(0)
    for t in range(len(values)):
        difference = values[t] - middle[t]
        product += values[t] * middle[t]
        own += values[t] * values[t]
        away += difference * difference if kind == EUCLID else abs(difference)
    if kind == DOT:
        reach = np.float32(math.sqrt(own)) * radius
        return product - reach, 2 * reach
    if kind == EUCLID:
        away = np.float32(math.sqrt(away))
        near, far = max(np.float32(0), away - radius), away + radius
        return -far * far, far * far - near * near
    near, far = max(np.float32(0), away - radius), away + radius
    return -far, far - near


@device
def encode_query_product(table):
    """Write the query's lookups; the table's terms then turn a sum of them into a score."""
    kind = table[AT.kind]
    parts = table[AT.product_parts]
    size = table[AT.product_size]
    query = carray(float32_at(table[AT.query]), (table[AT.dim],))
    middles = carray(float32_at(table[AT.product_middles]), (parts, size))
    radii = carray(float32_at(table[AT.product_radii]), (parts,))
    lows = carray(float32_at(table[AT.part_lows]), (parts,))
    widest = np.float32(0)
    total = np.float64(0)
    for part in range(parts):
        first = part * size
        low, reach = part_bounds(kind, query[first : first + size], middles[part], radii[part])
        lows[part] = low
        total += low
        widest = max(widest, reach)
    step = widest / np.float32(min(STEPS, SUM_MAX // parts))
    inverse = np.float32(1) / step if step > 0 else np.float32(0)
    terms = carray(float32_at(table[AT.query_terms]), (2,))
    terms[0] = step
    terms[1] = np.float32(total)
    for part in range(parts):
        first = part * size
        values = table[AT.query] + first * 4
        length = min(size, table[AT.dim] - first)
        centroids = table[AT.product_centroids] + first * CENTROIDS * 4
        out = table[AT.lookups] + part * CENTROIDS * 2
        if kind == DOT:
            fill_dots(values, length, centroids, lows[part], inverse, out)
        elif kind == EUCLID:
            fill_squares(values, length, centroids, lows[part], inverse, out)
        else:
            fill_absolutes(values, length, centroids, lows[part], inverse, out)


@device
def product_estimate(table, code):
    """Return the int32 estimate of the row whose codes are at an address."""
    parts = table[AT.product_parts]
    lookups = carray(uint16_at(table[AT.lookups]), (parts * CENTROIDS,))
    mask = np.uint64(255)
    even = np.int64(0)
    odd = np.int64(0)
    words = parts >> 3
    for place in range(words):
        word = load_word_alone(code + 8 * place)
        base = np.uint64(place * 8 * CENTROIDS)
        even += np.int64(lookups[base + (word & mask)])
        odd += np.int64(lookups[base + np.uint64(256) + ((word >> np.uint64(8)) & mask)])
        even += np.int64(lookups[base + np.uint64(512) + ((word >> np.uint64(16)) & mask)])
        odd += np.int64(lookups[base + np.uint64(768) + ((word >> np.uint64(24)) & mask)])
        even += np.int64(lookups[base + np.uint64(1024) + ((word >> np.uint64(32)) & mask)])
        odd += np.int64(lookups[base + np.uint64(1280) + ((word >> np.uint64(40)) & mask)])
        even += np.int64(lookups[base + np.uint64(1536) + ((word >> np.uint64(48)) & mask)])
        odd += np.int64(lookups[base + np.uint64(1792) + (word >> np.uint64(56))])
    rest = carray(uint8_at(code), (parts,))
    for place in range(words << 3, parts):
        even += np.int64(lookups[np.uintp(place * CENTROIDS + np.int64(rest[np.uintp(place)]))])
    return np.int32(even + odd)


@device
def product_score(table, estimate):
    """Return the score that an estimate stands for."""
    terms = carray(float32_at(table[AT.query_terms]), (2,))
    value = np.float32(estimate) * terms[0] + terms[1]
    if table[AT.kind] == EUCLID:
        return np.float32(0) - np.float32(math.sqrt(max(np.float32(0), -value)))
    return value


@kernel("int64(int64, int64, int64, int64, int64, int64, int64)")
def encode_product_rows(vectors, dim, first, last, centroids, parts, codes):
    """Write for each part of rows [first, last) the number of its nearest centroid; equal ones: the lower number.

    centroids   the address of an int64 pair: the centroids' address, and how many elements a part has
    """
    places = carray(int64_at(centroids), (2,))
    size = places[1]
    squares = np.empty(CENTROIDS, np.float32)
    keys = carray(int32_at(squares.ctypes.data), (CENTROIDS,))
    for row in range(first, last):
        values = carray(float32_at(vectors + row * dim * 4), (dim,))
        out = carray(uint8_at(codes + row * parts), (parts,))
        for part in range(parts):
            start = part * size
            middles = carray(float32_at(places[0] + start * CENTROIDS * 4), (size, CENTROIDS))
            for number in range(CENTROIDS):
                squares[number] = np.float32(0)
            for t in range(min(size, dim - start)):
                value = values[start + t]
                for number in range(CENTROIDS):
                    difference = value - middles[t, number]
                    squares[number] += difference * difference
            best = np.int32(2**31 - 1)
            for number in range(CENTROIDS):
                best = min(best, (keys[number] & ~_NUMBER) | np.int32(number))
            out[part] = np.uint8(best & _NUMBER)
    return last - first


@kernel("int64(int64, int64, int64, int64, int64, int64, int64, int64)")
def sum_product_rows(vectors, dim, rows, codes, parts, size, sums, counts):
    """Add the parts of rows to the sums, float64 (parts, 256, size), and counts, int64 (parts, 256), of their codes."""
    for row in range(rows):
        values = carray(float32_at(vectors + row * dim * 4), (dim,))
        numbers = carray(uint8_at(codes + row * parts), (parts,))
        for part in range(parts):
            place = part * CENTROIDS + np.int64(numbers[part])
            total = carray(float64_at(sums + place * size * 8), (size,))
            carray(int64_at(counts + place * 8), (1,))[0] += 1
            for t in range(min(size, dim - part * size)):
                total[t] += values[part * size + t]
    return rows
