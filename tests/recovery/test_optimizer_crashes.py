"""The optimizer and its builder end at every crash point; the next one finishes the work once and leaves no litter."""

import asyncio
import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from services.demo.sample import SHIPPED, load_sample
from shared.coordination.catalog import Catalog
from shared.coordination.status import jobs
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.schema.collections import CollectionRecord, Distance, OptimizersConfig
from shared.schema.operations import Swap
from shared.settings import Settings, child_environment
from tests import builders
from tests.own_redis import OwnRedis
from tests.unit.optimizer.sealed_points import sealed_entry
from tests.unit.optimizer.shard_stand_in import ShardStandIn

KEY = ShardKey("5f0c0c5e-0000-4000-8000-000000000001", 0)
ROWS = 600
OPTIMIZER_POINTS = ["before_directory_rename", "after_directory_rename", "before_swap_append", "after_swap_append"]
BUILDER_POINTS = ["before_build_header"]


class Optimizers:
    """Optimizer processes, one at a time, and the worker's stand-in."""

    def __init__(self, redis: Redis, url: str, data_dir: Path) -> None:
        self.redis = redis
        self.url = url
        self.data_dir = data_dir
        self.shard = ShardStandIn(data_dir, Wal(redis), KEY)
        self.applied: list[object] = []
        self.process: subprocess.Popen[bytes] | None = None

    def start(self, crash_point: str = "") -> None:
        settings = Settings(
            data_dir=self.data_dir,
            redis_url=self.url,
            optimizer_quiet_s=0.1,
            lease_ttl_s=1.0,
            optimizer_nice=0,
            crash_point=crash_point,
            indexing_threads=1,
        )
        command = [sys.executable, "-m", "services.optimizer"]
        self.process = subprocess.Popen(command, env=child_environment(settings, {}))

    def kill(self) -> None:
        if self.process is not None:
            self.process.kill()
            self.process.wait()

    async def apply(self) -> None:
        self.applied += await self.shard.apply()
        await asyncio.sleep(0.02)

    async def until_dead(self) -> int:
        assert self.process is not None
        async with asyncio.timeout(60):
            while (code := self.process.poll()) is None:
                await asyncio.sleep(0.02)
        return code

    async def until_failed(self) -> None:
        async with asyncio.timeout(60):
            while not any(job.state == "failed" for job in await jobs(self.redis, KEY.collection)):
                await asyncio.sleep(0.02)

    async def until_clean(self) -> None:
        """Apply until one indexed segment is all there is, on disk too, and no job is left open."""
        async with asyncio.timeout(60):
            while not await self._is_clean():
                await self.apply()

    async def _is_clean(self) -> bool:
        segments = self.shard.manifest.segments
        if len(segments) != 1 or segments[0].state != "indexed":
            return False
        on_disk = [path.name for path in (self.shard.directory / "segments").glob("b*")]
        left = list((self.shard.directory / "building").iterdir())
        is_open = any(job.state in ("queued", "running") for job in await jobs(self.redis, KEY.collection))
        return on_disk == [segments[0].segment_id] and not left and not is_open


@pytest.fixture
async def optimizers(own_redis: OwnRedis, redis: Redis, tmp_path: Path) -> AsyncIterator[Optimizers]:
    vectors = load_sample(SHIPPED).vectors[:ROWS]
    config = builders.config(
        dim=vectors.shape[1], distance=Distance.COSINE, optimizers_config=OptimizersConfig(indexing_threshold=100)
    )
    await Catalog(redis).create(CollectionRecord(uuid=KEY.collection, name="name", config=config))
    optimizers = Optimizers(redis, own_redis.url, tmp_path)
    optimizers.shard = ShardStandIn(tmp_path, Wal(redis), KEY, config)
    half = ROWS // 2
    parts = [range(half), range(half, ROWS)]
    shard = optimizers.shard
    entries = [sealed_entry(shard, config, f"a{number}", vectors, ids) for number, ids in enumerate(parts)]
    await shard.open(*entries)
    yield optimizers
    optimizers.kill()


@pytest.mark.timeout(180)
@pytest.mark.parametrize("point", OPTIMIZER_POINTS)
async def test_optimizer_that_ends_anywhere_is_followed_by_one_that_finishes(
    optimizers: Optimizers, point: str
) -> None:
    optimizers.start(point)
    code = await optimizers.until_dead()
    optimizers.start()
    await optimizers.until_clean()

    swaps = [operation for operation in optimizers.applied if isinstance(operation, Swap)]
    assert code == 137
    assert len(swaps) == 1


@pytest.mark.timeout(180)
@pytest.mark.parametrize("point", BUILDER_POINTS)
async def test_builder_that_ends_in_the_middle_fails_its_job_and_no_more(optimizers: Optimizers, point: str) -> None:
    optimizers.start(point)
    await optimizers.until_failed()
    optimizers.kill()
    optimizers.start()
    await optimizers.until_clean()

    (failed, *_) = [job for job in await jobs(optimizers.redis, KEY.collection) if job.state == "failed"]
    assert failed.error == "the builder process ended with code 137"
