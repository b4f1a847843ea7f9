"""Builder: chooses each row's neighbours from candidates, by int8 distances. Rows [first, last) per call.

Pruning (as in Vamana): candidates from the nearest on; one is dropped when a neighbour chosen before is nearer to it,
by the factor alpha, than the row itself is. So lists hold few rows per direction and long links survive.
Distances are differences of estimates: under Euclid half the squared distance, so alpha applies to squares; under Dot
they are negated inner products, and alpha is 1.
"""

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from shared.segment.kernels.bytes_scan import byte_estimate
from shared.segment.kernels.keys import beam_insert, estimate_key, heap_keep, heap_sort, key_row
from shared.segment.kernels.memory import int8_at, int32_at, int64_at, uint8_at
from shared.segment.kernels.registry import device, kernel
from shared.segment.kernels.scores import prefetch_row
from shared.segment.kernels.table import AT, BYTES, DOT
from shared.segment.kernels.walk import walk_beam

NEAREST = 16
"""How many of the nearest rows refining keeps for `connect.reinforce`."""

CANDIDATES_MAX = 768
"""The nearest so many candidates of a row are looked at."""


@device
def load_bytes(table, row, target):
    """Write a row's codes as a query's."""
    stride = table[AT.byte_stride]
    codes = carray(uint8_at(table[AT.byte_rows] + row * stride), (stride,))
    out = carray(int8_at(target), (stride,))
    total = np.int64(0)
    for t in range(stride):
        code = np.int32(codes[t]) - np.int32(128)
        out[t] = np.int8(code)
        total += code
    table[AT.byte_shift] = 128 * total


@device
def estimate(table, source, row):
    """Return the estimate of a row for the codes at `source`, those loaded last."""
    return np.int64(byte_estimate(table, source, table[AT.byte_rows] + row * table[AT.byte_stride], row))


@device
def own_estimate(table, source, row):
    """Return what to subtract estimates of others from for a distance to `row`, whose codes are at `source`.

    Under Dot there is no distance to oneself: the negated inner product serves as it is.
    """
    return np.int64(0) if table[AT.kind] == DOT else estimate(table, source, row)


@device
def is_covered(table, row, distance, chosen, size):
    """Return whether a chosen neighbour is nearer to the candidate `row`, by alpha, than `distance`."""
    source = table[AT.other_bytes]
    load_bytes(table, row, source)
    own = own_estimate(table, source, row)
    for place in range(size):
        other = own - estimate(table, source, np.int64(chosen[place]))
        if table[AT.alpha_milli] * other < 1000 * distance:
            return True
    return False


@device
def choose(table, row, keys, size, dropped):
    """Write the neighbours of a row whose codes are in `query_bytes`, from ascending keys; equal keys count once."""
    width = table[AT.width]
    chosen = carray(int32_at(table[AT.chosen] + row * width * 4), (width,))
    own = own_estimate(table, table[AT.query_bytes], row)
    taken = 0
    left = 0
    for place in range(size):
        if taken == width:
            break
        candidate = key_row(keys[place])
        if candidate == row or (place and key_row(keys[place - 1]) == candidate):
            continue
        if is_covered(table, candidate, own + (keys[place] >> np.int64(32)), chosen, taken):
            dropped[left] = candidate
            left += 1
        else:
            chosen[taken] = candidate
            taken += 1
    for place in range(min(left, table[AT.fill] - taken)):
        chosen[taken] = dropped[place]
        taken += 1
    for place in range(taken, width):
        chosen[place] = -1
    return taken


@kernel("int64(int64[::1], int64, int64)")
def prune_lists(table, first, last):
    """Choose neighbours from the candidate lists."""
    offsets = carray(int64_at(table[AT.list_offsets]), (table[AT.rows] + 1,))
    rows = carray(int32_at(table[AT.list_rows]), (offsets[table[AT.rows]],))
    keys = np.empty(CANDIDATES_MAX, np.int64)
    dropped = np.empty(CANDIDATES_MAX, np.int32)
    stride = table[AT.byte_stride]
    total = 0
    for row in range(first, last):
        load_bytes(table, row, table[AT.query_bytes])
        for place in range(offsets[row], offsets[row + 1]):
            if rows[place] >= 0:
                prefetch_row(table[AT.byte_rows] + np.int64(rows[place]) * stride, stride)
        size = 0
        for place in range(offsets[row], offsets[row + 1]):
            candidate = np.int64(rows[place])
            if candidate >= 0:
                key = estimate_key(estimate(table, table[AT.query_bytes], candidate), candidate)
                size = heap_keep(keys, size, CANDIDATES_MAX, key)
        heap_sort(keys, size)
        total += choose(table, row, keys, size, dropped)
    return total


@kernel("int64(int64[::1], int64, int64)")
def refine_lists(table, first, last):
    """Search the present graph for each row, from the row itself, and choose neighbours from the beam."""
    ef = table[AT.ef]
    beam = carray(int64_at(table[AT.beam]), (ef,))
    visited = carray(uint8_at(table[AT.visited]), (table[AT.rows],))
    dropped = np.empty(ef, np.int32)
    visited[:] = 0
    epoch = 0
    total = 0
    for row in range(first, last):
        epoch += 1
        if epoch > 255:
            visited[:] = 0
            epoch = 1
        table[AT.epoch] = epoch
        load_bytes(table, row, table[AT.query_bytes])
        visited[row] = epoch
        beam_insert(beam, 0, ef, estimate_key(estimate(table, table[AT.query_bytes], row), row))
        size = walk_beam(table, beam, 1, ef, BYTES)
        for place in range(size):
            beam[place] &= ~np.int64(1)
        near = carray(int32_at(table[AT.nearest] + row * NEAREST * 4), (NEAREST,))
        taken = 0
        for place in range(min(size, NEAREST + 1)):
            if key_row(beam[place]) != row and taken < NEAREST:
                near[taken] = key_row(beam[place])
                taken += 1
        near[taken:] = -1
        total += choose(table, row, beam, size, dropped)
    return total
