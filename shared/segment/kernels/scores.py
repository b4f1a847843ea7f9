"""Exact scores of rows, the scan of raw rows, and the last step of every search: rescoring candidates."""

import math

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from shared.segment.kernels.float_rows import (
    absolute_sum,
    byte_absolute_sum,
    byte_dot_sum,
    byte_own_sum,
    byte_square_sum,
    dot_sum,
    half_absolute_sum,
    half_dot_sum,
    half_square_sum,
    square_sum,
)
from shared.segment.kernels.keys import heap_keep, heap_sort, key_row, key_score, score_key
from shared.segment.kernels.memory import float32_at, int64_at, prefetch, uint64_at
from shared.segment.kernels.registry import TABLE, device, kernel
from shared.segment.kernels.table import AT, DOT, EUCLID, FLOAT16, FLOAT32, UNIT_UINT8

AHEAD = 6
"""Rows prefetched before the one that is scored."""

BATCH = 256


@device
def row_score(kind, query, row, dim, element):
    """Return the score of the row at an address, higher is better; never -0.0."""
    if element != FLOAT32:
        return narrow_score(kind, query, row, dim, element)
    if kind == DOT:
        return dot_sum(query, row, dim) + np.float32(0)
    if kind == EUCLID:
        return np.float32(0) - np.float32(math.sqrt(square_sum(query, row, dim)))
    return np.float32(0) - absolute_sum(query, row, dim)


@device
def narrow_score(kind, query, row, dim, element):
    """Return the score of a row of float16 or bytes."""
    if element == FLOAT16:
        if kind == DOT:
            return half_dot_sum(query, row, dim) + np.float32(0)
        if kind == EUCLID:
            return np.float32(0) - np.float32(math.sqrt(half_square_sum(query, row, dim)))
        return np.float32(0) - half_absolute_sum(query, row, dim)
    if element == UNIT_UINT8:
        own = byte_own_sum(row, row, dim)
        if own == 0:
            return np.float32(0)
        return byte_dot_sum(query, row, dim) / np.float32(math.sqrt(own)) + np.float32(0)
    if kind == DOT:
        return byte_dot_sum(query, row, dim) + np.float32(0)
    if kind == EUCLID:
        return np.float32(0) - np.float32(math.sqrt(byte_square_sum(query, row, dim)))
    return np.float32(0) - byte_absolute_sum(query, row, dim)


@device
def row_bytes(dim, element):
    """Return the bytes of a row."""
    if element == FLOAT32:
        return dim * 4
    return dim * 2 if element == FLOAT16 else dim


@device
def prefetch_row(row, size):
    """Ask for the first lines of a row; the processor's own prefetcher follows."""
    for line in range(row & ~np.int64(63), row + min(size, 2048), 64):
        prefetch(line)


@device
def next_rows(words, word_count, count, cursor, rows):
    """Fill `rows` (BATCH) with passing rows from word `cursor` on; return how many and the next cursor."""
    filled = 0
    while cursor < word_count and filled + 64 <= BATCH:
        first = cursor * 64
        if words == 0:
            for row in range(first, min(first + 64, count)):
                rows[np.uintp(filled)] = row
                filled += 1
        else:
            word = carray(uint64_at(words), (word_count,))[np.uintp(cursor)]
            while word != np.uint64(0):
                lowest = word & (~word + np.uint64(1))
                row = first + bit_place(lowest)
                word ^= lowest
                if row < count:
                    rows[np.uintp(filled)] = row
                    filled += 1
        cursor += 1
    return filled, cursor


@device
def listed_rows(table, cursor, rows):
    """Fill `rows` (BATCH) with those that a call lists, from place `cursor` on; return how many and the next place."""
    filled = min(BATCH, table[AT.listed_count] - cursor)
    listed = carray(int64_at(table[AT.listed]), (table[AT.listed_count],))
    for place in range(filled):
        rows[np.uintp(place)] = listed[cursor + place]
    return filled, cursor + filled


