"""Columns of a sealed segment: rows of values into bit words, values counted, texts found and sorted.

A column numbers its distinct values in their order: these are its codes. Its lists are the rows of each code, int32,
list after list: that of code c is rows[starts[c]:starts[c + 1]], or rows[c] alone where there are no starts. Its codes
by row have 1, 2 or 4 bytes and are padded to a multiple of 64. An address of 0 means that there is no such array.

Compared with numpy: tests/unit/segment/columns/test_postings.py, test_column_set.py
"""

import numpy as np

from shared.segment.kernels.code_lanes import range_word_8, range_word_16, range_word_32, trailing_zeros
from shared.segment.kernels.memory import int32_at, int64_at, load_word, uint8_at, uint16_at, uint32_at, uint64_at
from shared.segment.kernels.registry import device, kernel

EQUAL, FROM, BEYOND = 0, 1, 2
"""What `find_text` looks for: a text, the first text that is not below it, the first above all that begin with it."""

INSERTED = 12
"""Runs of so many texts are sorted by insertion before they are merged."""


@device
def code_at(codes, width, place):
    """Return one code as int64."""
    if width == 1:
        return np.int64(uint8_at(codes)[place])
    if width == 2:
        return np.int64(uint16_at(codes)[place])
    return np.int64(uint32_at(codes)[place])


@device
def mark_list(rows, first, last, words):
    """Set the bits of rows[first:last]. Neighbours that share a word, as in lists of many rows, are set at once."""
    if first >= last:
        return
    listed = int32_at(rows)
    marked = uint64_at(words)
    word = np.int64(listed[first]) >> 6
    bits = np.uint64(0)
    for place in range(first, last):
        row = np.int64(listed[place])
        if row >> 6 != word:
            marked[word] |= bits
            word = row >> 6
            bits = np.uint64(0)
        bits |= np.uint64(1) << np.uint64(row & 63)
    marked[word] |= bits


@kernel("int64(int64, int64, int64, int64)")
def mark_rows(rows, first, last, words):
    """Set the bits of rows[first:last]."""
    mark_list(rows, first, last, words)
    return 0


@kernel("int64(int64, int64, int64, int64, int64)")
def mark_lists(rows, starts, codes, count, words):
    """Set the bits of the rows of some codes, int64 (count,)."""
    wanted = int64_at(codes)
    for number in range(count):
        code = wanted[number]
        if starts == 0:
            mark_list(rows, code, code + 1, words)
        else:
            mark_list(rows, int32_at(starts)[code], int32_at(starts)[code + 1], words)
    return 0


@kernel("int64(int64, int64, int64, int64, int64, int64)")
def mark_range(codes, width, first, span, rows, words):
    """Set the bits of the rows whose code is in [first, first + span). Reads all codes, 64 at once."""
    marked = uint64_at(words)
    count = (rows + 63) >> 6
    if width == 1:
        for number in range(count):
            marked[number] |= range_word_8(codes + number * 64, first, span)
    elif width == 2:
        for number in range(count):
            marked[number] |= range_word_16(codes + number * 128, first, span)
    else:
        for number in range(count):
            marked[number] |= range_word_32(codes + number * 256, first, span)
    if rows & 63:
        marked[count - 1] &= (np.uint64(1) << np.uint64(rows & 63)) - np.uint64(1)
    return 0


@kernel("int64(int64, int64, int64, int64, int64, int64)")
def count_codes(codes, width, owners, count, words, counts):
    """Count the codes of the rows in words, into int64 counts (codes,).

    owners   int32 (count,): the row of each code; without them code r is that of row r
    """
    passing = uint64_at(words)
    counted = int64_at(counts)
    if owners:
        for place in range(count):
            row = np.int64(int32_at(owners)[place])
            if (passing[row >> 6] >> np.uint64(row & 63)) & np.uint64(1):
                counted[code_at(codes, width, place)] += 1
        return 0
    for number in range((count + 63) >> 6):
        left = passing[number]
        row = number << 6
        if left == ~np.uint64(0):
            for place in range(row, row + 64):
                counted[code_at(codes, width, place)] += 1
            continue
        while left:
            counted[code_at(codes, width, row + trailing_zeros(left))] += 1
            left &= left - np.uint64(1)
    return 0


@kernel("int64(int64, int64, int64, int64, int64, int64, int64)")
def take_places(rows, first, last, step, words, limit, places):
    """Write the first `limit` places, from `first` to before `last` by `step` (1, -1), whose rows are in words."""
    listed = int32_at(rows)
    passing = uint64_at(words)
    taken = int64_at(places)
    found = 0
    place = first
    while place != last and found < limit:
        row = np.int64(listed[place])
        if (passing[row >> 6] >> np.uint64(row & 63)) & np.uint64(1):
            taken[found] = place
            found += 1
        place += step
    return found


