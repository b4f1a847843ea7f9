"""Row masks as bit words.

`words` is a uint64 array of ceil(n / 64) little-endian words; bit r % 64 of word r // 64 says that row r passes.
Bits from row n on are zero, always: `count` and the kernels rely on it. Functions return new arrays but for `set_rows`,
`set_range` and `clear_rows`, which change the words that they are given.
"""

import numpy as np
from numpy.typing import ArrayLike, NDArray

Words = NDArray[np.uint64]
Rows = NDArray[np.int64]

_ONE = np.uint64(1)
_ALL = np.uint64(2**64 - 1)


def word_count(n: int) -> int:
    """Return how many words n rows need."""
    return (n + 63) >> 6


def empty(n: int) -> Words:
    """Return words in which none of n rows passes."""
    return np.zeros(word_count(n), dtype=np.uint64)


def full(n: int) -> Words:
    """Return words in which all of n rows pass."""
    words = np.full(word_count(n), _ALL, dtype=np.uint64)
    if n & 63:
        words[-1] = (1 << (n & 63)) - 1
    return words


def from_bool(passes: NDArray[np.bool_]) -> Words:
    """Return the words of a bool array (n,)."""
    packed = np.zeros(word_count(len(passes)) * 8, dtype=np.uint8)
    packed[: (len(passes) + 7) >> 3] = np.packbits(passes, bitorder="little")
    return packed.view(np.uint64)


def to_bool(words: Words, n: int) -> NDArray[np.bool_]:
    """Return the bool array (n,) of words."""
    return np.unpackbits(words.view(np.uint8), count=n, bitorder="little").view(np.bool_)


def from_rows(rows: ArrayLike, n: int) -> Words:
    """Return words of n rows in which the given ones pass. Rows may repeat, in any order."""
    passes = np.zeros(n, dtype=np.bool_)
    passes[np.asarray(rows, dtype=np.int64)] = True
    return from_bool(passes)


def to_rows(words: Words) -> Rows:
    """Return the rows that pass, ascending, as int64. Words without any cost next to nothing."""
    used = np.flatnonzero(words != 0)
    if 2 * len(used) > len(words):
        return np.flatnonzero(_bools(words)).astype(np.int64, copy=False)
    places = np.flatnonzero(_bools(words[used]))
    rows: Rows = (used[places >> 6] << 6) + (places & 63)
    return rows


def count(words: Words) -> int:
    """Return how many rows pass."""
    return int(np.bitwise_count(words).sum(dtype=np.int64))


def test(words: Words, rows: Rows) -> NDArray[np.bool_]:
    """Return for each of `rows` whether it passes. Rows must lie within the words."""
    shifts = (rows & 63).view(np.uint64)
    found: NDArray[np.bool_] = ((words[rows >> 6] >> shifts) & _ONE).astype(np.bool_)
    return found


def passes(words: Words, row: int) -> bool:
    """Return whether one row passes."""
    return bool((int(words[row >> 6]) >> (row & 63)) & 1)


def set_rows(words: Words, rows: Rows) -> None:
    """Make rows pass, in place."""
    np.bitwise_or.at(words, rows >> 6, _ONE << (rows & 63).astype(np.uint64))


def clear_rows(words: Words, rows: Rows) -> None:
    """Make rows not pass, in place."""
    np.bitwise_and.at(words, rows >> 6, ~(_ONE << (rows & 63).astype(np.uint64)))


def set_range(words: Words, first: int, last: int) -> None:
    """Make rows [first, last) pass, in place."""
    if first >= last:
        return
    head, tail = first >> 6, (last - 1) >> 6
    head_mask = (2**64 - 1) << (first & 63) & (2**64 - 1)
    tail_mask = (2**64 - 1) >> (63 - ((last - 1) & 63))
    if head == tail:
        words[head] |= np.uint64(head_mask & tail_mask)
        return
    words[head] |= np.uint64(head_mask)
    words[head + 1 : tail] = _ALL
    words[tail] |= np.uint64(tail_mask)


def resized(words: Words, n: int) -> Words:
    """Return a copy for n rows: new rows do not pass, rows beyond n are cut off."""
    result = empty(n)
    kept = min(len(words), len(result))
    result[:kept] = words[:kept]
    if n & 63 and kept == len(result):
        result[-1] &= np.uint64((1 << (n & 63)) - 1)
    return result


def _bools(words: Words) -> NDArray[np.bool_]:
    """Return all bits of words as bools: `flatnonzero` is several times as quick over these as over bytes."""
    return np.unpackbits(words.view(np.uint8), bitorder="little").view(np.bool_)
