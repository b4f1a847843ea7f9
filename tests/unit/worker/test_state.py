"""The state of a shard: what each operation does, and that nothing but the log decides it."""

from pathlib import Path

import pytest

from shared.errors import LogGap
from shared.schema.collections import SealConfig, VectorParams
from shared.schema.operations import Config, Resume, Seal, Swap
from shared.segment.checksum import logical_checksum
from tests.builders import config, delete, point, points, set_payload, upsert, uuid_id
from tests.unit.worker.shard_log import Disk, apply_all, content, new_state, switch


def test_the_last_upsert_of_a_point_replaces_vectors_and_payload() -> None:
    state = new_state()

    apply_all(state, upsert(point(1, payload={"a": 1, "b": 2})), upsert(point(1, payload={"c": 3})))

    assert content(state) == {1: {"c": 3}}


def test_a_point_lives_once_although_its_rows_lie_in_two_segments() -> None:
    state = new_state()

    apply_all(state, upsert(points(3)), Seal("a00000001"), upsert(point(2, payload={"new": True})))

    assert content(state) == {1: {}, 2: {"new": True}, 3: {}}
    assert [segment.live_count for segment in state.segments()] == [2, 1]


def test_positions_that_were_applied_change_nothing() -> None:
    state = new_state()
    apply_all(state, upsert(points(3)), delete(2))
    before = logical_checksum(state.segments())

    state.apply(1, upsert(points(3)))
    state.apply(2, delete(1))

    assert (state.applied, logical_checksum(state.segments())) == (2, before)


def test_a_missing_position_is_a_gap_and_changes_nothing() -> None:
    state = new_state()
    apply_all(state, upsert(points(3)))

    with pytest.raises(LogGap, match="expected position 2, got 3"):
        state.apply(3, delete(1))

    assert (state.applied, len(content(state))) == (1, 3)


def test_a_resume_entry_moves_the_position_on_and_only_from_where_it_left_off() -> None:
    state = new_state()
    apply_all(state, upsert(points(3)))

    with pytest.raises(LogGap):
        state.apply(1000, Resume(after=2, at=1000))
    state.apply(1000, Resume(after=1, at=1000))
    state.apply(1001, delete(1))

    assert (state.applied, len(content(state))) == (1001, 2)


def test_merging_a_payload_tells_unknown_points_and_keeps_other_keys() -> None:
    state = new_state()
    apply_all(state, upsert(point(1, payload={"a": 1, "b": {"c": 1}}), point(uuid_id(7))))

    [outcome] = apply_all(state, set_payload([1, 2, uuid_id(7), uuid_id(8)], {"b": {"d": 2}}))

    assert outcome.missing == [2, uuid_id(8)]
    assert content(state) == {1: {"a": 1, "b": {"d": 2}}, uuid_id(7): {"b": {"d": 2}}}


def test_a_merged_payload_changes_the_version() -> None:
    state = new_state()
    apply_all(state, upsert(points(2)), set_payload([1], {"a": 1}))

    segment = state.segments()[0]

    assert segment.versions(segment.rows_from(None)) == [2, 1]


def test_the_appendable_segment_is_sealed_at_its_limit() -> None:
    state = new_state(config(seal=SealConfig(vector_bytes=2**30, rows=10)))

    apply_all(state, *(upsert(points(4, first=first)) for first in (1, 11, 21, 31)))

    assert [(one.segment_id, one.state, one.count) for one in state.segments()] == [
        ("a00000001", "sealed", 12),
        ("a00000002", "appendable", 4),
    ]


def test_a_seal_entry_that_names_another_segment_or_an_empty_one_is_ignored() -> None:
    state = new_state()

    apply_all(state, Seal("a00000001"), upsert(points(2)), Seal("a00000002"))

    assert [one.segment_id for one in state.segments()] == ["a00000001"]


def test_an_older_config_is_ignored() -> None:
    state = new_state()
    newer, older = config(on_disk_payload=False), config()

    apply_all(state, Config(3, newer.model_dump_json().encode()), Config(2, older.model_dump_json().encode()))

    assert (state.config_generation, state.config) == (3, newer)


