"""The walk over a graph by int8 codes.

1. Estimate the entries, keep the few best as the beam's start.
2. Take the best row of the beam that was not expanded; collect its neighbours not seen before and ask for their codes.
3. Estimate them all, drop those worse than the beam's last, insert the rest.
4. Stop when every row of the beam was expanded; score the best `candidates` exactly.

With a mask, two beams: one of all rows steers, one holds the passing rows; the walk stops when the best row left to
expand is worse than the last of `ef` passing ones, or when its budget of estimates is spent.
"""

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from shared.segment.kernels.bytes_scan import byte_estimate, encode_query_bytes
from shared.segment.kernels.keys import MARK, WORST, beam_insert, estimate_key, key_row
from shared.segment.kernels.memory import int32_at, int64_at, prefetch, uint8_at, uint64_at
from shared.segment.kernels.registry import TABLE, device, kernel
from shared.segment.kernels.scores import rescore
from shared.segment.kernels.table import AT, EXHAUSTED, FINISHED

STARTS = 4
"""How many of the entries a walk begins with."""

PENDING = 4096
"""The longest neighbour list."""


@device
def begin(table, beam, visited, epoch):
    """Put the best entries into an empty beam; return its size."""
    stride = table[AT.byte_stride]
    entries = carray(int32_at(table[AT.entries]), (table[AT.entry_count],))
    starts = min(STARTS, table[AT.ef])
    size = 0
    for place in range(table[AT.entry_count]):
        row = np.int64(entries[place])
        code = table[AT.entry_rows] + place * stride
        key = estimate_key(byte_estimate(table, table[AT.query_bytes], code, row), row)
        if size < starts or key < beam[size - 1]:
            beam_insert(beam, size, starts, key)
            size = min(size + 1, starts)
    for place in range(size):
        visited[key_row(beam[place])] = epoch
    return size


@device
def collect(table, row, pending, visited, epoch):
    """List the unseen neighbours of a row, mark them seen, ask for their codes; return how many."""
    stride = table[AT.byte_stride]
    codes = table[AT.byte_rows]
    offsets = carray(int64_at(table[AT.offsets]), (table[AT.rows] + 1,))
    neighbors = carray(int32_at(table[AT.neighbors]), (offsets[np.uintp(table[AT.rows])],))
    lines = min(stride, 1024)
    fresh = 0
    for place in range(offsets[np.uintp(row)], offsets[np.uintp(row + 1)]):
        neighbor = neighbors[np.uintp(place)]
        pending[np.uintp(fresh)] = neighbor
        seen = visited[np.uintp(neighbor)]
        visited[np.uintp(neighbor)] = epoch
        if seen != epoch:
            at = codes + np.int64(neighbor) * stride
            for line in range(at, at + lines, 64):
                prefetch(line)
            fresh += 1
    return fresh


@device
def estimate_pending(table, pending, fresh, worst, keys):
    """Write the keys of pending rows that are better than `worst`; return how many."""
    stride = table[AT.byte_stride]
    codes = table[AT.byte_rows]
    kept = 0
    for place in range(fresh):
        row = np.int64(pending[np.uintp(place)])
        key = estimate_key(byte_estimate(table, table[AT.query_bytes], codes + row * stride, row), row)
        keys[np.uintp(kept)] = key
        kept += 1 if key < worst else 0
    return kept


@device
def prefetch_links(offsets, neighbors, row):
    """Ask for the start of a row's neighbour list: it will soon be expanded."""
    at = neighbors + offsets[np.uintp(row)] * 4
    prefetch(at)
    prefetch(at + 64)
    prefetch(at + 128)


