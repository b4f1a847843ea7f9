"""Phrases: texts in which terms stand side by side.

The terms of all texts are one int32 sequence, a gap (-1) after each text: text t is sequence[ends[t - 1]:ends[t]] with
its gap, int64 ends. units[t], int32 ascending, says which bit it counts for.

Twin in plain Python: tests/unit/segment/kernels/test_phrases.py
"""

import numpy as np

from shared.segment.kernels.code_lanes import trailing_zeros
from shared.segment.kernels.memory import int32_at, int64_at, uint64_at
from shared.segment.kernels.registry import device, kernel


@device
def first_text(units, count, start, unit):
    """Return the first text, from `start` on, whose unit is not below one. Near ones are found in few steps."""
    listed = int32_at(units)
    step = 1
    low = start
    high = start
    while high < count and np.int64(listed[high]) < unit:
        low = high + 1
        high += step
        step *= 2
    high = min(high, count)
    while low < high:
        middle = (low + high) >> 1
        if np.int64(listed[middle]) < unit:
            low = middle + 1
        else:
            high = middle
    return low


@device
def has_phrase(sequence, first, last, phrase, size):
    """Return whether sequence[first:last] has a phrase of `size` terms."""
    terms = int32_at(sequence)
    wanted = int32_at(phrase)
    for begin in range(first, last - size + 1):
        place = 0
        while place < size and terms[begin + place] == wanted[place]:
            place += 1
        if place == size:
            return True
    return False


@kernel("int64(int64, int64, int64, int64, int64, int64, int64, int64)")
def keep_phrases(sequence, ends, units, count, phrase, size, words, word_count):
    """Clear the bits of those units in words none of whose texts, `count` in all, has a phrase, int32 (size,)."""
    passing = uint64_at(words)
    lasts = int64_at(ends)
    listed = int32_at(units)
    text = 0
    for number in range(word_count):
        left = passing[number]
        while left:
            bit = left & (~left + np.uint64(1))
            unit = (number << 6) + trailing_zeros(left)
            left ^= bit
            text = first_text(units, count, text, unit)
            found = False
            while text < count and np.int64(listed[text]) == unit:
                first = lasts[text - 1] if text else 0
                found = found or has_phrase(sequence, first, lasts[text], phrase, size)
                text += 1
            if not found:
                passing[number] &= ~bit
    return 0
