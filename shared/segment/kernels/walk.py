"""The walk over a graph by row codes: int8 ones, or those of a quantization (`walk_coded`, `walk_masked_coded`).

1. Estimate the entries, keep the few best as the beam's start.
2. Take the best row of the beam that was not expanded; collect its neighbours not seen before and ask for their codes.
3. Estimate them all, drop those worse than the beam's last, insert the rest.
4. Stop when every row of the beam was expanded; score the best `candidates` exactly.

With a mask, two beams: one of all rows steers, one holds the passing rows; the walk stops when the best row left to
expand is worse than the last of `ef` passing ones, or when its budget of estimates is spent.
"""

import numpy as np
from numba import carray  # type: ignore[attr-defined]

from shared.segment.kernels.keys import MARK, WORST, beam_insert, key_row
from shared.segment.kernels.memory import int32_at, int64_at, prefetch, uint8_at, uint64_at
from shared.segment.kernels.registry import TABLE, device, inlined, kernel
from shared.segment.kernels.row_keys import code_key, encode_query, finish
from shared.segment.kernels.table import AT, BYTES, EXHAUSTED, FINISHED, RAW

STARTS = 4
"""How many of the entries a walk begins with."""

PENDING = 4096
"""The longest neighbour list."""


@inlined
def begin(table, beam, visited, epoch, codec):
    """Put the best entries into an empty beam; return its size."""
    stride = table[AT.byte_stride]
    entries = carray(int32_at(table[AT.entries]), (table[AT.entry_count],))
    starts = min(STARTS, table[AT.ef])
    size = 0
    for place in range(table[AT.entry_count]):
        row = np.int64(entries[place])
        code = table[AT.byte_rows] + row * stride if codec == RAW else table[AT.entry_rows] + place * stride
        key = code_key(table, codec, code, row)
        if size < starts or key < beam[size - 1]:
            beam_insert(beam, size, starts, key)
            size = min(size + 1, starts)
    for place in range(size):
        visited[key_row(beam[place])] = epoch
    return size


@inlined
def collect(table, row, pending, visited, epoch, codec):
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
            for line in range(at if codec == BYTES else at & ~np.int64(63), at + lines, 64):
                prefetch(line)
            fresh += 1
    return fresh


@inlined
def estimate_pending(table, pending, fresh, worst, keys, codec):
    """Write the keys of pending rows that are better than `worst`; return how many."""
    stride = table[AT.byte_stride]
    codes = table[AT.byte_rows]
    kept = 0
    for place in range(fresh):
        row = np.int64(pending[np.uintp(place)])
        key = code_key(table, codec, codes + row * stride, row)
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


@inlined
def walk_beam(table, beam, size, ef, codec):
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
        fresh = collect(table, row, pending, visited, epoch, codec)
        scored += fresh
        if cursor + 1 < size and not beam[np.uintp(cursor + 1)] & MARK:
            prefetch_links(offsets, table[AT.neighbors], key_row(beam[np.uintp(cursor + 1)]))
        worst = beam[np.uintp(ef - 1)] if size >= ef else WORST
        kept = estimate_pending(table, pending, fresh, worst, keys, codec)
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


@inlined
def walk_open(table, codec):
    """Walk without a mask."""
    encode_query(table, codec)
    beam = carray(int64_at(table[AT.beam]), (table[AT.ef],))
    visited = carray(uint8_at(table[AT.visited]), (table[AT.rows],))
    size = begin(table, beam, visited, np.uint8(table[AT.epoch]), codec)
    size = walk_beam(table, beam, size, table[AT.ef], codec)
    table[AT.status] = FINISHED
    return finish(table, beam, min(size, table[AT.candidates]), codec)


@kernel(TABLE)
def walk(table):
    """Write the best `limit` rows that a walk by int8 codes finds."""
    return walk_open(table, BYTES)


@kernel(TABLE)
def walk_coded(table):
    """Write the best `limit` rows that a walk by the table's codec finds."""
    return walk_open(table, table[AT.codec])


@device
def passes(words, word_count, row):
    """Return whether a row is in the mask."""
    word = row >> 6
    return word < word_count and (words[np.uintp(word)] >> np.uint64(row & 63)) & np.uint64(1) != np.uint64(0)


@inlined
def walk_passing(table, codec):
    """Walk under a mask."""
    encode_query(table, codec)
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
    size = begin(table, beam, visited, epoch, codec)
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
        fresh = collect(table, row, pending, visited, epoch, codec)
        scored += fresh
        worst = found[np.uintp(ef - 1)] if hits >= ef else WORST
        kept = estimate_pending(table, pending, fresh, worst, keys, codec)
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
    return finish(table, found, min(hits, table[AT.candidates]), codec)


@kernel(TABLE)
def walk_masked(table):
    """Write the best `limit` passing rows that a walk finds; EXHAUSTED when the budget ran out first."""
    return walk_passing(table, BYTES)


@kernel(TABLE)
def walk_masked_coded(table):
    """Do the same by the table's codec."""
    return walk_passing(table, table[AT.codec])