@kernel("int64(int64, int64, int64, int64, int64, int64)")
def fill_lists(codes, width, owners, count, nexts, rows):
    """Write the row of each code to its list; int32 nexts (codes,) says where each list goes on, and moves."""
    ends = int32_at(nexts)
    listed = int32_at(rows)
    for place in range(count):
        code = code_at(codes, width, place)
        listed[ends[code]] = int32_at(owners)[place] if owners else place
        ends[code] += 1
    return 0


@kernel("int64(int64, int64, int64, int64)")
def override_bits(words, rows, count, marks):
    """Make row rows[i], int64 (count,), pass if marks[i], uint8, is 1 and not pass if it is 0; later ones win."""
    marked = uint64_at(words)
    edited = int64_at(rows)
    chosen = uint8_at(marks)
    for place in range(count):
        row = edited[place]
        bit = np.uint64(1) << np.uint64(row & 63)
        if chosen[place]:
            marked[row >> 6] |= bit
        else:
            marked[row >> 6] &= ~bit
    return 0


@device
def compared(a, a_size, b, b_size):
    """Return whether text a is below (-1), equal to (0) or above (1) text b, byte by byte."""
    size = min(a_size, b_size)
    place = 0
    while place + 8 <= size and load_word(a + place) == load_word(b + place):
        place += 8
    while place < size:
        mine, other = uint8_at(a)[place], uint8_at(b)[place]
        if mine != other:
            return -1 if mine < other else 1
        place += 1
    if a_size == b_size:
        return 0
    return -1 if a_size < b_size else 1


@kernel("int64(int64, int64, int64, int64, int64, int64)")
def find_text(blob, offsets, count, text, size, wanted):
    """Look for a text among `count` sorted ones, number n being blob[offsets[n]:offsets[n + 1]], int64 offsets.

    Gives its number, or -1 (EQUAL); the number of the first text that is not below it (FROM); of the first above all
    that begin with it (BEYOND).
    """
    bounds = int64_at(offsets)
    low = 0
    high = count
    while low < high:
        middle = (low + high) >> 1
        begin = bounds[middle]
        length = bounds[middle + 1] - begin
        if wanted == BEYOND:
            length = min(length, size)
        order = compared(blob + begin, length, text, size)
        if order < 0 or (order == 0 and wanted == BEYOND):
            low = middle + 1
        else:
            high = middle
    if wanted != EQUAL:
        return low
    if low < count and compared(blob + bounds[low], bounds[low + 1] - bounds[low], text, size) == 0:
        return low
    return -1


@kernel("int64(int64, int64, int64, int64, int64, int64)")
def copy_texts(blob, offsets, order, count, copied, ends):
    """Write texts order[0:count], int32, end to end, and 0 and where each ends to int64 ends (count + 1,)."""
    bounds, numbers, written = int64_at(offsets), int32_at(order), int64_at(ends)
    source, target = uint8_at(blob), uint8_at(copied)
    place = 0
    written[0] = 0
    for number in range(count):
        for letter in range(bounds[numbers[number]], bounds[numbers[number] + 1]):
            target[place] = source[letter]
            place += 1
        written[number + 1] = place
    return place


@device
def text_order(blob, offsets, a, b):
    """Compare texts number a and b."""
    bounds = int64_at(offsets)
    return compared(blob + bounds[a], bounds[a + 1] - bounds[a], blob + bounds[b], bounds[b + 1] - bounds[b])


@kernel("int64(int64, int64, int64, int64, int64)")
def sort_texts(blob, offsets, count, order, spare):
    """Write the numbers of texts in their order to int32 order (count,): a merge sort. `spare` is as large."""
    numbers, other = int32_at(order), int32_at(spare)
    for first in range(0, count, INSERTED):
        for number in range(first, min(first + INSERTED, count)):
            place = number
            while place > first and text_order(blob, offsets, number, np.int64(numbers[place - 1])) < 0:
                numbers[place] = numbers[place - 1]
                place -= 1
            numbers[place] = number
    width = INSERTED
    while width < count:
        for first in range(0, count, 2 * width):
            middle = min(first + width, count)
            last = min(first + 2 * width, count)
            left, right = first, middle
            for place in range(first, last):
                if right >= last or (
                    left < middle and text_order(blob, offsets, np.int64(numbers[left]), np.int64(numbers[right])) <= 0
                ):
                    other[place] = numbers[left]
                    left += 1
                else:
                    other[place] = numbers[right]
                    right += 1
        for place in range(count):
            numbers[place] = other[place]
        width *= 2
    return 0
