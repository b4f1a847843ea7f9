"""Ids to rows and back, numbers and UUIDs mixed."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from shared.schema.points import ID_MAX, id_order
from shared.segment.id_map import IdBatch, IdMap

POINT_IDS = st.one_of(
    st.integers(0, ID_MAX),
    st.integers(0, 5),
    st.binary(min_size=16, max_size=16),
    st.sampled_from([b"\0" * 16, b"a" + b"\0" * 15, b"\0" * 15 + b"a", b"\xff" * 16]),
)


def id_map(ids: list[int | bytes]) -> IdMap:
    batch = IdBatch.from_ids(ids)
    is_uuid = np.zeros(len(ids), dtype=bool)
    is_uuid[batch.uuid_places] = True
    return IdMap.from_rows(batch.numbers, batch.uuids, is_uuid)


@given(st.lists(POINT_IDS), st.lists(POINT_IDS))
def test_sorted_map_finds_the_latest_row_of_an_id(ids: list[int | bytes], others: list[int | bytes]) -> None:
    mapping = id_map(ids)
    latest = {point_id: row for row, point_id in enumerate(ids)}

    found = mapping.rows_of(IdBatch.from_ids(ids + others))

    assert found.tolist() == [latest.get(point_id, -1) for point_id in ids + others]


@given(st.lists(POINT_IDS))
def test_rows_give_back_the_very_ids_even_those_with_trailing_nuls(ids: list[int | bytes]) -> None:
    mapping = id_map(ids)

    found = mapping.ids(np.arange(len(ids)))

    assert found == ids


@given(st.lists(POINT_IDS), POINT_IDS)
def test_scroll_order_is_numbers_then_uuids_from_the_offset_on(ids: list[int | bytes], offset: int | bytes) -> None:
    mapping = id_map(ids)
    expected = [point_id for point_id in sorted(set(ids), key=id_order) if id_order(point_id) >= id_order(offset)]

    rows = mapping.rows_from(offset)

    assert mapping.ids(rows) == expected
    assert mapping.ids(mapping.rows_from(None)) == sorted(set(ids), key=id_order)


@given(st.lists(POINT_IDS, unique=True, min_size=1))
def test_a_batch_round_trips_through_its_arrays(ids: list[int | bytes]) -> None:
    mapping = id_map(ids)

    numbers, uuids, is_uuid = mapping.batch_of(np.arange(len(ids)))
    batch = IdBatch.from_arrays(numbers, uuids, is_uuid)

    assert batch.ids == ids
    assert len(batch) == len(ids)
