"""The files of a cut: linked whole while their owner replaces them, published once."""

import shutil
from pathlib import Path

import pytest

from services.worker.init_from.cut_files import (
    Cut,
    ShardCut,
    link_segment,
    new_workplace,
    pin_shard,
    publish_cut,
    read_cut,
)
from services.worker.persist import Identity, collect, write_checkpoint
from services.worker.recovery import recover
from services.worker.state import Origin, ShardState
from shared.errors import ChecksumMismatch, ShardUnavailable
from shared.schema.collections import CollectionRecord
from shared.schema.operations import Seal
from shared.store.manifest import ManifestStore
from tests.builders import config, delete, points, upsert

UUID = "5f0c0c5e-0000-4000-8000-00000000000a"


def identity(generation: int) -> Identity:
    return Identity("cluster", UUID, "name", (), 0, fence=1, generation=generation)


def checkpointed(directory: Path) -> ShardState:
    state = ShardState(Origin(UUID, 0, 1, config()))
    for position, operation in enumerate([upsert(points(10)), Seal("a00000001"), upsert(points(5, first=100))], 1):
        state.apply(position, operation)
    write_checkpoint(directory, state.freeze({}), identity(1))
    return state


def test_pinned_files_outlive_their_owner(tmp_path: Path) -> None:
    state = checkpointed(tmp_path / "source")

    checkpoint = pin_shard(tmp_path / "source", tmp_path / "pinned")
    state.apply(4, delete(1))
    newer = write_checkpoint(tmp_path / "source", state.freeze({}), identity(2))
    collect(tmp_path / "source", newer, set())
    shutil.rmtree(tmp_path / "source")
    pinned = recover(tmp_path / "pinned", CollectionRecord(uuid=UUID, name="name", config=config()))

    assert checkpoint == 3
    assert not pinned.reason
    assert sum(segment.live_count for segment in pinned.state.segments()) == 15


def test_a_shard_without_a_manifest_is_pinned_at_the_beginning(tmp_path: Path) -> None:
    (tmp_path / "pinned").mkdir()

    assert pin_shard(tmp_path / "source", tmp_path / "pinned") == 0


def test_a_segment_that_vanishes_while_it_is_linked_is_not_taken_for_whole(tmp_path: Path) -> None:
    checkpointed(tmp_path / "source")
    shutil.rmtree(next((tmp_path / "source" / "segments").iterdir()))

    with pytest.raises(ShardUnavailable, match="replaced in each"):
        pin_shard(tmp_path / "source", tmp_path / "pinned")

    assert ManifestStore(tmp_path / "pinned").newest() is None


def test_the_first_cut_that_is_published_counts(tmp_path: Path) -> None:
    first, second = new_workplace(tmp_path / "one"), tmp_path / "one" / ".init.2.tmp"
    second.mkdir()

    publish_cut(first, Cut("{}", [ShardCut(1, 2, 0, 0)]))
    publish_cut(second, Cut("{}", [ShardCut(5, 6, 0, 0)]))
    cut = read_cut(tmp_path / "one" / "init")

    assert cut is not None
    assert cut.positions == [2]
    assert [path.name for path in (tmp_path / "one").iterdir()] == ["init"]


def test_a_new_workplace_clears_what_a_crash_left(tmp_path: Path) -> None:
    new_workplace(tmp_path)

    place = new_workplace(tmp_path)

    assert list(tmp_path.iterdir()) == [place]


def test_a_damaged_cut_is_refused(tmp_path: Path) -> None:
    publish_cut(new_workplace(tmp_path), Cut("{}", [ShardCut(1, 2, 0, 0)]))
    path = tmp_path / "init" / "cut.json"
    path.write_bytes(path.read_bytes().replace(b'"position":2', b'"position":3'))

    with pytest.raises(ChecksumMismatch, match="checksum"):
        read_cut(tmp_path / "init")


def test_a_segment_is_linked_whole_or_not_at_all(tmp_path: Path) -> None:
    checkpointed(tmp_path / "source")
    source = next((tmp_path / "source" / "segments").iterdir())

    link_segment(source, tmp_path / "target" / "segments" / source.name)
    link_segment(source, tmp_path / "target" / "segments" / source.name)

    linked = tmp_path / "target" / "segments" / source.name
    assert sorted(path.name for path in linked.iterdir()) == sorted(path.name for path in source.iterdir())
    assert [path.name for path in linked.parent.iterdir()] == [source.name]
