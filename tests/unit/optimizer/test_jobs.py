"""Jobs from plan to switch, on fake and real Redis, with stand-ins for the worker and the builder."""

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from services.optimizer.app import OptimizerService
from services.optimizer.builder import BuildFailed
from services.optimizer.messages import BuildOrder
from shared.clock import Clock, SystemClock
from shared.coordination.catalog import Catalog
from shared.coordination.status import jobs
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.schema.collections import CollectionRecord
from shared.schema.jobs import JobStatus
from shared.schema.operations import Seal, Swap
from shared.settings import Settings
from tests.unit.optimizer.shard_stand_in import CONFIG, MB, BuilderStandIn, ShardStandIn, entry

UUID = "5f0c0c5e-0000-4000-8000-000000000001"
KEY = ShardKey(UUID, 0)


class FreezingClock(SystemClock):
    """Stops an optimizer as kill -9 does: nothing is renewed, nothing released, nothing said."""

    is_frozen = False

    async def sleep(self, seconds: float) -> None:
        await super().sleep(seconds)
        while self.is_frozen:
            await super().sleep(3600)


class World:
    """One shard with its worker, and as many optimizers as a test wants."""

    def __init__(self, redis: Redis, data_dir: Path) -> None:
        self.redis = redis
        self.settings = Settings(
            data_dir=data_dir,
            optimizer_interval_s=0.02,
            optimizer_quiet_s=0.05,
            heartbeat_s=0.05,
            lease_ttl_s=0.5,
        )
        self.wal = Wal(redis)
        self.shard = ShardStandIn(data_dir, self.wal, KEY)
        self.builder = BuilderStandIn()
        self.running: list[OptimizerService] = []
        self.applied: list[object] = []

    async def start(self, builder: BuilderStandIn | None = None, clock: Clock | None = None) -> OptimizerService:
        service = OptimizerService(self.settings, self.redis, clock, builder or self.builder)
        await service.start()
        self.running.append(service)
        return service

    async def until(self, condition: Callable[[], bool]) -> None:
        """Let the worker apply until something is true."""
        async with asyncio.timeout(20):
            while not condition():
                self.applied += await self.shard.apply()
                await asyncio.sleep(0.01)

    async def until_job(self, state: str) -> JobStatus:
        """Let the worker apply until the newest job is in a state, and return it."""
        async with asyncio.timeout(20):
            while True:
                self.applied += await self.shard.apply()
                found = await jobs(self.redis, UUID)
                if found and found[-1].state == state:
                    return found[-1]
                await asyncio.sleep(0.01)

    def states(self) -> dict[str, str]:
        return {segment.segment_id: segment.state for segment in self.shard.manifest.segments}

    def directories(self, folder: str) -> list[str]:
        parent = self.shard.directory / folder
        return sorted(path.name for path in parent.iterdir()) if parent.exists() else []


@pytest.fixture
async def world(any_redis: Redis, tmp_path: Path) -> AsyncIterator[World]:
    world = World(any_redis, tmp_path)
    await Catalog(any_redis).create(CollectionRecord(uuid=UUID, name="name", config=CONFIG))
    yield world
    for service in world.running:
        await service.stop()


async def test_unindexed_segments_become_one_indexed_segment(world: World) -> None:
    await world.shard.open(entry("a1", 31 * MB), entry("a2", 2 * MB), entry("a3", MB, "appendable"))

    await world.start()
    done = await world.until_job("done")

    assert world.states() == {"a3": "appendable", done.output: "indexed"}
    assert (done.inputs, done.recall) == (["a1", "a2"], 0.97)
    assert done.reason == "segment a1 holds 31 MB without a graph, threshold 10 MB"
    assert world.directories("building") == []
    assert world.directories("segments") == [done.output]


async def test_swap_names_the_cut_that_the_output_was_built_at(world: World) -> None:
    await world.shard.open(entry("a1", 31 * MB))
    await world.shard.write(3)
    await world.shard.apply()

    await world.start()
    done = await world.until_job("done")

    assert Swap(base=3, inputs=["a1"], output=done.output, generation=1) in world.applied


async def test_appendable_over_the_threshold_is_sealed_and_then_indexed(world: World) -> None:
    await world.shard.open(entry("a1", 31 * MB, "appendable"))

    await world.start()
    done = await world.until_job("done")

    assert world.applied[0] == Seal("a1")
    assert world.states() == {"a9": "appendable", done.output: "indexed"}


