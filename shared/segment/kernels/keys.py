"""Ranked candidates as single int64 keys, and the sorted beam and the heap that hold them.

A key is (badness << 32) | (row << 1) | mark: smaller is better, ties go to the lower row, and one comparison decides.
Badness is an int32: the negated int8 estimate, or the bits of a float32 score mapped so that they order as scores do.
The mark says that a beam's row was expanded. Rows are below 2**31.
"""

import numpy as np

from shared.segment.kernels.memory import bits_float, float_bits
from shared.segment.kernels.registry import device

MARK = 1
WORST = np.int64(2**63 - 1)


@device
def score_key(score, row):
    """Return the key of a float32 score; NaN (an overflow) ranks last."""
    if np.isnan(score):
        score = np.float32(-np.inf)
    bits = float_bits(score + np.float32(0))
    ascending = np.int64(bits ^ ((bits >> np.int32(31)) & np.int32(0x7FFFFFFF)))
    return (~ascending << np.int64(32)) | (np.int64(row) << np.int64(1))


@device
def key_score(key):
    """Return the float32 score of a `score_key`."""
    ascending = np.int32(~(key >> np.int64(32)))
    return bits_float(np.int32(ascending ^ ((ascending >> np.int32(31)) & np.int32(0x7FFFFFFF))))


@device
def estimate_key(estimate, row):
    """Return the key of an int32 estimate, higher is better."""
    return (-np.int64(estimate) << np.int64(32)) | (np.int64(row) << np.int64(1))


@device
def key_row(key):
    """Return the row of a key."""
    return (key >> np.int64(1)) & np.int64(0x7FFFFFFF)


@device
def beam_insert(beam, size, capacity, key):
    """Insert into a sorted beam, dropping its worst when full; the key must belong. Return its place."""
    low = 0
    high = size
    while low < high:
        middle = (low + high) >> 1
        if beam[np.uintp(middle)] < key:
            low = middle + 1
        else:
            high = middle
    place = min(size, capacity - 1)
    while place > low:
        beam[np.uintp(place)] = beam[np.uintp(place - 1)]
        place -= 1
    beam[np.uintp(low)] = key
    return low


@device
def heap_push(heap, size, key):
    """Add to a heap whose root is the worst key; `size` counts without the new one."""
    place = size
    while place > 0:
        parent = (place - 1) >> 1
        if heap[np.uintp(parent)] >= key:
            break
        heap[np.uintp(place)] = heap[np.uintp(parent)]
        place = parent
    heap[np.uintp(place)] = key


@device
def heap_replace(heap, size, key):
    """Put a key in the root's place."""
    place = 0
    while True:
        child = 2 * place + 1
        if child >= size:
            break
        if child + 1 < size and heap[np.uintp(child + 1)] > heap[np.uintp(child)]:
            child += 1
        if heap[np.uintp(child)] <= key:
            break
        heap[np.uintp(place)] = heap[np.uintp(child)]
        place = child
    heap[np.uintp(place)] = key


@device
def heap_keep(heap, size, limit, key):
    """Keep the best `limit` keys; return the new size."""
    if size < limit:
        heap_push(heap, size, key)
        return size + 1
    if key < heap[0]:
        heap_replace(heap, size, key)
    return size


@device
def heap_sort(heap, size):
    """Turn a heap into an ascending array: best first."""
    while size > 1:
        size -= 1
        key = heap[np.uintp(size)]
        heap[np.uintp(size)] = heap[0]
        heap_replace(heap, size, key)
