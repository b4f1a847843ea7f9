"""Many empty collections cost little memory, disk and time, and a quiet worker asks Redis little.

A tenth of the thousand that the issue names, in one process: `benchmarks/many_collections.py` does all of them.
"""

import asyncio
import gc
import time
from pathlib import Path

import psutil
from redis.asyncio import Redis

from shared.schema.collections import CollectionRecord
from shared.schema.operations import Upsert
from tests.builders import config, points, upsert
from tests.worker_bench import Bench, running

COUNT = 100
DIM = 768
KB = 1024


async def created(bench: Bench, count: int, first: int = 0) -> list[CollectionRecord]:
    """Create empty collections and wait until all have published."""
    records = [await bench.create(config(dim=DIM), f"c{number}") for number in range(first, first + count)]
    for record in records:
        await bench.until(record, lambda described: described.checkpoint == 0, 60)
    return records


def resident_kb() -> float:
    gc.collect()
    return psutil.Process().memory_info().rss / KB


async def test_an_empty_collection_costs_under_100_kb_of_memory_and_disk(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        await created(bench, 20)
        own, redis_bytes = resident_kb(), (await redis.info("memory"))["used_memory"]

        await created(bench, COUNT, first=20)
        own_each = (resident_kb() - own) / COUNT
        redis_each = ((await redis.info("memory"))["used_memory"] - redis_bytes) / KB / COUNT
        blocks = sum(path.lstat().st_blocks for path in (tmp_path / "collections").rglob("*"))

    assert own_each + redis_each < 100
    assert blocks * 512 / KB / (COUNT + 20) < 100


async def test_a_worker_with_many_collections_starts_within_a_second_for_each_hundred(
    redis: Redis, tmp_path: Path
) -> None:
    async with running(redis, tmp_path) as bench:
        records = await created(bench, COUNT)
        await bench.worker.stop()

        began = time.perf_counter()
        await bench.restart_stopped()
        described = [await bench.describe(record) for record in records]
        seconds = time.perf_counter() - began

    assert all(one.points == 0 for one in described)
    assert seconds < 5  # a hundred takes 0.2 s on an idle machine


async def test_quiet_collections_are_neither_read_nor_looked_at_all_the_time(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path, heartbeat_s=0.1, shard_rest_s=0.1) as bench:
        records = await created(bench, COUNT)
        hosting = bench.worker.hosting
        assert hosting is not None
        deadline = time.monotonic() + 30
        while not all(hosting.hosted(key).is_resting for key in hosting.keys):
            assert time.monotonic() < deadline, "some shards are still read"
            await asyncio.sleep(0.05)

        before = await commands(redis)
        await asyncio.sleep(1.0)
        calls = await commands(redis) - before
        [position] = await bench.write(records[7], in_one())
        await bench.applied(records[7], position)

    # ten rounds of four commands, two or three sweeps; the slow look at resting heads is one pipeline of COUNT a sweep
    assert calls < 150 + 4 * COUNT


def in_one() -> Upsert:
    return upsert(points(3, dim=DIM))


async def commands(redis: Redis) -> int:
    return int((await redis.info("stats"))["total_commands_processed"])