@device
def walk_beam(table, beam, size, ef):
    """Expand a started beam until nothing is left; return its size."""
    visited = carray(uint8_at(table[AT.visited]), (table[AT.rows],))
    pending = carray(int32_at(table[AT.pending]), (PENDING,))
    keys = carray(int64_at(table[AT.pending_keys]), (PENDING,))
    epoch = np.uint8(table[AT.epoch])
    offsets = carray(int64_at(table[AT.offsets]), (table[AT.rows] + 1,))
    cursor = 0
    scored = 0
    hops = 0
    while True:
        while cursor < size and beam[np.uintp(cursor)] & MARK:
            cursor += 1
        if cursor >= size:
            break
        row = key_row(beam[np.uintp(cursor)])
        beam[np.uintp(cursor)] |= MARK
        hops += 1
        fresh = collect(table, row, pending, visited, epoch)
        scored += fresh
        if cursor + 1 < size and not beam[np.uintp(cursor + 1)] & MARK:
            prefetch_links(offsets, table[AT.neighbors], key_row(beam[np.uintp(cursor + 1)]))
        worst = beam[np.uintp(ef - 1)] if size >= ef else WORST
        kept = estimate_pending(table, pending, fresh, worst, keys)
        for place in range(kept):
            key = keys[np.uintp(place)]
            if size < ef or key < beam[np.uintp(ef - 1)]:
                at = beam_insert(beam, size, ef, key)
                size = min(size + 1, ef)
                if at <= cursor + 1:
                    prefetch_links(offsets, table[AT.neighbors], key_row(key))
                cursor = min(cursor, at)
    table[AT.scored] = scored
    table[AT.hops] = hops
    return size


@kernel(TABLE)
def walk(table):
    """Write the best `limit` rows that a walk finds."""
    encode_query_bytes(table)
    beam = carray(int64_at(table[AT.beam]), (table[AT.ef],))
    visited = carray(uint8_at(table[AT.visited]), (table[AT.rows],))
    size = begin(table, beam, visited, np.uint8(table[AT.epoch]))
    size = walk_beam(table, beam, size, table[AT.ef])
    table[AT.status] = FINISHED
    return rescore(table, beam, min(size, table[AT.candidates]))


@device
def passes(words, word_count, row):
    """Return whether a row is in the mask."""
    word = row >> 6
    return word < word_count and (words[np.uintp(word)] >> np.uint64(row & 63)) & np.uint64(1) != np.uint64(0)


@kernel(TABLE)
def walk_masked(table):
    """Write the best `limit` passing rows that a walk finds; EXHAUSTED when the budget ran out first."""
    encode_query_bytes(table)
    ef = table[AT.ef]
    capacity = table[AT.beam_capacity]
    word_count = table[AT.word_count]
    words = carray(uint64_at(table[AT.words]), (word_count,))
    beam = carray(int64_at(table[AT.beam]), (capacity,))
    found = carray(int64_at(table[AT.heap]), (ef,))
    visited = carray(uint8_at(table[AT.visited]), (table[AT.rows],))
    pending = carray(int32_at(table[AT.pending]), (PENDING,))
    keys = carray(int64_at(table[AT.pending_keys]), (PENDING,))
    epoch = np.uint8(table[AT.epoch])
    size = begin(table, beam, visited, epoch)
    hits = 0
    for place in range(size):
        key = beam[place]
        if passes(words, word_count, key_row(key)):
            beam_insert(found, hits, ef, key)
            hits = min(hits + 1, ef)
    cursor = 0
    scored = 0
    table[AT.status] = FINISHED
    while True:
        while cursor < size and beam[np.uintp(cursor)] & MARK:
            cursor += 1
        if cursor >= size or (hits >= ef and beam[np.uintp(cursor)] > found[np.uintp(ef - 1)]):
            break
        if scored > table[AT.budget]:
            table[AT.status] = EXHAUSTED
            break
        row = key_row(beam[np.uintp(cursor)])
        beam[np.uintp(cursor)] |= MARK
        fresh = collect(table, row, pending, visited, epoch)
        scored += fresh
        worst = found[np.uintp(ef - 1)] if hits >= ef else WORST
        kept = estimate_pending(table, pending, fresh, worst, keys)
        for place in range(kept):
            key = keys[np.uintp(place)]
            if size < capacity or key < beam[np.uintp(capacity - 1)]:
                at = beam_insert(beam, size, capacity, key)
                size = min(size + 1, capacity)
                cursor = min(cursor, at)
            if (hits < ef or key < found[np.uintp(ef - 1)]) and passes(words, word_count, key_row(key)):
                beam_insert(found, hits, ef, key)
                hits = min(hits + 1, ef)
    table[AT.scored] = scored
    return rescore(table, found, min(hits, table[AT.candidates]))
