"""A config that keeps arrays elsewhere takes effect by opening segments anew: no rebuild, no answer changes."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from services.worker.successor import Successor
from shared.schema.collections import CollectionConfig, VectorParams
from shared.schema.operations import Config, Seal
from shared.schema.slots import Distance
from shared.segment.placement import placement_of, seal_bytes
from shared.segment.sealed import SealedSegment
from tests.builders import config, delete, points, set_payload, upsert
from tests.unit.worker.shard_log import apply_all, content, new_state
from tests.unit.worker.test_publisher import Stage

ON_DISK = {"": VectorParams(size=4, distance=Distance.DOT, on_disk=True)}


@asynccontextmanager
async def succeeding(directory: Path, given: CollectionConfig) -> AsyncIterator[tuple[Stage, Successor]]:
    """A shard with its publisher and its successor."""
    stage = Stage(directory, given)
    successor = Successor(stage.shard, stage.publisher, directory, stage.disk)
    stage.publisher.on_published = successor.look
    stage.publisher.start()
    successor.start()
    try:
        yield stage, successor
    finally:
        await stage.publisher.stop()
        await successor.stop()
        stage.disk.shutdown()


async def placed(stage: Stage, timeout_s: float = 5.0) -> list[SealedSegment]:
    """Wait until all sealed segments are on disk and kept as the config wants; give them."""
    state = stage.shard.state
    assert state is not None
    async with asyncio.timeout(timeout_s):
        while state.unsaved() or state.misplaced():
            await asyncio.sleep(0.01)
    return [segment for segment in state.segments() if isinstance(segment, SealedSegment)]


async def test_a_segment_is_opened_as_the_config_wants_once_it_is_on_disk(tmp_path: Path) -> None:
    given = config(vectors=ON_DISK)
    async with succeeding(tmp_path, given) as (stage, _):
        stage.write(upsert(points(3)), Seal("a00000001"), is_urgent=True)
        [segment] = await placed(stage)

    assert segment.placement == placement_of(given)
    assert segment.placement.slot("").are_vectors_cold


async def test_a_changed_placement_opens_the_same_files_anew_and_keeps_every_change(tmp_path: Path) -> None:
    async with succeeding(tmp_path, config()) as (stage, successor):
        stage.write(upsert(points(5)), Seal("a00000001"), is_urgent=True)
        [before] = await placed(stage)
        stage.write(delete(2), set_payload([4], {"colour": "red"}))
        state = stage.shard.state
        assert state is not None
        held = content(state)

        changed = config(vectors=ON_DISK)
        stage.write(Config(2, changed.model_dump_json().encode()), is_urgent=True)
        successor.look()
        [after] = await placed(stage)

        assert content(state) == held

    assert after is not before
    assert after.header == before.header
    assert after.placement == placement_of(changed)


async def test_a_change_that_moves_nothing_opens_nothing(tmp_path: Path) -> None:
    async with succeeding(tmp_path, config()) as (stage, successor):
        stage.write(upsert(points(5)), Seal("a00000001"), is_urgent=True)
        [before] = await placed(stage)

        changed = config(metadata={"a": 1})
        stage.write(Config(2, changed.model_dump_json().encode()), is_urgent=True)
        successor.look()
        await stage.checkpoint(3)

        assert await placed(stage) == [before]


def test_appendable_segments_with_vectors_on_disk_are_sealed_early() -> None:
    small = config().seal.model_copy(update={"vector_bytes": 16 * 40, "rows": 1000})
    usual, early = new_state(config(seal=small)), new_state(config(seal=small, vectors=ON_DISK))

    for state in (usual, early):
        apply_all(state, upsert(points(12)))

    assert len(usual.segments()) == 1
    assert len(early.segments()) == 2
    assert seal_bytes(early.config) == 16 * 10
