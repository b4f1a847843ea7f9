"""A worker process that is killed at every step of a checkpoint; the next one holds exactly what was logged."""

import asyncio
import subprocess
import sys
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.schema.operations import Seal
from shared.schema.queries import PointsReply
from shared.settings import child_environment
from tests.builders import config, delete, point, points, scroll, set_payload, upsert
from tests.own_redis import OwnRedis
from tests.worker_bench import Bench

POINTS = [
    "before_checkpoint",
    "before_file_link",
    "after_file_link",
    "before_directory_rename",
    "after_directory_rename",
    "between_chunks:2",
    "after_segments_written",
    "before_manifest_publish",
    "after_manifest_publish",
    "before_trim",
    "before_collect",
    "after_collect",
]
CRASHED = 137


@pytest.mark.parametrize("crash_point", POINTS)
async def test_nothing_is_lost_or_doubled_by_a_crash(
    crash_point: str, redis: Redis, own_redis: OwnRedis, tmp_path: Path
) -> None:
    bench = Bench(redis, tmp_path, redis_url=own_redis.url, lease_ttl_s=0.3, heartbeat_s=0.05)
    await bench.worker.start()
    record = await bench.create(config())
    await bench.until(record, lambda described: described.checkpoint >= 0)
    await bench.write(record, upsert(points(10)), Seal("a00000001"), upsert(points(5, first=100)))
    await bench.until(record, lambda described: described.checkpoint == 3)
    await bench.worker.stop()

    await bench.write(record, delete(1, 100), set_payload([2], {"a": 1}), upsert(points(5, first=200)))
    await bench.write(record, Seal("a00000002"), upsert(point(3, payload={"b": 2})), set_payload([3], {"c": 3}))
    status = await asyncio.to_thread(run_until_crash, bench, crash_point)
    await bench.restart_stopped()
    reply = await bench.ask(record, scroll(limit=100), min_position=9)
    described = await bench.until(record, lambda described: described.checkpoint == 9)
    await bench.worker.stop()

    assert status == CRASHED
    assert isinstance(reply, PointsReply)
    payloads = {hit.id: hit.payload for hit in reply.points}
    assert sorted(payloads) == [2, 3, 4, 5, 6, 7, 8, 9, 10, 101, 102, 103, 104, 200, 201, 202, 203, 204]
    assert (payloads[2], payloads[3]) == (b'{"a":1}', b'{"b":2,"c":3}')
    assert described.points == 18


def run_until_crash(bench: Bench, crash_point: str) -> int:
    """Run a worker process until it ends itself; return its exit status."""
    settings = bench.settings.model_copy(update={"crash_point": crash_point})
    environment = child_environment(settings, {"NUMBA_NUM_THREADS": "1"})
    process = subprocess.run([sys.executable, "-m", "services.worker"], env=environment, timeout=60, check=False)
    return process.returncode
