"""Sparse vectors: dot products by rows and by inverted lists, and the making of such lists.

A score is the float32 sum, from zero, of the products at shared indices in ascending order of the index: by rows and
by float32 lists alike, so both give the same bits. A row that shares no index is no hit, whatever its score would be.

Kernels take two tables: the usual one (limit, mask, heap, output) and one of `Pairs`.
"""

from typing import NamedTuple

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from shared.segment.kernels.keys import heap_keep, score_key
from shared.segment.kernels.memory import float32_at, half_float, int32_at, int64_at, uint8_at, uint32_at, uint64_at
from shared.segment.kernels.registry import device, kernel
from shared.segment.kernels.scores import BATCH, bit_place, next_rows, write_hits
from shared.segment.kernels.table import AT, FLOAT16, FLOAT32

BLOCK = 32_768
"""Rows whose sums are in the making at once: their scores fit into the second cache level."""

SEARCH_FACTOR = 8
"""Rows so many times longer than the query are searched for its indices, shorter ones merged with it."""

TWO_TABLES = "int64(int64[::1], int64[::1])"


class Pairs(NamedTuple):
    """Where each field of a sparse search is. Addresses; 0 where there is none."""

    # of the rows
    indices: int = 0  # uint32 (pairs,)
    values: int = 1  # float32 (pairs,)
    offsets: int = 2  # int64 (rows + 1,)
    # of the query, ascending by index
    query_indices: int = 3  # uint32 (query_count,)
    query_weights: int = 4  # float32 (query_count,)
    query_count: int = 5
    # of the inverted lists, one for each index of the query
    list_rows: int = 6  # int32 (pairs,), ascending within a list
    list_weights: int = 7  # (pairs,) of the element
    element: int = 8  # FLOAT32, FLOAT16, UINT8
    cursors: int = 9  # int64 (query_count,): where each list begins; the kernel moves them
    ends: int = 10  # int64 (query_count,)
    lows: int = 11  # float32 (query_count,): a byte code c means low + step * c
    steps: int = 12  # float32 (query_count,)
    sums: int = 13  # float32 (BLOCK,)
    marks: int = 14  # uint64 (BLOCK / 64,), zeros
    # of lists in the making
    terms: int = 15  # uint32 (term_count,), ascending
    term_count: int = 16
    next: int = 17  # int64 (term_count,): the next free place of each list
    # of counting
    counts: int = 18  # int64 (query_count,), zeros: how many passing rows hold each index of the query


PAIRS = Pairs()
PAIRS_SIZE = len(PAIRS)


@device
def lower_bound(indices, first, last, wanted):
    """Return the first place in [first, last) whose index is not below `wanted`."""
    while first < last:
        middle = (first + last) >> 1
        if indices[np.uintp(middle)] < wanted:
            first = middle + 1
        else:
            last = middle
    return first


@device
def pair_score(pairs, row):
    """Return how many indices a row shares with the query, and the sum of the products."""
    offsets = carray(int64_at(pairs[PAIRS.offsets] + row * 8), (2,))
    first, last = offsets[0], offsets[1]
    count = pairs[PAIRS.query_count]
    indices = carray(uint32_at(pairs[PAIRS.indices]), (last,))
    values = carray(float32_at(pairs[PAIRS.values]), (last,))
    wanted = carray(uint32_at(pairs[PAIRS.query_indices]), (count,))
    weights = carray(float32_at(pairs[PAIRS.query_weights]), (count,))
    is_long = last - first > SEARCH_FACTOR * count
    total = np.float32(0)
    shared = 0
    at = 0
    while at < count and first < last:
        if is_long:
            first = lower_bound(indices, first, last, wanted[np.uintp(at)])
            if first == last:
                break
        index, other = indices[np.uintp(first)], wanted[np.uintp(at)]
        if index == other:
            total += weights[np.uintp(at)] * values[np.uintp(first)]
            shared += 1
            first += 1
            at += 1
        elif index < other:
            first += 1
        else:
            at += 1
    return shared, total


