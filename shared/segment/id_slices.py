"""Slices of the ids: which rows belong to slice `index` of `total`, by the hash of their id.

The hash is SipHash-2-4 (Aumasson and Bernstein 2012) under a zero key: of a number its 8 bytes little-endian, of a UUID
its 16. All hashes of a batch are computed at once, blocks of ids at a time that fit a processor's cache.
"""

import threading
from collections import OrderedDict
from collections.abc import Callable

import numpy as np
import numpy.typing as npt

from shared.schema.points import PointId
from shared.segment import bits
from shared.segment.bits import Words
from shared.segment.id_map import IdBatch, Numbers, Uuids

Hashes = npt.NDArray[np.uint64]
_Lane = npt.NDArray[np.uint64]

IdArrays = tuple[Numbers, Uuids, npt.NDArray[np.bool_]]
"""Ids of rows: the numbers, the UUIDs, and which kind comes next, as `IdMap.from_rows` takes them."""

SLICES_MAX = 16
"""Slices kept of one segment, a bit a row each: a scan asks for the same one page after page."""

BLOCK = 8192

_START = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)


class IdSlices:
    """The slices of one segment that were asked for. Rows are only ever added. Safe to use from threads."""

    def __init__(self) -> None:
        self._kept: OrderedDict[tuple[int, int], tuple[int, Words]] = OrderedDict()
        self._lock = threading.Lock()

    def words(self, total: int, index: int, count: int, ids_from: Callable[[int, int], IdArrays]) -> Words:
        """Return the rows of the first `count` that belong to a slice, read only.

        ids_from   (first, last) → the ids of rows [first, last)
        """
        with self._lock:
            known, words = self._kept.get((total, index), (0, bits.empty(0)))
        if known < count:
            added = in_slice(*ids_from(known, count), total, index)
            words = bits.resized(words, count)
            bits.set_rows(words, np.flatnonzero(added) + known)
            self._keep((total, index), count, words)
        return words[: bits.word_count(count)] if known <= count else bits.resized(words, count)

    def _keep(self, name: tuple[int, int], count: int, words: Words) -> None:
        with self._lock:
            if self._kept.get(name, (0,))[0] < count:
                self._kept[name] = (count, words)
            self._kept.move_to_end(name)
            if len(self._kept) > SLICES_MAX:
                self._kept.popitem(last=False)


def in_slice(
    numbers: Numbers, uuids: Uuids, is_uuid: npt.NDArray[np.bool_], total: int, index: int
) -> npt.NDArray[np.bool_]:
    """Return for each row whether its id belongs to the slice."""
    found = np.empty(len(is_uuid), np.bool_)
    found[~is_uuid] = hashes_of_numbers(numbers) % np.uint64(total) == index
    if len(uuids):
        found[is_uuid] = hashes_of_uuids(uuids) % np.uint64(total) == index
    return found


def hashes_of_numbers(numbers: Numbers) -> Hashes:
    """Return the hash of each number."""
    return _hashes(numbers.astype("<u8", copy=False).reshape(-1, 1))


def hashes_of_uuids(uuids: Uuids) -> Hashes:
    """Return the hash of each UUID."""
    return _hashes(np.frombuffer(uuids.tobytes(), "<u8").reshape(-1, 2))


def hash_of_id(point_id: PointId) -> int:
    """Return the hash of one id."""
    batch = IdBatch.from_ids([point_id])
    return int((hashes_of_uuids(batch.uuids) if len(batch.uuids) else hashes_of_numbers(batch.numbers))[0])


def _hashes(messages: npt.NDArray[np.uint64]) -> Hashes:
    """Return the hash of each row of (n, words of 8 bytes)."""
    hashes = np.empty(len(messages), np.uint64)
    for first in range(0, len(messages), BLOCK):
        block = messages[first : first + BLOCK]
        lanes = [np.full(len(block), start, np.uint64) for start in _START]
        for word in block.T:
            _absorb(lanes, np.ascontiguousarray(word))
        _absorb(lanes, np.full(len(block), messages.shape[1] * 8 << 56, np.uint64))
        lanes[2] ^= np.uint64(0xFF)
        for _ in range(4):
            _round(lanes)
        hashes[first : first + BLOCK] = lanes[0] ^ lanes[1] ^ lanes[2] ^ lanes[3]
    return hashes


def _absorb(lanes: list[_Lane], word: _Lane) -> None:
    lanes[3] ^= word
    _round(lanes)
    _round(lanes)
    lanes[0] ^= word


def _round(lanes: list[_Lane]) -> None:
    """Do one SipRound, in place."""
    a, b, c, d = lanes
    a += b
    _rotate(b, 13)
    b ^= a
    _rotate(a, 32)
    c += d
    _rotate(d, 16)
    d ^= c
    a += d
    _rotate(d, 21)
    d ^= a
    c += b
    _rotate(b, 17)
    b ^= c
    _rotate(c, 32)


def _rotate(lane: _Lane, left: int) -> None:
    low = lane >> np.uint64(64 - left)
    lane <<= np.uint64(left)
    lane |= low
