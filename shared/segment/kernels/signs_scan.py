"""1-bit codes (RaBitQ): encoding of rows and of the 4-bit query, and the scan of all groups.

Sixteen rows form a group: words word by word, uint64 (words, 16), and beside them float32 (3, 16) factor, bias, ones.
With x' = R(x - mean), b its signs, q' = R(q - mean) in steps of s from lo, ones(w) the set bits of w, D padded dims:

    <q', x'> ≈ ((2 (lo · ones(b) + s · sum_j 2^j · ones(b & q'_j)) - sum q') / sqrt(D)) · factor
    factor   = |x'|² · sqrt(D) / sum |x'_t|            (|x'| over the cosine between x' and its signs)
    bias     = <mean, x> for Cosine and Dot, -|x'|²/2 for Euclid
"""

import math

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from shared.segment.kernels.keys import heap_push, heap_replace, key_score, score_key
from shared.segment.kernels.memory import bits_float, float32_at, float_bits, int64_at, uint64_at
from shared.segment.kernels.registry import TABLE, device, kernel
from shared.segment.kernels.scores import BATCH, bit_place, keep_scores, rescore, write_hits
from shared.segment.kernels.sign_lanes import add_products, add_signs, estimate_group
from shared.segment.kernels.sign_query import centred_query, write_planes
from shared.segment.kernels.sign_rotation import GROUP, LANE_BYTES, load_lanes, rotate
from shared.segment.kernels.table import AT, EUCLID, EXHAUSTED, FINISHED, UNSURE

QUERY_BITS = 4
"""Bit planes of a query."""

DOUBT = np.float32(1.5)
"""A row outside the candidates belongs to the hits when its estimate is off by more than so many typical errors."""


@kernel("int64(int64[::1], int64, int64)")
def encode_sign_rows(table, first, last):
    """Write the codes of rows [first, last). The words of these rows must be zero already."""
    padded = table[AT.sign_padded]
    dim = table[AT.dim]
    lanes = table[AT.lanes]
    word_count = padded // 64
    mean = carray(float32_at(table[AT.sign_mean]), (padded,))
    mean_square = np.float32(0)
    for t in range(padded):
        mean_square += mean[t] * mean[t]
    sums = np.empty((3, GROUP), np.float32)
    fresh = np.empty((word_count, GROUP), np.uint64)
    row = first
    while row < last:
        group = row // GROUP
        end = min(last, (group + 1) * GROUP)
        load_lanes(table[AT.vectors], dim, row, end, lanes, padded)
        rotate(lanes, padded, table[AT.sign_flips], table[AT.sign_rounds])
        encode_lanes(lanes, padded, mean, sums, fresh)
        words = carray(uint64_at(table[AT.sign_words] + group * word_count * GROUP * 8), (word_count, GROUP))
        meta = carray(float32_at(table[AT.sign_meta] + group * 3 * GROUP * 4), (3, GROUP))
        for lane in range(end - row):
            place = row % GROUP + lane
            ones = np.uint64(0)
            for word in range(word_count):
                words[word, place] = fresh[word, lane]
                ones += ones_of(fresh[word, lane])
            square = sums[0, lane]
            meta[0, place] = square * np.float32(math.sqrt(padded)) / sums[1, lane] if sums[1, lane] > 0 else 0
            meta[1, place] = -square / 2 if table[AT.kind] == EUCLID else sums[2, lane] + mean_square
            meta[2, place] = np.float32(ones)
        row = end
    return last - first


@device
def ones_of(word):
    """Return the number of set bits."""
    word = word - ((word >> np.uint64(1)) & np.uint64(0x5555555555555555))
    word = (word & np.uint64(0x3333333333333333)) + ((word >> np.uint64(2)) & np.uint64(0x3333333333333333))
    word = (word + (word >> np.uint64(4))) & np.uint64(0x0F0F0F0F0F0F0F0F)
    return (word * np.uint64(0x0101010101010101)) >> np.uint64(56)


@device
def encode_lanes(lanes, padded, mean, sums, words):
    """Centre sixteen rotated rows, give their sums of x², |x| and x·mean, and their sign words."""
    values = carray(float32_at(lanes), (padded, GROUP))
    sums[:] = 0
    words[:] = 0
    for t in range(padded):
        for lane in range(GROUP):
            values[t, lane] -= mean[t]
        at = lanes + t * LANE_BYTES
        add_products(at, sums.ctypes.data, mean[t])
        add_signs(at, words.ctypes.data + (t >> 6) * GROUP * 8, np.int64(t & 63))


@device
def encode_query_signs(table):
    """Rotate and centre the query and write its four bit planes.

    Return the three factors of the estimate, and what to add to it: then it approximates the score itself (Cosine, Dot)
    or (|q'|² - distance²) / 2 (Euclid), and |q'|².
    """
    padded = table[AT.sign_padded]
    shift, square, low, high = centred_query(table)
    step = (high - low) / np.float32(15)
    total = write_planes(table, low, step, table[AT.planes], (QUERY_BITS, 1))
    root = np.float32(1 / math.sqrt(padded))
    f0 = 2 * low * root
    f1 = 2 * step * root
    f2 = -(np.float32(total) * step + low * np.float32(padded)) * root
    return f0, f1, f2, (np.float32(0) if table[AT.kind] == EUCLID else shift), square


