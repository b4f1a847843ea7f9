"""Operations beyond the plain upsert: what becomes of points, where their rows go, and that steps change nothing."""

from pathlib import Path

import numpy as np
import pytest
from msgspec.structs import replace

from services.worker.point_changes import STEP_POINTS
from services.worker.state import ShardState
from shared.query.scroll import scroll_segments
from shared.schema.collections import SealConfig, VectorParams
from shared.schema.filters import Filter
from shared.schema.operations import (
    ClearPayload,
    Delete,
    DeletePayload,
    DeleteVectors,
    Operation,
    Outcome,
    OverwritePayload,
    Seal,
    SetPayload,
    UpdateMode,
    UpdateVectors,
    Upsert,
)
from shared.schema.points import PointId
from shared.segment.checksum import logical_checksum
from tests.builders import Point, config, match, point, scroll, set_payload, upsert, uuid_id
from tests.unit.worker.shard_log import Disk, apply_all, content, new_state, switch

TWO = config(vectors={name: VectorParams(size=2, distance="Dot") for name in ("a", "b")})
RED, BLUE = {"colour": "red"}, {"colour": "blue"}
IS_RED = Filter(must=[match("colour", "red")])


def two_points(state: ShardState) -> None:
    """Write a red and a blue point with two vectors each, the first in a sealed segment."""
    red = point(1, {"a": [1.0, 2.0], "b": [3.0, 4.0]}, RED)
    blue = point(uuid_id(2), {"a": [5.0, 6.0], "b": [7.0, 8.0]}, BLUE)
    apply_all(state, upsert(red), Seal("a00000001"), upsert(blue))


def vectors_of(state: ShardState) -> dict[PointId, dict[str, list[float]]]:
    """Return the vectors of all points."""
    hits = scroll_segments(state.segments(), scroll(10_000))
    return {
        hit.id: {name: np.frombuffer(raw, "<f4").tolist() for name, raw in (hit.vectors or {}).items()} for hit in hits
    }


def versions_of(state: ShardState) -> dict[PointId, int]:
    """Return the versions of all points."""
    return {hit.id: hit.version for hit in scroll_segments(state.segments(), scroll(10_000))}


def moved(*given: Point, wanted: Filter | None = None) -> UpdateVectors:
    """Return the operation that gives points these vectors."""
    written = upsert(list(given))
    return UpdateVectors(written.ids, written.slots, wanted)


def finished(state: ShardState, operation: Operation) -> tuple[int, Outcome]:
    """Apply an operation in steps; return how often it paused, and its outcome."""
    steps, pauses = state.steps(state.applied + 1, operation), 0
    while True:
        try:
            next(steps)
            pauses += 1
        except StopIteration as done:
            return pauses, done.value


@pytest.mark.parametrize(
    ("mode", "wanted", "written"),
    [
        (UpdateMode.UPSERT, None, {1, uuid_id(2), 3}),
        (UpdateMode.UPSERT, IS_RED, {1, 3}),
        (UpdateMode.INSERT_ONLY, None, {3}),
        (UpdateMode.INSERT_ONLY, IS_RED, {3}),
        (UpdateMode.UPDATE_ONLY, None, {1, uuid_id(2)}),
        (UpdateMode.UPDATE_ONLY, IS_RED, {1}),
    ],
)
def test_an_upsert_writes_the_points_that_its_mode_and_filter_let_through(
    mode: UpdateMode, wanted: Filter | None, written: set[PointId]
) -> None:
    state = new_state(TWO)
    two_points(state)
    given = upsert([point(one, {"a": [0.0, 0.0]}, {"new": True}) for one in (3, uuid_id(2), 1)])

    [outcome] = apply_all(state, replace(given, mode=mode, update_filter=wanted))

    assert outcome.missing == []
    assert {one for one, payload in content(state).items() if payload == {"new": True}} == written
    assert {one for one, vectors in vectors_of(state).items() if vectors == {"a": [0.0, 0.0]}} == written
    assert {one for one, version in versions_of(state).items() if version == state.applied} == written


def test_updated_vectors_keep_the_others_and_the_payload_of_the_moment() -> None:
    state = new_state(TWO)
    two_points(state)
    apply_all(state, set_payload([1], {"n": 1}))

    [outcome] = apply_all(state, moved(point(1, {"a": [0.0, 1.0]}), point(9, {"b": [1.0, 1.0]})))

    assert outcome.missing == [9]
    assert vectors_of(state)[1] == {"a": [0.0, 1.0], "b": [3.0, 4.0]}
    assert content(state) == {1: {**RED, "n": 1}, uuid_id(2): BLUE}
    assert versions_of(state) == {1: state.applied, uuid_id(2): 3}


def test_each_point_of_an_update_gets_its_own_vectors_wherever_its_row_was() -> None:
    state = new_state(TWO)
    two_points(state)

    apply_all(state, moved(point(uuid_id(2), {"b": [0.5, 0.5]}), point(1, {"a": [0.25, 0.25]})))

    assert vectors_of(state) == {
        1: {"a": [0.25, 0.25], "b": [3.0, 4.0]},
        uuid_id(2): {"a": [5.0, 6.0], "b": [0.5, 0.5]},
    }


def test_an_update_filter_spares_vectors_and_still_tells_missing_points() -> None:
    state = new_state(TWO)
    two_points(state)
    before = vectors_of(state)[uuid_id(2)]

    given = [point(one, {"a": [0.0, 0.0]}) for one in (uuid_id(2), 7, 1)]
    [outcome] = apply_all(state, moved(*given, wanted=IS_RED))

    assert outcome.missing == [7]
    assert vectors_of(state) == {1: {"a": [0.0, 0.0], "b": [3.0, 4.0]}, uuid_id(2): before}


