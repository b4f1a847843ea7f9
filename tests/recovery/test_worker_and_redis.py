"""A worker whose Redis goes away and comes back: whole, older, empty, or as another one."""

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.coordination.cluster import adopt_cluster
from shared.coordination.placement import preferred_node
from shared.errors import ShardUnavailable, Unavailable
from shared.log.position import ShardKey
from shared.schema.collections import CollectionRecord
from tests.builders import config, delete, points, upsert
from tests.own_redis import OwnRedis
from tests.worker_bench import Bench, running

NAMES = ["worker-1", "worker-2"]
QUICK = {"heartbeat_s": 0.05, "lease_ttl_s": 0.5, "read_block_ms": 100}


async def with_points(bench: Bench, count: int = 10) -> CollectionRecord:
    """Create a collection and fill it."""
    record = await bench.create(config())
    await bench.until(record, lambda _: True)
    positions = await bench.write(record, upsert(points(count)))
    await bench.applied(record, *positions)
    return record


async def write_when_possible(bench: Bench, record: CollectionRecord, *operations: object) -> list[int]:
    """Write as a patient api does."""
    while True:
        try:
            return await bench.write(record, *operations)  # type: ignore[arg-type]
        except Unavailable:
            await asyncio.sleep(0.05)


async def test_reads_go_on_without_redis_and_writes_once_it_is_back(
    redis: Redis, own_redis: OwnRedis, tmp_path: Path
) -> None:
    async with running(redis, tmp_path, **QUICK) as bench:
        record = await with_points(bench)

        own_redis.kill()
        counted = await bench.count(record)
        own_redis.start()
        [position] = await write_when_possible(bench, record, delete(1))

        assert counted == 10
        assert await bench.count(record, min_position=position) == 9


@pytest.mark.snapshots
async def test_a_redis_that_came_back_older_is_resumed_and_nothing_applied_is_lost(
    redis: Redis, own_redis: OwnRedis, tmp_path: Path
) -> None:
    async with running(redis, tmp_path, **QUICK) as bench:
        record = await with_points(bench)
        own_redis.save()
        positions = await bench.write(record, delete(1), delete(2))
        await bench.applied(record, *positions)

        own_redis.kill()
        own_redis.start()
        described = await bench.until(record, lambda described: described.applied > 1000)
        [position] = await write_when_possible(bench, record, delete(3))
        counted = await bench.count(record, min_position=position)
        await bench.restart()

        assert (described.points, counted) == (8, 7)
        assert position == described.applied + 1
        assert await bench.count(record) == 7


@pytest.mark.snapshots
async def test_an_empty_redis_is_refused_until_the_collections_are_adopted(
    redis: Redis, own_redis: OwnRedis, tmp_path: Path
) -> None:
    async with running(redis, tmp_path, **QUICK) as bench:
        record = await with_points(bench)

        own_redis.kill()
        own_redis.start()
        await bench.troubled("this Redis is empty")
        counted = await bench.count(record)
        await adopt_cluster(redis, tmp_path)
        await bench.catalog.adopt([record], {})
        described = await bench.until(record, lambda described: described.applied > 1000)
        [position] = await write_when_possible(bench, record, delete(3))

        assert counted == 10
        assert position == described.applied + 1
        assert await bench.count(record, min_position=position) == 9


async def test_a_hole_in_the_log_turns_the_shard_red_instead_of_going_on(
    redis: Redis, own_redis: OwnRedis, tmp_path: Path
) -> None:
    async with running(redis, tmp_path, **QUICK) as bench:
        record = await with_points(bench)
        await bench.until(record, lambda described: described.checkpoint == 1)
        await bench.worker.stop()
        positions = await bench.write(record, delete(1), delete(2), delete(3))
        await redis.xdel(f"{{{ShardKey(record.uuid, 0)}}}:wal", f"{positions[1]}-0")

        await bench.restart_stopped()
        described = await bench.until(record, lambda described: bool(described.reason))

        assert "expected position 3, got 4" in described.reason
        assert await bench.count(record) == 9
        with pytest.raises(ShardUnavailable, match="expected position 3"):
            await bench.applied(record, positions[2])


async def test_a_second_worker_gets_its_share_once_it_has_settled(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path, **QUICK) as first:
        record = await first.create(config(shard_number=8))
        shards = range(8)
        for shard in shards:
            await first.until(record, lambda _: True, shard=shard)
            [position] = await first.write(record, upsert(points(3 + shard)), shard=shard)
            await first.count(record, min_position=position, shard=shard)

        async with running(redis, tmp_path, **{**QUICK, "node_name": "worker-2"}) as second:
            theirs = {shard for shard in shards if preferred_node(ShardKey(record.uuid, shard), NAMES) == "worker-2"}
            for shard in theirs:
                await second.until(record, lambda described: described.applied == 1, shard=shard)
            counts = [await (second if shard in theirs else first).count(record, shard=shard) for shard in shards]

        for shard in shards:
            await first.until(record, lambda described: described.applied == 1, shard=shard)

    assert 0 < len(theirs) < 8
    assert counts == [3 + shard for shard in shards]


async def test_another_worker_takes_over_what_a_dead_one_led(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path, **QUICK) as first:
        record = await with_points(first)
        await first.fall_silent()

        async with running(redis, tmp_path, **{**QUICK, "node_name": "worker-2"}) as second:
            second_sees = await second.until(record, lambda described: described.applied == 1)
            [position] = await write_when_possible(second, record, delete(1))
            counted = await second.count(record, min_position=position)

    assert (second_sees.points, counted) == (10, 9)