@device
def surely_enough(table, keys, size, shift, square):
    """Return the estimate below which a row hardly belongs to the hits, found from `size` scored candidates.

    It is that of the last hit, or of the floor if that is better, less DOUBT root mean square errors of the candidates'
    own estimates.
    """
    scores = carray(float32_at(table[AT.exact]), (size,))
    hits = carray(float32_at(table[AT.out_scores]), (table[AT.limit],))
    is_euclid = table[AT.kind] == EUCLID
    errors = np.float32(0)
    for place in range(size):
        score = scores[place]
        value = (square - score * score) / 2 if is_euclid else score
        error = value - key_score(keys[place]) - shift
        errors += error * error
    last = max(hits[table[AT.limit] - 1], bits_float(np.int32(table[AT.floor])))
    reached = (square - last * last) / 2 if is_euclid else last
    return reached - shift - DOUBT * np.float32(math.sqrt(errors / size))


@device
def passing_of(words, word_count, group):
    """Return the 16 mask bits of a group of rows; `words` is empty when every row passes."""
    if word_count == 0:
        return np.uint64(0xFFFF)
    if group >> 2 >= word_count:
        return np.uint64(0)
    return (words[np.uintp(group >> 2)] >> np.uint64((group & 3) * GROUP)) & np.uint64(0xFFFF)


@device
def above_in(table, group, factors, threshold):
    """Write the estimates of a group, return a mask of its rows above the threshold."""
    words = table[AT.sign_padded] // 64
    f0, f1, f2 = factors
    return estimate_group(
        table[AT.sign_words] + group * words * GROUP * 8, table[AT.planes], words,
        table[AT.sign_meta] + group * 3 * GROUP * 4, f0, f1, f2, threshold, table[AT.estimates],
    )  # fmt: skip


@device
def keep_estimates(table, group, above, size):
    """Keep the estimates of a group's rows in the query's heap of candidates; return its size and threshold."""
    capacity = table[AT.candidates]
    heap = carray(int64_at(table[AT.heap]), (capacity,))
    estimates = carray(float32_at(table[AT.estimates]), (GROUP,))
    while above != np.uint64(0):
        lowest = above & (~above + np.uint64(1))
        above ^= lowest
        lane = bit_place(lowest)
        row = group * GROUP + lane
        if row >= table[AT.rows]:
            break
        key = score_key(estimates[np.uintp(lane)], row)
        if size < capacity:
            heap_push(heap, size, key)
            size += 1
        elif key < heap[0]:
            heap_replace(heap, size, key)
    return size, key_score(heap[0]) if size == capacity else np.float32(-np.inf)


@device
def finish_signs(table, size, threshold, shift, square):
    """Score the candidates, write the best, return how many; say whether rows outside them may belong."""
    heap = carray(int64_at(table[AT.heap]), (table[AT.candidates],))
    hits = rescore(table, heap, size)
    enough = surely_enough(table, heap, size, shift, square) if hits == table[AT.limit] else np.float32(-np.inf)
    table[AT.threshold] = float_bits(enough)
    table[AT.status] = UNSURE if size == table[AT.candidates] and enough < threshold else FINISHED
    return hits


@kernel(TABLE)
def scan_signs(table):
    """Estimate all groups with passing rows, score the best `candidates` exactly, write the best `limit`.

    UNSURE when rows outside the candidates may belong: then the table's threshold says which, for `scan_signs_above`.
    """
    f0, f1, f2, shift, square = encode_query_signs(table)
    word_count = table[AT.word_count] if table[AT.words] else 0
    words = carray(uint64_at(table[AT.words]), (word_count,))
    threshold = np.float32(-np.inf)
    size = 0
    scored = 0
    for group in range((table[AT.rows] + GROUP - 1) // GROUP):
        passing = passing_of(words, word_count, group)
        if passing == np.uint64(0):
            continue
        scored += GROUP
        above = above_in(table, group, (f0, f1, f2), threshold) & passing
        if above != np.uint64(0):
            size, threshold = keep_estimates(table, group, above, size)
    table[AT.scored] = scored
    return finish_signs(table, size, threshold, shift, square)


@kernel(TABLE)
def scan_signs_above(table):
    """Score all passing rows whose estimate is above the table's threshold, write the best `limit`.

    EXHAUSTED when they are more than `candidates`: then scoring all rows is cheaper.
    """
    f0, f1, f2, _, _ = encode_query_signs(table)
    threshold = bits_float(np.int32(table[AT.threshold]))
    count = table[AT.rows]
    word_count = table[AT.word_count] if table[AT.words] else 0
    words = carray(uint64_at(table[AT.words]), (word_count,))
    limit = table[AT.limit]
    best = carray(int64_at(table[AT.best]), (limit,))
    rows = np.empty(2 * BATCH, np.int64)
    filled = 0
    hits = 0
    taken = 0
    groups = (count + GROUP - 1) // GROUP
    for group in range(groups):
        passing = passing_of(words, word_count, group)
        if passing != np.uint64(0):
            above = above_in(table, group, (f0, f1, f2), threshold) & passing
            while above != np.uint64(0):
                lowest = above & (~above + np.uint64(1))
                above ^= lowest
                rows[filled] = group * GROUP + bit_place(lowest)
                filled += rows[filled] < count
        if filled >= BATCH or group + 1 == groups:
            taken += filled
            if taken > table[AT.candidates]:
                table[AT.status] = EXHAUSTED
                return 0
            hits = keep_scores(table, rows, filled, best, hits)
            filled = 0
    table[AT.status] = FINISHED
    write_hits(table, best, hits)
    return hits