def test_deleted_vectors_leave_the_point_and_what_it_has_besides() -> None:
    state = new_state(TWO)
    two_points(state)

    [outcome] = apply_all(state, DeleteVectors([1, 5], ["a", "gone"]))

    assert outcome.missing == [5]
    assert vectors_of(state) == {1: {"b": [3.0, 4.0]}, uuid_id(2): {"a": [5.0, 6.0], "b": [7.0, 8.0]}}
    assert content(state) == {1: RED, uuid_id(2): BLUE}


def test_deleting_vectors_that_are_gone_already_writes_no_row() -> None:
    state = new_state(TWO)
    two_points(state)
    apply_all(state, DeleteVectors([], ["a"], Filter()))
    rows, versions = [one.count for one in state.segments()], versions_of(state)

    [outcome] = apply_all(state, DeleteVectors([1, uuid_id(2)], ["a"]))

    assert outcome.missing == []
    assert ([one.count for one in state.segments()], versions_of(state)) == (rows, versions)


def test_points_that_pass_a_filter_are_deleted_and_an_empty_filter_deletes_all() -> None:
    state = new_state(TWO)
    two_points(state)

    apply_all(state, Delete([], IS_RED))
    left = sorted(content(state))
    apply_all(state, Delete([], Filter()))

    assert (left, content(state)) == ([uuid_id(2)], {})


@pytest.mark.parametrize(
    ("operation", "red"),
    [
        (SetPayload([], b'{"n":1,"colour":null}', IS_RED), {"n": 1}),
        (SetPayload([], b'{"n":1}', IS_RED, "deep.er"), {**RED, "deep": {"er": {"n": 1}}}),
        (OverwritePayload([], b'{"n":null}', IS_RED), {"n": None}),
        (DeletePayload([], ["colour"], IS_RED), {}),
        (DeletePayload([], ["colour.deep", "other"], IS_RED), RED),
        (ClearPayload([], IS_RED), {}),
    ],
)
def test_a_payload_changes_where_the_row_is_and_for_points_that_pass_alone(
    operation: Operation, red: dict[str, object]
) -> None:
    state = new_state(TWO)
    two_points(state)
    rows = [one.count for one in state.segments()]

    apply_all(state, operation)

    assert content(state) == {1: red, uuid_id(2): BLUE}
    assert versions_of(state) == {1: state.applied, uuid_id(2): 3}
    assert [one.count for one in state.segments()] == rows


@pytest.mark.parametrize(
    "operation",
    [
        SetPayload([9, 1], b"{}"),
        SetPayload([9, 1], b"{}", key="a"),
        OverwritePayload([9, 1], b""),
        ClearPayload([9, 1]),
    ],
)
def test_payload_operations_tell_which_of_their_points_are_missing(operation: Operation) -> None:
    state = new_state(TWO)
    two_points(state)

    [outcome] = apply_all(state, operation)

    assert outcome.missing == [9]


def many(count: int) -> list[Upsert]:
    """Return upserts of so many points in an order that is not that of their ids."""
    ids = np.random.default_rng(1).permutation(count).tolist()
    return [
        upsert([point(one, {"a": [one, 1], "b": [1, one]}, RED) for one in ids[at : at + 100]])
        for at in range(0, count, 100)
    ]


WRITTEN_AGAIN = [
    DeleteVectors([], ["a"], IS_RED),
    SetPayload([], b'{"n":1}', IS_RED, "deep"),
    moved(*(point(one, {"b": [0.0, one]}) for one in range(3 * STEP_POINTS, 0, -1))),
]


@pytest.mark.parametrize("operation", WRITTEN_AGAIN)
def test_replicas_whose_segments_differ_agree_on_many_points_written_in_steps(
    operation: Operation, tmp_path: Path
) -> None:
    sealing = config(vectors=TWO.vectors, seal=SealConfig(vector_bytes=2**30, rows=150))
    one, other, disk = new_state(sealing), new_state(sealing), Disk(tmp_path)
    log: list[Operation] = [*many(600), DeleteVectors([3, 5], ["b"])]
    apply_all(one, *log)
    apply_all(other, *log)
    swap = disk.build(one, ["a00000001", "a00000003"], "b1")
    apply_all(one, swap)
    apply_all(other, swap)
    switch(one, one.pending[0], disk.prepared(one, one.pending[0]))

    steps = other.steps(other.applied + 1, operation)
    next(steps)
    switch(other, other.pending[0], disk.prepared(other, other.pending[0]))
    for _ in steps:
        pass
    pauses, _ = finished(one, operation)

    assert pauses > 1
    assert logical_checksum(one.segments()) == logical_checksum(other.segments())
    assert [(each.segment_id, each.count) for each in one.segments()] == [
        (each.segment_id, each.count) for each in other.segments()
    ]


def test_rows_written_again_are_sealed_on_the_way() -> None:
    state = new_state(config(vectors=TWO.vectors, seal=SealConfig(vector_bytes=2**30, rows=150)))
    apply_all(state, *many(600))

    apply_all(state, DeleteVectors([], ["a"], IS_RED))

    assert max(one.count for one in state.segments()) < 150 + STEP_POINTS
    assert len(content(state)) == 600


def test_nothing_is_checkpointed_in_the_middle_of_an_operation() -> None:
    state = new_state(TWO)
    apply_all(state, *many(400))
    steps = state.steps(state.applied + 1, DeleteVectors([], ["a"], IS_RED))

    next(steps)

    assert state.is_midway
    with pytest.raises(AssertionError, match="in part"):
        state.freeze({})
    list(steps)
    assert not state.is_midway
    assert state.freeze({}).position == 5
