"""Builder: reverse links, flat lists, reach from the entries, and a row order that keeps neighbours together."""

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from shared.segment.kernels.keys import key_row
from shared.segment.kernels.memory import int32_at, int64_at, uint8_at, uint32_at, uint64_at
from shared.segment.kernels.prune import NEAREST, load_bytes
from shared.segment.kernels.registry import kernel
from shared.segment.kernels.table import AT, BYTES
from shared.segment.kernels.walk import begin, walk_beam

WINDOW = 4
"""How many rows behind the last one count when the next is chosen."""


@kernel("int64(int64, int64, int64, int64)")
def count_both_ways(chosen, rows, width, offsets):
    """Write the offsets of lists of each row's chosen neighbours and all rows that chose it; return their length."""
    lists = carray(int32_at(chosen), (rows, width))
    ends = carray(int64_at(offsets), (rows + 1,))
    ends[:] = 0
    for row in range(rows):
        for place in range(width):
            other = lists[row, place]
            if other >= 0:
                ends[row + 1] += 1
                ends[np.int64(other) + 1] += 1
    for row in range(rows):
        ends[row + 1] += ends[row]
    return ends[rows]


@kernel("int64(int64, int64, int64, int64, int64)")
def fill_both_ways(chosen, rows, width, offsets, out):
    """Write those lists."""
    lists = carray(int32_at(chosen), (rows, width))
    ends = carray(int64_at(offsets), (rows + 1,))
    flat = carray(int32_at(out), (ends[rows],))
    cursors = np.empty(rows, np.int64)
    for row in range(rows):
        cursors[row] = ends[row]
    for row in range(rows):
        for place in range(width):
            other = lists[row, place]
            if other >= 0:
                flat[cursors[row]] = other
                cursors[row] += 1
                flat[cursors[other]] = row
                cursors[other] += 1
    return ends[rows]


@kernel("int64(int64, int64, int64, int64)")
def flatten(chosen, rows, width, tables):
    """Write lists that end at -1 as flat ones; `tables` holds the addresses of offsets and neighbours."""
    lists = carray(int32_at(chosen), (rows, width))
    places = carray(int64_at(tables), (2,))
    offsets = carray(int64_at(places[0]), (rows + 1,))
    flat = carray(int32_at(places[1]), (rows * width,))
    size = 0
    for row in range(rows):
        offsets[row] = size
        for place in range(width):
            if lists[row, place] < 0:
                break
            flat[size] = lists[row, place]
            size += 1
    offsets[rows] = size
    return size


@kernel("int64(int64, int64, int64, int64, int64, int64)")
def reinforce(chosen, rows, width, nearest, wanted, cap):
    """Give rows that fewer than `wanted` lists hold a place in the lists of their nearest rows; return how many links.

    Rows far from everything are near to nobody: pruning drops all links to them, and no walk would find them. Lists
    grow up to `cap` <= `width` for them.
    """
    lists = carray(int32_at(chosen), (rows, width))
    near = carray(int32_at(nearest), (rows, NEAREST))
    sizes = np.zeros(rows, np.int32)
    holders = np.zeros(rows, np.int32)
    for row in range(rows):
        for place in range(width):
            if lists[row, place] < 0:
                break
            sizes[row] += 1
            holders[lists[row, place]] += 1
    added = 0
    for row in range(rows):
        for place in range(NEAREST):
            holder = near[row, place]
            if holder < 0 or holders[row] >= wanted:
                break
            if sizes[holder] >= cap:
                continue
            present = False
            for other in range(sizes[holder]):
                if lists[holder, other] == row:
                    present = True
                    break
            if not present:
                lists[holder, sizes[holder]] = row
                sizes[holder] += 1
                holders[row] += 1
                added += 1
    return added


@kernel("int64(int64, int64, int64, int64, int64, int64, int64)")
def spread(offsets, neighbors, rows, reached, queue, head, tail):
    """Go on with a breadth-first search: mark all rows reached from queue[head:tail]; return the queue's new end."""
    ends = carray(int64_at(offsets), (rows + 1,))
    flat = carray(int32_at(neighbors), (ends[rows],))
    marks = carray(int32_at(reached), (rows,))
    order = carray(int32_at(queue), (rows,))
    while head < tail:
        row = order[head]
        head += 1
        for place in range(ends[row], ends[row + 1]):
            other = flat[place]
            if marks[other] == 0:
                marks[other] = 1
                order[tail] = other
                tail += 1
    return tail


@kernel("int64(int64[::1], int64)")
def nearest_reached(table, row):
    """Return the row nearest to `row` that a walk from the entries finds; never `row` itself."""
    ef = table[AT.ef]
    beam = carray(int64_at(table[AT.beam]), (ef,))
    visited = carray(uint8_at(table[AT.visited]), (table[AT.rows],))
    load_bytes(table, row, table[AT.query_bytes])
    size = begin(table, beam, visited, np.uint8(table[AT.epoch]), BYTES)
    walk_beam(table, beam, size, ef, BYTES)
    nearest = key_row(beam[0])
    return nearest if nearest != row else key_row(beam[1])


@kernel("int64(int64, int64, int64, int64, int64)")
def hash_rows(vectors, dim, first, last, hashes):
    """Write a 64-bit hash of the bits of rows [first, last); +0.0 and -0.0 count as different."""
    out = carray(uint64_at(hashes), (last,))
    for row in range(first, last):
        values = carray(uint32_at(vectors + row * dim * 4), (dim,))
        digest = np.uint64(0x9E3779B97F4A7C15)
        for t in range(dim):
            digest = (digest ^ np.uint64(values[t])) * np.uint64(0xFF51AFD7ED558CCD)
            digest ^= digest >> np.uint64(32)
        out[row] = digest
    return last - first


@kernel("int64(int64, int64, int64, int64)")
def window_order(offsets, near, rows, out):
    """Write a row order: next comes the unplaced row that most of the last WINDOW rows list."""
    ends = carray(int64_at(offsets), (rows + 1,))
    flat = carray(int32_at(near), (ends[rows],))
    order = carray(int32_at(out), (rows,))
    scores = np.zeros(rows, np.int32)
    placed = np.zeros(rows, np.bool_)
    unplaced = 0
    current = 0
    for place in range(rows):
        order[place] = current
        placed[current] = True
        for link in range(ends[current], ends[current + 1]):
            if flat[link] >= 0:
                scores[flat[link]] += 1
        if place >= WINDOW:
            gone = order[place - WINDOW]
            for link in range(ends[gone], ends[gone + 1]):
                if flat[link] >= 0:
                    scores[flat[link]] -= 1
        best = -1
        best_score = 0
        for recent in range(max(0, place - WINDOW + 1), place + 1):
            row = order[recent]
            for link in range(ends[row], ends[row + 1]):
                other = flat[link]
                if other >= 0 and not placed[other] and scores[other] > best_score:
                    best = other
                    best_score = scores[other]
        if best < 0:
            while unplaced < rows and placed[unplaced]:
                unplaced += 1
            best = unplaced
        current = best
    return rows