async def test_two_optimizers_do_one_job_once(world: World) -> None:
    await world.shard.open(entry("a1", 31 * MB))
    builders = [BuilderStandIn(), BuilderStandIn()]

    for builder in builders:
        await world.start(builder)
    await world.until_job("done")
    await asyncio.sleep(0.2)

    assert sum(len(builder.orders) for builder in builders) == 1
    assert len([operation for operation in world.applied if isinstance(operation, Swap)]) == 1


async def test_optimizer_killed_in_the_middle_of_a_build_is_followed_by_another(world: World) -> None:
    await world.shard.open(entry("a1", 31 * MB))
    dying = BuilderStandIn()
    forever = asyncio.Event()

    async def hang(_order: BuildOrder) -> None:
        await forever.wait()

    dying.before_answer = hang
    clock = FreezingClock()
    await world.start(dying, clock)
    await world.until(lambda: bool(dying.orders))
    clock.is_frozen = True

    await world.start()
    done = await world.until_job("done")
    await world.until(lambda: world.directories("building") == [])

    assert world.states() == {done.output: "indexed"}
    assert world.directories("segments") == [done.output]


async def test_failed_build_is_reported_and_tried_again(world: World) -> None:
    await world.shard.open(entry("a1", 31 * MB))
    world.builder.failure = BuildFailed("MemoryError", "out of memory")

    await world.start()
    failed = await world.until_job("failed")
    world.builder.failure = None
    done = await world.until_job("done")

    assert failed.error == "out of memory"
    assert world.states() == {done.output: "indexed"}


async def test_missed_recall_is_not_tried_again_and_leaves_the_segments(world: World) -> None:
    await world.shard.open(entry("a1", 31 * MB))
    world.builder.failure = BuildFailed("RecallMissed", "recall 0.80 after 3 graphs, target 0.95")

    await world.start()
    await world.until_job("failed")
    await asyncio.sleep(1.5)

    assert len(world.builder.orders) == 1
    assert world.states() == {"a1": "sealed"}
    assert world.directories("segments") == []


async def test_config_change_during_a_build_discards_the_output(world: World) -> None:
    await world.shard.open(entry("a1", 31 * MB))

    async def change(_order: BuildOrder) -> None:
        world.builder.before_answer = None
        await world.shard.configure(hnsw_config={"m": 32})
        await world.until(lambda: world.shard.manifest.config_generation == 2)

    world.builder.before_answer = change

    await world.start()
    await world.until(lambda: len(world.builder.orders) == 2)
    abandoned = (await jobs(world.redis, UUID))[0]
    await world.until(lambda: "indexed" in world.states().values())
    done = await world.until_job("done")

    assert abandoned.state == "done"
    assert abandoned.stage == "abandoned: the collection's config changed during the build"
    assert [order.output_id for order in world.builder.orders][1:] == [done.output]
    assert world.directories("segments") == [done.output]


async def test_takeover_of_the_shard_during_a_build_costs_nothing(world: World) -> None:
    await world.shard.open(entry("a1", 31 * MB))

    async def take_over(_order: BuildOrder) -> None:
        await world.shard.take_over()

    world.builder.before_answer = take_over

    await world.start()
    done = await world.until_job("done")

    assert len(world.builder.orders) == 1
    assert world.states() == {done.output: "indexed"}


async def test_collection_deleted_during_a_build_ends_the_job(world: World) -> None:
    await world.shard.open(entry("a1", 31 * MB))
    forever = asyncio.Event()

    async def delete(_order: BuildOrder) -> None:
        await Catalog(world.redis).delete("name")
        await forever.wait()

    world.builder.before_answer = delete

    await world.start()
    await world.until(lambda: bool(world.builder.orders) and world.builder.running == 0)
    await world.until(lambda: world.directories("building") == [])

    assert world.directories("segments") == []
    async with asyncio.timeout(10):
        while [key async for key in world.redis.scan_iter("*job*")]:  # another task removes them
            await asyncio.sleep(0.01)


async def test_build_waits_while_the_log_grows(world: World) -> None:
    await world.shard.open(entry("a1", 31 * MB))
    world.settings = world.settings.model_copy(update={"optimizer_quiet_s": 0.5})

    await world.start()
    for _ in range(20):
        await world.shard.write()
        await world.shard.apply()
        await asyncio.sleep(0.05)
        assert world.builder.orders == []
    await world.until_job("done")

    assert len(world.builder.orders) == 1