@kernel(TWO_TABLES)
def scan_pairs(table, pairs):
    """Write the best `limit` of all passing rows that share an index with the query."""
    limit = table[AT.limit]
    best = carray(int64_at(table[AT.best]), (limit,))
    rows = np.empty(BATCH, np.int64)
    hits = 0
    cursor = 0
    while cursor < table[AT.word_count]:
        filled, cursor = next_rows(table[AT.words], table[AT.word_count], table[AT.rows], cursor, rows)
        for place in range(filled):
            shared, total = pair_score(pairs, rows[place])
            if shared > 0:
                hits = heap_keep(best, hits, limit, score_key(total, rows[place]))
    write_hits(table, best, hits)
    return hits


@device
def add_list(pairs, at, first_row, last_row, sums, marks):
    """Add the products of one list to the sums of rows [first_row, last_row); move its cursor."""
    cursors = carray(int64_at(pairs[PAIRS.cursors]), (pairs[PAIRS.query_count],))
    end = carray(int64_at(pairs[PAIRS.ends]), (pairs[PAIRS.query_count],))[np.uintp(at)]
    weight = carray(float32_at(pairs[PAIRS.query_weights]), (pairs[PAIRS.query_count],))[np.uintp(at)]
    low = carray(float32_at(pairs[PAIRS.lows]), (pairs[PAIRS.query_count],))[np.uintp(at)]
    step = carray(float32_at(pairs[PAIRS.steps]), (pairs[PAIRS.query_count],))[np.uintp(at)]
    rows = carray(int32_at(pairs[PAIRS.list_rows]), (end,))
    element = pairs[PAIRS.element]
    cursor = cursors[np.uintp(at)]
    while cursor < end and rows[np.uintp(cursor)] < last_row:
        place = np.int64(rows[np.uintp(cursor)]) - first_row
        if element == FLOAT32:
            value = carray(float32_at(pairs[PAIRS.list_weights]), (end,))[np.uintp(cursor)]
        elif element == FLOAT16:
            value = half_float(pairs[PAIRS.list_weights] + 2 * cursor)
        else:
            value = low + step * np.float32(carray(uint8_at(pairs[PAIRS.list_weights]), (end,))[np.uintp(cursor)])
        sums[np.uintp(place)] += weight * value
        marks[np.uintp(place >> 6)] |= np.uint64(1) << np.uint64(place & 63)
        cursor += 1
    cursors[np.uintp(at)] = cursor


@device
def keep_marked(table, first_row, sums, marks, best, hits):
    """Keep the best of the marked rows that pass; clear sums and marks."""
    first_word = first_row >> 6
    for number in range(BLOCK >> 6):
        marked = marks[np.uintp(number)]
        if marked == np.uint64(0):
            continue
        marks[np.uintp(number)] = np.uint64(0)
        passing = np.uint64(0)
        if first_word + number < table[AT.word_count]:
            passing = ~np.uint64(0)
            if table[AT.words] != 0:
                passing = carray(uint64_at(table[AT.words]), (table[AT.word_count],))[np.uintp(first_word + number)]
        while marked != np.uint64(0):
            lowest = marked & (~marked + np.uint64(1))
            marked ^= lowest
            place = number * 64 + bit_place(lowest)
            total = sums[np.uintp(place)]
            sums[np.uintp(place)] = np.float32(0)
            if passing & lowest != np.uint64(0) and first_row + place < table[AT.rows]:
                hits = heap_keep(best, hits, table[AT.limit], score_key(total, first_row + place))
    return hits


@kernel(TWO_TABLES)
def scan_lists(table, pairs):
    """Write the best `limit` passing rows by the sums over the query's lists, one block of rows after another."""
    best = carray(int64_at(table[AT.best]), (table[AT.limit],))
    sums = carray(float32_at(pairs[PAIRS.sums]), (BLOCK,))
    marks = carray(uint64_at(pairs[PAIRS.marks]), (BLOCK >> 6,))
    sums[:] = np.float32(0)
    hits = 0
    first_row = 0
    while first_row < table[AT.rows]:
        for at in range(pairs[PAIRS.query_count]):
            add_list(pairs, at, first_row, first_row + BLOCK, sums, marks)
        hits = keep_marked(table, first_row, sums, marks, best, hits)
        first_row += BLOCK
    write_hits(table, best, hits)
    return hits


