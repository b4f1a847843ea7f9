"""Redis goes away while a collection begins with another's points: the worker goes on once it is back."""

import asyncio
from pathlib import Path

from redis.asyncio import Redis

from shared.log.position import ShardKey
from shared.schema.collections import CollectionRecord, InitFrom
from tests.builders import config, points, upsert
from tests.own_redis import OwnRedis
from tests.worker_bench import running

QUICK = {"heartbeat_s": 0.05, "lease_ttl_s": 0.5, "read_block_ms": 100}


async def test_a_collection_begins_although_redis_was_killed_as_soon_as_it_was_created(
    redis: Redis, own_redis: OwnRedis, tmp_path: Path
) -> None:
    async with running(redis, tmp_path, **QUICK) as bench:
        source = await bench.create(config(), "source")
        await bench.until(source, lambda _: True)
        positions = await bench.write(source, upsert(points(20)))
        await bench.applied(source, *positions)
        init_from = InitFrom(collection=source.uuid, name="source")
        uuid = "5f0c0c5e-0000-4000-8000-0000000000dd"
        copy = await bench.catalog.create(
            CollectionRecord(uuid=uuid, name="copy", config=config(), init_from=init_from)
        )

        own_redis.kill()
        await asyncio.sleep(0.3)
        own_redis.start()
        described = await bench.until(copy, lambda described: described.applied > 0 and not described.beginning)

        assert described.points == 20
        assert (await bench.wal.head(ShardKey(uuid, 0))).state == "open"
