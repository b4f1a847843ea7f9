"""Shards that rest and close over a real Redis: nothing is lost, nothing is late, and nobody notices."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from services.worker.hosted import Hosted
from shared.coordination.catalog import AliasChange
from shared.log.connection import connect
from shared.log.position import ShardKey
from shared.log.storage import read_storage
from shared.schema.collections import CollectionRecord
from shared.schema.operations import encode_operation
from shared.schema.queries import PointsReply
from shared.store.manifest import ManifestStore
from shared.store.space import free_mb
from tests.builders import Point, config, delete, points, retrieve, upsert
from tests.worker_bench import Bench, running

QUICK = {"heartbeat_s": 0.05, "shard_rest_s": 0.05}
"""Shards rest as soon as they are quiet; none is closed, because memory suffices."""
CLOSING = {**QUICK, "shard_close_s": 0.05, "open_memory_mb": 1}


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


def hosted_of(bench: Bench, record: CollectionRecord) -> Hosted:
    hosting = bench.worker.hosting
    assert hosting is not None
    return hosting.hosted(ShardKey(record.uuid, 0))


async def until(condition: Callable[[], bool], what: str) -> None:
    """Wait for something that the worker does by itself."""
    deadline = asyncio.get_running_loop().time() + 10
    while not condition():
        assert asyncio.get_running_loop().time() < deadline, what
        await asyncio.sleep(0.01)


async def at_rest(bench: Bench, record: CollectionRecord) -> Hosted:
    """Wait until the shard rests, open or not."""
    hosted = hosted_of(bench, record)
    await until(lambda: hosted.is_resting or hosted.shard.dormant is not None, "rest")
    return hosted


async def asleep(bench: Bench, record: CollectionRecord) -> Hosted:
    """Wait until the shard is closed for want of memory."""
    hosted = hosted_of(bench, record)
    await until(lambda: hosted.shard.dormant is not None, "sleep")
    return hosted


def large(count: int = 40) -> list[Point]:
    """More rows than the memory that CLOSING leaves."""
    return points(count, dim=8192)


async def test_a_resting_shard_applies_the_next_write_and_rests_again(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path, **QUICK) as bench:
        record = await bench.create(config())
        await bench.until(record, lambda _: True)
        hosted = await at_rest(bench, record)

        for round_ in range(2):
            await bench.write(record, upsert(points(5 + round_)))
            await bench.until(record, lambda described, round_=round_: described.points == 5 + round_)
            await at_rest(bench, record)

        assert hosted.shard.state is not None


async def test_a_wake_up_that_was_lost_is_made_up_for(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path, **QUICK) as bench:
        record = await bench.create(config())
        await bench.until(record, lambda _: True)
        await at_rest(bench, record)
        key = ShardKey(record.uuid, 0)

        await redis.hdel(f"{{{key}}}:meta", "waker")  # type: ignore[misc]
        await bench.write(record, upsert(points(4)))
        described = await bench.until(record, lambda described: described.points == 4)

    assert described.applied == 1


async def test_who_waits_for_a_position_wakes_the_shard_at_once(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path, **QUICK) as bench:
        record = await bench.create(config())
        await bench.until(record, lambda _: True)
        await at_rest(bench, record)
        assert bench.worker.claims is not None
        await bench.worker.claims.stop()

        await redis.hdel(f"{{{ShardKey(record.uuid, 0)}}}:meta", "waker")  # type: ignore[misc]
        [position] = await bench.write(record, upsert(points(4)))
        await bench.applied(record, position)

        assert await bench.count(record) == 4


async def test_a_closed_shard_describes_itself_and_opens_for_a_read(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path, **CLOSING) as bench:
        record = await bench.create(config(dim=8192))
        await bench.until(record, lambda _: True)
        await bench.write(record, upsert(large()), delete(3))
        opened = await bench.until(record, lambda described: described.points == 39)
        hosted = await asleep(bench, record)

        described = await bench.describe(record)
        is_closed = hosted.shard.state is None
        reply = await bench.ask(record, retrieve(2, 3, 5))

    assert is_closed
    assert (described.points, described.applied, described.checkpoint) == (39, opened.applied, opened.applied)
    assert [segment.live for segment in described.segments] == [segment.live for segment in opened.segments]
    assert isinstance(reply, PointsReply)
    assert [hit.id for hit in reply.points] == [2, 5]


async def test_a_closed_shard_opens_for_a_write_and_closes_again(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path, **CLOSING) as bench:
        record = await bench.create(config(dim=8192))
        await bench.until(record, lambda _: True)
        await bench.write(record, upsert(large()))
        await bench.until(record, lambda described: described.points == 40)

        for round_ in range(3):
            await asleep(bench, record)
            [position] = await bench.write(record, delete(round_ + 1))
            await bench.applied(record, position)
            assert await bench.count(record) == 39 - round_


async def test_writes_at_the_very_moment_of_falling_asleep_are_applied(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path, **{**CLOSING, "shard_close_s": 0.0, "shard_rest_s": 0.0}) as bench:
        record = await bench.create(config(dim=8192))
        await bench.until(record, lambda _: True)
        await bench.write(record, upsert(large()))
        await bench.until(record, lambda described: described.points == 40)

        for point_id in range(1, 41):
            [position] = await bench.write(record, delete(point_id))
            await bench.applied(record, position)
            await asyncio.sleep(0.02 * (point_id % 7))
            assert await bench.count(record) == 40 - point_id


async def test_empty_shards_stay_closed_when_a_worker_starts(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path, **QUICK) as bench:
        records = [await bench.create(config(), f"c{number}") for number in range(20)]
        full = await bench.create(config(), "full")
        await bench.until(full, lambda _: True)
        await bench.write(full, upsert(points(3)))
        await bench.until(full, lambda described: described.checkpoint == 1)

        await bench.restart()
        closed = [hosted_of(bench, record).shard.dormant is not None for record in records]
        counts = [await bench.count(record) for record in [*records, full]]

    assert closed == [True] * 20
    assert counts == [0] * 20 + [3]


async def test_entries_that_a_closed_shard_has_not_applied_are_applied_at_the_next_start(
    redis: Redis, tmp_path: Path
) -> None:
    async with running(redis, tmp_path, **QUICK) as bench:
        record = await bench.create(config())
        await bench.until(record, lambda described: described.checkpoint == 0)
        await bench.worker.stop()
        await bench.appender.append(ShardKey(record.uuid, 0), [encode_operation(upsert(points(4)))], record.generation)

        await bench.restart_stopped()

        assert await bench.count(record) == 4


async def test_a_config_change_reaches_a_shard_at_rest_and_one_that_is_closed(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path, **QUICK) as bench:
        record = await bench.create(config())
        await bench.until(record, lambda _: True)
        await at_rest(bench, record)
        await bench.catalog.update(record.uuid, 1, record.config.model_copy(update={"on_disk_payload": False}))
        await bench.until(record, lambda described: described.config_generation == 2)

        await bench.restart()
        hosted = hosted_of(bench, record)
        was_closed = hosted.shard.dormant is not None
        await bench.catalog.update(record.uuid, 2, record.config)
        described = await bench.until(record, lambda described: described.config_generation == 3)

    assert was_closed
    assert described.applied == 2


async def test_a_closed_shards_manifest_learns_the_collections_new_name(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path, **QUICK) as bench:
        record = await bench.create(config())
        await bench.until(record, lambda described: described.checkpoint == 0)
        await bench.restart()
        store = ManifestStore(tmp_path / "collections" / record.uuid / "0")

        await bench.catalog.change_aliases([AliasChange("create", "other", "things")])

        def is_told() -> bool:
            newest = store.newest()
            return newest is not None and newest.aliases == ["other"]

        await until(is_told, "the manifest to name the alias")
        hosted = hosted_of(bench, record)
        assert hosted.shard.dormant is not None
        [position] = await bench.write(record, upsert(points(4)))
        await bench.applied(record, position)
        await bench.until(record, lambda described: described.checkpoint == position)

        assert is_told()


async def test_a_closed_shard_is_claimed_again_after_its_lease_was_lost(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path, **QUICK) as bench:
        record = await bench.create(config())
        await bench.until(record, lambda described: described.checkpoint == 0)
        await bench.restart()
        hosted = hosted_of(bench, record)
        before = hosted.fence
        assert before is not None

        for name in await redis.keys("{shoal}:node:*"):
            await redis.delete(name)
        await until(lambda: (hosted.fence or 0) > before, "a new fence")
        [position] = await bench.write(record, upsert(points(4)))
        await bench.applied(record, position)

        assert await bench.count(record) == 4


async def test_the_volume_of_redis_is_watched_where_a_worker_sees_it(redis: Redis, tmp_path: Path) -> None:
    small = Path("/dev/shm")
    async with running(redis, tmp_path, **QUICK, redis_dir=str(small)) as bench:
        assert bench.worker.claims is not None
        await bench.worker.claims.verify()
        free = (await read_storage(redis)).free_mb

    assert free is not None
    assert abs(free - min(free_mb(tmp_path), free_mb(small))) < 2048
