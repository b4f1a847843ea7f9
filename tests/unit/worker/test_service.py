"""The whole worker over a real Redis: write, search, checkpoint, restart, config, delete."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.log.connection import connect
from shared.log.position import ShardKey
from shared.schema.collections import Distance
from shared.schema.queries import PointsReply, SearchBatch, SearchReply
from shared.store.manifest import ManifestStore
from tests.builders import config, delete, point, points, retrieve, search, set_payload, upsert
from tests.worker_bench import running


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


async def test_what_is_written_is_found_as_soon_as_its_position_is_applied(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        record = await bench.create(config(distance=Distance.EUCLID))
        await bench.until(record, lambda _: True)

        [position] = await bench.write(record, upsert(points(20)))
        reply = await bench.ask(record, SearchBatch([search(point(7).vectors[""], limit=3)]), min_position=position)

    assert isinstance(reply, SearchReply)
    assert reply.results[0][0].id == 7


async def test_a_restarted_worker_holds_everything(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        record = await bench.create(config())
        await bench.until(record, lambda _: True)
        positions = await bench.write(record, upsert(points(20)), delete(3), set_payload([5], {"colour": "red"}))
        await bench.applied(record, *positions)

        await bench.restart()
        described = await bench.describe(record)
        reply = await bench.ask(record, retrieve(3, 5))

    assert (described.points, described.applied, described.checkpoint) == (19, 3, 3)
    assert isinstance(reply, PointsReply)
    assert [(hit.id, hit.payload) for hit in reply.points] == [(5, b'{"colour":"red"}')]


async def test_a_quiet_log_is_checkpointed_and_trimmed(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        record = await bench.create(config())
        await bench.until(record, lambda _: True)

        await bench.write(record, upsert(points(20)), delete(3))
        await bench.until(record, lambda described: described.checkpoint == 2)
        manifest = ManifestStore(tmp_path / "collections" / record.uuid / "0").newest()
        head = await bench.wal.head(ShardKey(record.uuid, 0))

    assert manifest is not None
    assert (manifest.checkpoint, manifest.name) == (2, "things")
    assert head.first == 3


async def test_a_write_tells_which_points_it_missed(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        record = await bench.create(config())
        await bench.until(record, lambda _: True)

        positions = await bench.write(record, upsert(points(2)), set_payload([2, 9], {"a": 1}))
        outcomes = await bench.applied(record, *positions)

    assert [outcome.missing for outcome in outcomes] == [[], [9]]


async def test_a_newer_config_reaches_the_shard_through_its_log(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        record = await bench.create(config())
        await bench.until(record, lambda _: True)

        await bench.catalog.update(record.uuid, 1, record.config.model_copy(update={"on_disk_payload": False}))
        described = await bench.until(record, lambda described: described.config_generation == 2)
        await bench.restart()

        assert (await bench.describe(record)).config_generation == 2
    assert described.applied == 1


async def test_a_deleted_collection_leaves_no_files(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        record = await bench.create(config())
        await bench.until(record, lambda described: described.checkpoint >= 0)
        kept = await bench.create(config(), "kept")
        await bench.until(kept, lambda _: True)

        await bench.wal.close_shard(ShardKey(record.uuid, 0))
        await bench.catalog.delete("things")
        directory = tmp_path / "collections" / record.uuid
        await bench.until(kept, lambda _: not directory.exists())

        assert await bench.count(kept) == 0
