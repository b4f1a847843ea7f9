"""Deleting frees memory, files and log at once, under load too, and the file of Redis shrinks soon after."""

import asyncio
import contextlib
from pathlib import Path

from redis.asyncio import Redis

from shared.errors import ShardClosed
from shared.log.position import ShardKey
from shared.schema.collections import CollectionRecord
from tests.builders import config, points, upsert
from tests.worker_bench import Bench, running

QUICK = {"heartbeat_s": 0.05, "log_rewrite_s": 0.1}
DIM = 1024


async def delete(bench: Bench, record: CollectionRecord) -> None:
    """Delete a collection as the api does."""
    keys = [ShardKey(record.uuid, number) for number in range(record.config.shard_number)]
    for key in keys:
        await bench.wal.close_shard(key)
    await bench.catalog.delete(record.name)


async def keep_writing(bench: Bench, record: CollectionRecord) -> int:
    """Write until the collection is gone."""
    batch, written = upsert(points(100, dim=DIM)), 0
    with contextlib.suppress(ShardClosed):
        while True:
            await bench.write(record, batch)
            written += 1
    return written


async def gone(bench: Bench, record: CollectionRecord, data_dir: Path) -> None:
    """Wait until nothing of a collection is left in the worker, on disk and in the placement."""
    hosting, directory = bench.worker.hosting, data_dir / "collections" / record.uuid
    assert hosting is not None
    deadline = asyncio.get_running_loop().time() + 5
    while directory.exists() or any(key.collection == record.uuid for key in hosting.keys):
        assert asyncio.get_running_loop().time() < deadline, "not removed in time"
        await asyncio.sleep(0.01)


async def test_a_collection_deleted_under_load_leaves_nothing(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path, **QUICK) as bench:
        record = await bench.create(config(dim=DIM, shard_number=2))
        await bench.until(record, lambda _: True)
        loads = [asyncio.create_task(keep_writing(bench, record)) for _ in range(3)]
        await bench.until(record, lambda described: described.points > 0)

        await delete(bench, record)
        written = await asyncio.gather(*loads)
        await gone(bench, record, tmp_path)
        left = [name.decode() for name in await redis.keys(f"*{record.uuid}*")]
        placed = await redis.hkeys("{shoal}:placement")  # type: ignore[misc]

    assert sum(written) > 0
    assert not [name for name in left if not name.endswith(":meta") and ":producer:" not in name]
    assert placed == []


async def test_the_same_name_created_again_starts_empty(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path, **QUICK) as bench:
        for _ in range(3):
            record = await bench.create(config(dim=DIM))
            await bench.until(record, lambda described: described.points == 0)
            load = asyncio.create_task(keep_writing(bench, record))
            await bench.until(record, lambda described: described.points > 0)
            await delete(bench, record)
            await load

        again = await bench.create(config(dim=DIM))
        described = await bench.until(again, lambda _: True)

    assert (described.points, described.applied) == (0, 0)


async def test_deletes_have_the_append_only_file_rewritten_once(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path, **{**QUICK, "log_rewrite_s": 60.0}) as bench:
        records = [await bench.create(config(dim=DIM), f"c{number}") for number in range(3)]
        for record in records:
            await bench.until(record, lambda _: True)
            positions = await bench.write(record, *[upsert(points(500, dim=DIM))] * 2)
            await bench.applied(record, *positions)
        before = int((await redis.info("persistence"))["aof_current_size"])

        for record in records:
            await delete(bench, record)
        after = before
        async with asyncio.timeout(15):
            while after > before / 4:  # another process
                await asyncio.sleep(0.05)
                after = int((await redis.info("persistence"))["aof_current_size"])
        rewrites = int((await redis.info("persistence")).get("aof_rewrites", 1))

    assert before > 8 * 2**20
    assert rewrites == 1
