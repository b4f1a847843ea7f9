"""Slots added to and removed from a collection that holds points: what a slot held goes with it, for good."""

from pathlib import Path

import pytest

from services.worker.state import ShardState
from shared.schema.collections import CollectionConfig, SparseVectorParams
from shared.schema.operations import Config, Seal
from shared.schema.slots import Distance
from shared.segment.checksum import logical_checksum
from tests.builders import config
from tests.kinds import read, slot, written
from tests.unit.worker.shard_log import Disk, apply_all, new_state, switch

TEXT = slot(2, Distance.DOT)
IMAGE = slot(3, Distance.EUCLID)
BOTH = config(vectors={"text": TEXT, "image": IMAGE}, sparse_vectors={"words": SparseVectorParams()})
TEXT_ONLY = config(vectors={"text": TEXT})
POINT = {"text": [1.0, 2.0], "image": [1.0, 2.0, 3.0], "words": {"indices": [4], "values": [0.5]}}


def changed(state: ShardState, given: CollectionConfig, generation: int = 0) -> None:
    """Apply a config of a generation, of the next one unless it is given."""
    apply_all(state, Config(generation or state.config_generation + 1, given.model_dump_json().encode()))


def with_image(params: object, born: int) -> CollectionConfig:
    """Return the config in which the image slot was added at a generation."""
    return config(vectors={"text": TEXT, "image": params.model_copy(update={"born": born})})  # type: ignore[attr-defined]


@pytest.mark.parametrize("is_sealed", [False, True])
def test_points_stay_readable_without_a_slot_that_was_removed(is_sealed: bool) -> None:
    state = new_state(BOTH)
    apply_all(state, written(BOTH, [{"id": 1, "vector": POINT}, {"id": 2, "vector": {"image": [1, 1, 1]}}]))
    if is_sealed:
        apply_all(state, Seal("a00000001"))

    changed(state, TEXT_ONLY)

    assert read(state.segments(), TEXT_ONLY, [1, 2]) == {1: {"text": [1.0, 2.0]}, 2: {}}
    assert [list(segment.layout) for segment in state.segments()] == [["text"], ["text"]]
    assert state.segments()[0].slot("image") is None


@pytest.mark.parametrize("params", [IMAGE, slot(5, Distance.EUCLID)], ids=["alike", "wider"])
@pytest.mark.parametrize("is_removal_seen", [True, False], ids=["seen", "skipped"])
def test_a_slot_that_is_made_again_does_not_show_what_the_old_one_held(
    params: object, is_removal_seen: bool, tmp_path: Path
) -> None:
    state, disk, again = new_state(BOTH), Disk(tmp_path), with_image(params, 3)
    apply_all(state, written(BOTH, [{"id": 1, "vector": POINT}]), Seal("a00000001"))
    disk.checkpoint(state)
    if is_removal_seen:
        changed(state, TEXT_ONLY)

    changed(state, again, 3)
    disk.checkpoint(state)

    expected = {1: {"text": [1.0, 2.0]}}
    assert read(state.segments(), again, [1]) == expected
    assert read(disk.load().segments(), again, [1]) == expected
    assert logical_checksum(disk.load().segments()) == logical_checksum(state.segments())


def test_points_written_after_a_slot_was_made_again_carry_it(tmp_path: Path) -> None:
    state, disk, again = new_state(BOTH), Disk(tmp_path), with_image(IMAGE, 3)
    apply_all(state, written(BOTH, [{"id": 1, "vector": POINT}]))
    changed(state, TEXT_ONLY)
    changed(state, again)

    apply_all(state, written(again, [{"id": 2, "vector": {"image": [7, 8, 9]}}]), Seal(state.appendable_id))
    disk.checkpoint(state)

    expected = {1: {"text": [1.0, 2.0]}, 2: {"image": [7.0, 8.0, 9.0]}}
    assert read(state.segments(), again, [1, 2]) == expected
    assert read(disk.load().segments(), again, [1, 2]) == expected


def test_a_build_leaves_out_what_a_removed_slot_held(tmp_path: Path) -> None:
    state, disk = new_state(BOTH), Disk(tmp_path)
    apply_all(state, written(BOTH, [{"id": one, "vector": POINT} for one in range(5)]))
    changed(state, TEXT_ONLY)

    apply_all(state, disk.build(state, ["a00000001"], "b1"))
    switch(state, state.pending[0], disk.prepared(state, state.pending[0]))

    names = {path.name.partition(".")[0] for path in (tmp_path / "segments" / "b1").glob("*.npy")}
    assert names == {"0", "ids", "payload", "versions"}
    assert read(state.segments(), TEXT_ONLY, [3]) == {3: {"text": [1.0, 2.0]}}


def test_a_swap_that_was_opened_before_a_slot_was_removed_does_not_bring_it_back(tmp_path: Path) -> None:
    state, disk = new_state(BOTH), Disk(tmp_path)
    apply_all(state, written(BOTH, [{"id": 1, "vector": POINT}]), Seal("a00000001"))
    apply_all(state, disk.build(state, ["a00000001"], "b1"))
    succession = disk.prepared(state, state.pending[0])
    changed(state, TEXT_ONLY)

    switch(state, state.pending[0], succession)

    assert state.segments()[0].segment_id == "b1"
    assert read(state.segments(), TEXT_ONLY, [1]) == {1: {"text": [1.0, 2.0]}}


def test_the_last_slot_of_a_collection_may_go() -> None:
    state = new_state(TEXT_ONLY)
    none = config(vectors={})
    apply_all(state, written(TEXT_ONLY, [{"id": 1, "vector": {"text": [1, 2]}}]))

    changed(state, none)
    apply_all(state, written(none, [{"id": 2, "vector": {}}]))

    assert read(state.segments(), none, [1, 2]) == {1: {}, 2: {}}
    assert [len(segment.layout) for segment in state.segments()] == [0, 0]