def test_a_new_slot_seals_what_was_written_without_it() -> None:
    state = new_state()
    two = config(vectors={"": VectorParams(size=4, distance="Dot"), "more": VectorParams(size=2, distance="Dot")})
    apply_all(state, upsert(points(2)))

    apply_all(state, Config(2, two.model_dump_json().encode()), upsert(point(9, {"more": [1.0, 2.0]})))

    assert [sorted(one.layout) for one in state.segments()] == [[""], ["", "more"]]
    assert sorted(content(state)) == [1, 2, 9]


def test_a_swap_is_ordered_only_when_its_inputs_and_generation_are_current() -> None:
    state = new_state()
    apply_all(state, upsert(points(2)), Seal("a00000001"), upsert(points(2, first=5)), Seal("a00000002"))

    apply_all(
        state,
        Swap(4, ["a00000001"], "b1", 2),
        Swap(4, ["a00000001", "a00000009"], "b2", 1),
        Swap(4, ["a00000003"], "b3", 1),
        Swap(4, ["a00000001", "a00000002"], "b4", 1),
        Swap(4, ["a00000002"], "b5", 1),
    )

    assert [swap.output for swap in state.pending] == ["b4"]
    assert len(content(state)) == 4


def test_a_switched_swap_carries_what_changed_since_its_base(tmp_path: Path) -> None:
    state, disk = new_state(), Disk(tmp_path)
    apply_all(state, upsert(points(6)), Seal("a00000001"), set_payload([1], {"old": 1}))
    swap = disk.build(state, ["a00000001"], "b1")
    apply_all(state, delete(2), set_payload([3], {"new": 1}), swap)
    succession = disk.prepared(state, state.pending[0])
    apply_all(state, delete(4), upsert(point(5, payload={"moved": 1})), set_payload([6], {"late": 1}))
    before, checksum = content(state), logical_checksum(state.segments())

    switch(state, state.pending[0], succession)

    assert [one.segment_id for one in state.segments()] == ["b1", "a00000002"]
    assert (content(state), logical_checksum(state.segments())) == (before, checksum)
    assert before == {1: {"old": 1}, 3: {"new": 1}, 5: {"moved": 1}, 6: {"late": 1}}


def test_a_swap_of_an_output_that_is_not_mounted_yet_waits_for_it(tmp_path: Path) -> None:
    state, disk = new_state(), Disk(tmp_path)
    apply_all(state, upsert(points(6)), Seal("a00000001"))

    apply_all(state, disk.build(state, ["a00000001"], "b1"), Swap(3, ["b1"], "b2", 1))

    assert [swap.output for swap in state.pending] == ["b1", "b2"]
    assert state.mounted(["b1"]) is None


def test_a_swap_without_an_output_is_undone() -> None:
    state = new_state()
    apply_all(state, upsert(points(6)), Seal("a00000001"), Swap(2, ["a00000001"], "b1", 1))

    state.abandon_swap(state.pending[0])
    apply_all(state, Swap(2, ["a00000001"], "b2", 1))

    assert [swap.output for swap in state.pending] == ["b2"]
    assert len(content(state)) == 6


def test_a_checkpoint_holds_the_moment_it_was_frozen(tmp_path: Path) -> None:
    state, disk = new_state(), Disk(tmp_path)
    apply_all(state, upsert(points(6)), Seal("a00000001"), upsert(points(2, first=10)), set_payload([1], {"a": 1}))
    before = content(state)
    disk.checkpoint(state)

    apply_all(state, delete(1, 10), set_payload([2], {"a": 2}))
    loaded = disk.load()

    assert (loaded.applied, content(loaded)) == (4, before)


def test_pending_swaps_survive_a_restart(tmp_path: Path) -> None:
    state, disk = new_state(), Disk(tmp_path)
    apply_all(state, upsert(points(6)), Seal("a00000001"))
    apply_all(state, disk.build(state, ["a00000001"], "b1"), delete(3))
    disk.checkpoint(state)

    loaded = disk.load()
    switch(loaded, loaded.pending[0], disk.prepared(loaded, loaded.pending[0]))

    assert content(loaded) == content(state)
    assert loaded.pending == []
