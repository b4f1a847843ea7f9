"""A worker that is killed at every step of beginning a collection with another's points: the next one finishes it.

The cut that was recorded stays; what is there in the end is what the source held at it. No link, no hold is left over.
"""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.log.keys import holds_key
from shared.log.position import ShardKey
from shared.schema.collections import CollectionConfig, CollectionRecord, InitFrom
from shared.schema.operations import Seal
from shared.schema.queries import PointsReply
from shared.settings import child_environment
from tests.builders import config, delete, points, scroll, set_payload, upsert
from tests.own_redis import OwnRedis
from tests.worker_bench import Bench

CRASHED = 137
CUTTING = ["after_cut_hold", "after_cut_pin", "before_cut_publish", "after_cut_publish", "after_cut_noted"]
ENDING = ["before_begin_publish", "before_begin_resume", "before_cut_removed"]
SHARING = [*CUTTING, "after_segment_link", *ENDING]
CARRYING = ["after_cut_noted", "between_pieces", *ENDING]
LIVE = [*range(2, 11), *range(100, 105), 200]


async def sealed_source(bench: Bench) -> CollectionRecord:
    """Create a collection with a sealed segment, fresh rows, and entries that no checkpoint holds."""
    await bench.worker.start()
    source = await bench.create(config(), "source")
    await bench.until(source, lambda described: described.checkpoint >= 0)
    await bench.write(source, upsert(points(10)), Seal("a00000001"), upsert(points(5, first=100)))
    await bench.until(source, lambda described: described.checkpoint == 3)
    await bench.worker.stop()
    await bench.write(source, delete(1), set_payload([2], {"a": 1}), upsert(points(1, first=200)))
    return source


async def create_copy(bench: Bench, source: CollectionRecord, of: CollectionConfig) -> CollectionRecord:
    init_from = InitFrom(collection=source.uuid, name=source.name)
    uuid = "5f0c0c5e-0000-4000-8000-0000000000cc"
    record = await bench.catalog.create(CollectionRecord(uuid=uuid, name="copy", config=of, init_from=init_from))
    for shard in range(of.shard_number):
        await bench.wal.open_shard(ShardKey(uuid, shard), record.generation, known=1)
    return record


def run_until_crash(bench: Bench, crash_point: str) -> int:
    """Run a worker process until it ends itself; return its exit status."""
    settings = bench.settings.model_copy(update={"crash_point": crash_point})
    environment = child_environment(settings, {"NUMBA_NUM_THREADS": "1"})
    process = subprocess.run([sys.executable, "-m", "services.worker"], env=environment, timeout=60, check=False)
    return process.returncode


async def copied(bench: Bench, copy: CollectionRecord) -> dict[int | bytes, bytes | None]:
    """Return the payloads of all points of a collection, once its shards have begun."""
    found: dict[int | bytes, bytes | None] = {}
    for shard in range(copy.config.shard_number):
        await bench.until(copy, lambda described: described.applied > 0 and not described.beginning, shard=shard)
        reply = await bench.ask(copy, scroll(limit=100), shard=shard)
        assert isinstance(reply, PointsReply)
        found |= {hit.id: hit.payload for hit in reply.points}
    return found


@pytest.mark.parametrize(
    ("crash_point", "shards"), [*((point, 1) for point in SHARING), *((point, 2) for point in CARRYING)]
)
async def test_a_crash_at_any_step_changes_nothing_of_what_a_collection_begins_with(
    crash_point: str, shards: int, redis: Redis, own_redis: OwnRedis, tmp_path: Path
) -> None:
    bench = Bench(redis, tmp_path, redis_url=own_redis.url, lease_ttl_s=0.3, heartbeat_s=0.05)
    source = await sealed_source(bench)
    copy = await create_copy(bench, source, config(shard_number=shards))

    status = await asyncio.to_thread(run_until_crash, bench, crash_point)
    noted = (await bench.catalog.load()).by_uuid[copy.uuid].init_from
    directory = tmp_path / "collections" / copy.uuid
    is_cut = any((directory / name).exists() for name in ("init", "0", "1"))
    await bench.write(source, delete(2), upsert(points(3, first=300)))
    await bench.restart_stopped()
    payloads = await copied(bench, copy)
    after = (await bench.catalog.load()).by_uuid[copy.uuid].init_from
    [position] = await bench.write(copy, delete(3))
    await bench.applied(copy, position)
    await bench.worker.stop()

    assert status == CRASHED
    assert noted is not None
    assert after is not None
    assert is_cut == (crash_point not in CUTTING[:3])
    if is_cut:
        assert (after.positions, noted.positions) in (((6,), (6,)), ((6,), ()))
        assert sorted(payloads) == LIVE
        assert payloads[2] == b'{"a":1}'
    else:
        assert after.positions == (8,)
        assert sorted(payloads) == [*LIVE[1:], 300, 301, 302]
    assert [path.name for path in directory.iterdir() if not path.name.isdigit()] == []
    assert await redis.hlen(holds_key(ShardKey(source.uuid, 0))) == 0  # type: ignore[misc]