@device
def bit_place(bit):
    """Return the place of a single set bit."""
    place = 0
    if bit >> np.uint64(32):
        place += 32
        bit >>= np.uint64(32)
    if bit >> np.uint64(16):
        place += 16
        bit >>= np.uint64(16)
    if bit >> np.uint64(8):
        place += 8
        bit >>= np.uint64(8)
    if bit >> np.uint64(4):
        place += 4
        bit >>= np.uint64(4)
    if bit >> np.uint64(2):
        place += 2
        bit >>= np.uint64(2)
    return place + np.int64(bit >> np.uint64(1))


@device
def write_hits(table, best, hits):
    """Sort a heap of score keys and write it out as rows and scores."""
    heap_sort(best, hits)
    rows = carray(int64_at(table[AT.out_rows]), (hits,))
    scores = carray(float32_at(table[AT.out_scores]), (hits,))
    for place in range(hits):
        rows[place] = key_row(best[place])
        scores[place] = key_score(best[place])
    table[AT.hits] = hits


@device
def keep_scores(table, rows, filled, best, hits):
    """Score rows and keep the best `limit` in a heap; return how many it holds."""
    dim = table[AT.dim]
    vectors = table[AT.vectors]
    element = table[AT.element]
    stride = row_bytes(dim, element)
    for place in range(filled):
        if place + AHEAD < filled:
            prefetch_row(vectors + rows[place + AHEAD] * stride, stride)
        row = rows[place]
        score = row_score(table[AT.kind], table[AT.query], vectors + row * stride, dim, element)
        hits = heap_keep(best, hits, table[AT.limit], score_key(score, row))
    return hits


@device
def rescore(table, keys, size):
    """Score the rows of `size` keys exactly, write the best out, return how many."""
    kind = table[AT.kind]
    dim = table[AT.dim]
    vectors = table[AT.vectors]
    element = table[AT.element]
    stride = row_bytes(dim, element)
    limit = table[AT.limit]
    best = carray(int64_at(table[AT.best]), (limit,))
    for place in range(min(AHEAD, size)):
        prefetch_row(vectors + key_row(keys[place]) * stride, stride)
    exact = carray(float32_at(table[AT.exact]), (size,))
    hits = 0
    for place in range(size):
        if place + AHEAD < size:
            prefetch_row(vectors + key_row(keys[place + AHEAD]) * stride, stride)
        row = key_row(keys[place])
        score = row_score(kind, table[AT.query], vectors + row * stride, dim, element)
        exact[place] = score
        hits = heap_keep(best, hits, limit, score_key(score, row))
    write_hits(table, best, hits)
    return hits


@kernel("int64(int64, int64, int64, int64, int64, int64, int64, int64)")
def score_rows(kind, element, vectors, dim, query, rows, count, scores):
    """Write the scores of `count` rows, given by int64 numbers at an address."""
    numbers = carray(int64_at(rows), (count,))
    results = carray(float32_at(scores), (count,))
    stride = row_bytes(dim, element)
    for place in range(count):
        if place + AHEAD < count:
            prefetch_row(vectors + numbers[place + AHEAD] * stride, stride)
        results[place] = row_score(kind, query, vectors + numbers[place] * stride, dim, element)
    return count


@kernel(TABLE)
def scan_raw(table):
    """Write the best `limit` of all passing rows."""
    limit = table[AT.limit]
    best = carray(int64_at(table[AT.best]), (limit,))
    rows = np.empty(BATCH, np.int64)
    hits = 0
    cursor = 0
    while table[AT.listed] and cursor < table[AT.listed_count]:
        filled, cursor = listed_rows(table, cursor, rows)
        hits = keep_scores(table, rows, filled, best, hits)
    while not table[AT.listed] and cursor < table[AT.word_count]:
        filled, cursor = next_rows(table[AT.words], table[AT.word_count], table[AT.rows], cursor, rows)
        hits = keep_scores(table, rows, filled, best, hits)
    write_hits(table, best, hits)
    return hits
