"""Slices of ids: the published hash, the reference's answers, and rows that come in any order of kinds."""

import uuid

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.segment import bits
from shared.segment.id_map import IdBatch, IdMap
from shared.segment.id_slices import BLOCK, SLICES_MAX, IdSlices, hashes_of_numbers, hashes_of_uuids

MASK = 2**64 - 1

UUIDS = [uuid.UUID(f"550e8400-e29b-41d4-a716-4466554400{place:02x}").bytes for place in range(30)]
NUMBERS = [*range(30), 2**64 - 1, 2**63, 12345678901234567]


def siphash(message, key=(0, 0)):
    """SipHash-2-4 as its paper writes it, one message at a time."""
    starts = (0x736F6D6570736575, 0x646F72616E646F6D, 0x6C7967656E657261, 0x7465646279746573)
    v0, v1, v2, v3 = (start ^ key[place % 2] for place, start in enumerate(starts))
    whole = len(message) // 8 * 8
    words = [int.from_bytes(message[first : first + 8], "little") for first in range(0, whole, 8)]
    words.append(int.from_bytes(message[whole:], "little") | (len(message) & 255) << 56)
    for word, rounds in [*((word, 2) for word in words), (None, 4)]:
        if word is None:
            v2 ^= 0xFF
        else:
            v3 ^= word
        for _ in range(rounds):
            v0, v2 = (v0 + v1) & MASK, (v2 + v3) & MASK
            v1, v3 = rotated(v1, 13) ^ v0, rotated(v3, 16) ^ v2
            v0 = rotated(v0, 32)
            v2, v0 = (v2 + v1) & MASK, (v0 + v3) & MASK
            v1, v3 = rotated(v1, 17) ^ v2, rotated(v3, 21) ^ v0
            v2 = rotated(v2, 32)
        if word is not None:
            v0 ^= word
    return v0 ^ v1 ^ v2 ^ v3


def rotated(value, left):
    return (value << left | value >> (64 - left)) & MASK


def arrays_of(ids):
    batch = IdBatch.from_ids(ids)
    is_uuid = np.zeros(len(ids), np.bool_)
    is_uuid[batch.uuid_places] = True
    return lambda first, last: IdMap.from_rows(batch.numbers, batch.uuids, is_uuid).batch_of(np.arange(first, last))


def test_plain_hash_of_the_test_is_that_of_the_paper():
    key = tuple(int.from_bytes(bytes(range(first, first + 8)), "little") for first in (0, 8))

    assert siphash(bytes(range(15)), key) == 0xA129CA6149BE45E5


@given(st.lists(st.integers(0, MASK), max_size=20), st.lists(st.binary(min_size=16, max_size=16), max_size=20))
def test_hashes_are_those_of_the_ids_bytes(numbers, uuids):
    of_numbers = hashes_of_numbers(np.array(numbers, np.uint64)).tolist()
    of_uuids = hashes_of_uuids(np.frombuffer(b"".join(uuids), "S16")).tolist()

    assert of_numbers == [siphash(number.to_bytes(8, "little")) for number in numbers]
    assert of_uuids == [siphash(one) for one in uuids]


def test_slice_holds_the_ids_that_the_reference_puts_there():
    ids = NUMBERS + UUIDS

    words = IdSlices().words(5, 2, len(ids), arrays_of(ids))

    numbers_then_uuids = [5, 8, 9, 13, 22, 24, 2**63, *(UUIDS[place] for place in (3, 8, 11, 20))]
    assert [ids[row] for row in bits.to_rows(words).tolist()] == numbers_then_uuids


@given(st.permutations([*range(40), *UUIDS]), st.integers(1, 5))
def test_slices_of_one_total_part_the_ids_in_whatever_order_they_came(ids, total):
    slices = IdSlices()

    found = [bits.to_rows(slices.words(total, index, len(ids), arrays_of(ids))).tolist() for index in range(total)]

    assert sorted(row for rows in found for row in rows) == list(range(len(ids)))
    assert {siphash(b) % total for b in UUIDS if b in [ids[row] for row in found[0]]} <= {0}


@pytest.mark.parametrize("more", [1, 63, 64, BLOCK])
def test_slice_grows_with_the_rows_and_hashes_only_the_new_ones(more):
    ids = list(range(100 + more))
    asked = []
    slices = IdSlices()

    def ids_from(first, last):
        asked.append((first, last))
        return arrays_of(ids)(first, last)

    before = slices.words(3, 1, 100, ids_from)
    after = slices.words(3, 1, 100 + more, ids_from)
    again = slices.words(3, 1, 100, ids_from)

    expected = [place for place in ids if siphash(place.to_bytes(8, "little")) % 3 == 1]
    assert bits.to_rows(after).tolist() == expected
    assert bits.to_rows(again).tolist() == bits.to_rows(before).tolist() == [row for row in expected if row < 100]
    assert asked == [(0, 100), (100, 100 + more)]


def test_slices_kept_are_bounded():
    slices = IdSlices()

    for index in range(2 * SLICES_MAX):
        slices.words(2 * SLICES_MAX, index, 10, arrays_of(list(range(10))))

    assert len(slices._kept) == SLICES_MAX
