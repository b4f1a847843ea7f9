"""Slots of float16 and bytes: what is stored, and that every way of searching scores it alike."""

import numpy as np
import pytest

from shared.schema.slots import Datatype, Distance
from shared.segment import bits
from shared.segment.distance import exact_scores, normalised, score_twin
from shared.segment.elements import keeps_length, narrowed, widened
from shared.segment.index.base import SlotIndex, SlotSearch
from shared.segment.index.bit_codes import has_bit_codes
from shared.segment.index.codes import BitCodes, Codes
from shared.segment.index.exact import scan, score_rows
from shared.segment.layout import SlotLayout
from tests.builders import vectors

NARROW = [Datatype.FLOAT16, Datatype.UINT8]


def layout(distance: Distance, dim: int, datatype: Datatype) -> SlotLayout:
    return SlotLayout(dim, distance, datatype=datatype)


def stored(slot: SlotLayout, count: int, seed: int = 1) -> np.ndarray:
    rows = np.abs(vectors(count, slot.dim, seed)) * 80
    if slot.distance is Distance.COSINE and not keeps_length(slot):
        rows = normalised(rows)
    return narrowed(slot, rows)


def asked(slot: SlotLayout) -> np.ndarray:
    query = np.abs(vectors(1, slot.dim, 99))[0] * 80
    return normalised(query) if slot.distance is Distance.COSINE else query


@pytest.mark.parametrize("datatype", NARROW)
@pytest.mark.parametrize("distance", list(Distance))
@pytest.mark.parametrize("dim", [1, 15, 64, 100, 384])
def test_scores_of_narrow_rows_are_those_of_the_widened_rows(distance, datatype, dim):
    slot = layout(distance, dim, datatype)
    rows, query = stored(slot, 40), asked(slot)

    found = score_rows(distance, rows, query, np.arange(40))

    np.testing.assert_allclose(found, exact_scores(distance, widened(slot, rows), query), rtol=1e-5)


@pytest.mark.parametrize("distance", list(Distance))
def test_float16_rows_follow_the_written_order_of_summation(distance):
    rows = np.round(vectors(5, 77) * 8).astype(np.float16) / np.float16(8)
    query = np.round(vectors(1, 77, 3)[0] * 256) / np.float32(256)

    found = score_rows(distance, rows, query, np.arange(5))

    assert found.tobytes() == np.array([score_twin(distance, r.astype(np.float32), query) for r in rows]).tobytes()


@pytest.mark.parametrize("datatype", NARROW)
@pytest.mark.parametrize("distance", list(Distance))
def test_a_slot_of_narrow_rows_gives_the_same_scores_from_scan_codes_and_exact_search(distance, datatype):
    slot = layout(distance, 96, datatype)
    rows, query = stored(slot, 3000), asked(slot)
    wide = widened(slot, rows)
    groups = BitCodes.build(wide, distance, 7) if has_bit_codes(96, distance) else None
    index = SlotIndex(slot, rows, len(rows), codes=Codes(None, groups))

    found, scores = index.search(query.tobytes(), SlotSearch(10))
    truth, exact = index.search(query, SlotSearch(10, exact=True))

    assert found.tolist() == truth.tolist() == scan(distance, rows, 3000, query, None, limit=10)[0].tolist()
    assert scores.tobytes() == exact.tobytes() == score_rows(distance, rows, query, truth).tobytes()


@pytest.mark.parametrize("datatype", NARROW)
def test_masked_rows_of_a_narrow_slot_are_no_hits(datatype):
    slot = layout(Distance.DOT, 8, datatype)
    rows = stored(slot, 100)
    passes = np.arange(100) % 7 == 0

    found, _ = SlotIndex(slot, rows, 100).search(
        asked(slot), SlotSearch(100, bits.from_bool(passes), int(passes.sum()))
    )

    assert sorted(found.tolist()) == np.flatnonzero(passes).tolist()


def test_bytes_under_cosine_keep_their_length_and_are_compared_without_it():
    slot = layout(Distance.COSINE, 3, Datatype.UINT8)
    rows = narrowed(slot, np.array([[10, 0, 0], [200, 0, 0], [0, 5, 5], [0, 0, 0]], np.float32))
    index = SlotIndex(slot, rows, 4)

    found, scores = index.search(np.array([1, 0, 0], np.float32), SlotSearch(4))

    assert dict(zip(found.tolist(), scores.tolist(), strict=True)) == {0: 1.0, 1: 1.0, 2: 0.0, 3: 0.0}
    assert np.frombuffer(index.packed(np.array([1]))[0], "<f4").tolist() == [200, 0, 0]


def test_bytes_lose_their_fraction_and_stay_within_their_range():
    slot = layout(Distance.DOT, 6, Datatype.UINT8)

    found = narrowed(slot, np.array([[-3.7, -0.2, 0.99, 254.999, 255.0, 1e9]], np.float32))

    assert found.tolist() == [[0, 0, 0, 254, 255, 255]]


def test_a_value_beyond_float16_is_refused():
    with pytest.raises(OverflowError, match="65504"):
        narrowed(layout(Distance.DOT, 1, Datatype.FLOAT16), np.array([[70_000.0]], np.float32))


@pytest.mark.parametrize("datatype", list(Datatype))
def test_packed_rows_are_float32(datatype):
    slot = layout(Distance.EUCLID, 5, datatype)
    rows = stored(slot, 9)

    found = SlotIndex(slot, rows, 9).packed(np.array([8, 0, 3]))

    assert [np.frombuffer(raw, "<f4").tolist() for raw in found] == rows[[8, 0, 3]].astype(np.float32).tolist()