@kernel(TWO_TABLES)
def rescore_pairs(table, pairs):
    """Score the rows that a scan of narrow lists wrote out, exactly, and write the best `limit` again."""
    found = table[AT.hits]
    limit = table[AT.limit]
    rows = carray(int64_at(table[AT.out_rows]), (found,))
    best = carray(int64_at(table[AT.best]), (limit,))
    hits = 0
    for place in range(found):
        _, total = pair_score(pairs, rows[place])
        hits = heap_keep(best, hits, limit, score_key(total, rows[place]))
    write_hits(table, best, hits)
    return hits


@device
def count_row(pairs, row, counts):
    """Count the query's indices that a row holds."""
    offsets = carray(int64_at(pairs[PAIRS.offsets] + row * 8), (2,))
    first, last = offsets[0], offsets[1]
    count = pairs[PAIRS.query_count]
    indices = carray(uint32_at(pairs[PAIRS.indices]), (last,))
    wanted = carray(uint32_at(pairs[PAIRS.query_indices]), (count,))
    for at in range(count):
        first = lower_bound(indices, first, last, wanted[np.uintp(at)])
        if first == last:
            break
        counts[np.uintp(at)] += np.int64(indices[np.uintp(first)] == wanted[np.uintp(at)])


@kernel(TWO_TABLES)
def count_by_rows(table, pairs):
    """Count the passing rows that hold each index of the query, row by row."""
    counts = carray(int64_at(pairs[PAIRS.counts]), (pairs[PAIRS.query_count],))
    rows = np.empty(BATCH, np.int64)
    cursor = 0
    while cursor < table[AT.word_count]:
        filled, cursor = next_rows(table[AT.words], table[AT.word_count], table[AT.rows], cursor, rows)
        for place in range(filled):
            count_row(pairs, rows[place], counts)
    return 0


@kernel(TWO_TABLES)
def count_by_lists(table, pairs):
    """Count the passing rows in each of the query's lists; the mask is given."""
    query_count = pairs[PAIRS.query_count]
    counts = carray(int64_at(pairs[PAIRS.counts]), (query_count,))
    cursors = carray(int64_at(pairs[PAIRS.cursors]), (query_count,))
    ends = carray(int64_at(pairs[PAIRS.ends]), (query_count,))
    words = carray(uint64_at(table[AT.words]), (table[AT.word_count],))
    last_row = table[AT.word_count] * 64
    for at in range(query_count):
        rows = carray(int32_at(pairs[PAIRS.list_rows]), (ends[at],))
        found = np.int64(0)
        for place in range(cursors[at], ends[at]):
            row = np.int64(rows[np.uintp(place)])
            if row < last_row:
                found += np.int64((words[np.uintp(row >> 6)] >> np.uint64(row & 63)) & np.uint64(1))
        counts[at] = found
    return 0


@kernel("int64(int64[::1], int64)")
def fill_lists(pairs, rows):
    """Sort the pairs of `rows` rows by index: write row and value of each to its list."""
    offsets = carray(int64_at(pairs[PAIRS.offsets]), (rows + 1,))
    indices = carray(uint32_at(pairs[PAIRS.indices]), (offsets[rows],))
    values = carray(float32_at(pairs[PAIRS.values]), (offsets[rows],))
    terms = carray(uint32_at(pairs[PAIRS.terms]), (pairs[PAIRS.term_count],))
    places = carray(int64_at(pairs[PAIRS.next]), (pairs[PAIRS.term_count],))
    list_rows = carray(int32_at(pairs[PAIRS.list_rows]), (offsets[rows],))
    weights = carray(float32_at(pairs[PAIRS.list_weights]), (offsets[rows],))
    for row in range(rows):
        term = 0
        for pair in range(offsets[row], offsets[row + 1]):
            term = lower_bound(terms, term, pairs[PAIRS.term_count], indices[pair])
            place = places[np.uintp(term)]
            list_rows[np.uintp(place)] = row
            weights[np.uintp(place)] = values[pair]
            places[np.uintp(term)] = place + 1
    return rows
