"""When checkpoints are published, what follows each, and what a failed one leaves."""

import asyncio
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from msgspec import structs

from services.worker.publisher import Publisher, Surroundings
from services.worker.reads import Reader
from services.worker.shard import Shard
from services.worker.waiters import Waiters
from shared.clock import SystemClock
from shared.errors import LogUnavailable, StaleFence
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.schema.collections import CollectionConfig, OptimizersConfig, WalConfig
from shared.schema.operations import Seal
from shared.store.manifest import Manifest, ManifestStore
from tests.builders import config, points, upsert
from tests.unit.worker.shard_log import COLLECTION, apply_all, new_state

KEY = ShardKey(COLLECTION, 0)
SLOW = OptimizersConfig(flush_interval_sec=3600)


class TrimLog(Wal):
    """Notes what is trimmed; fails as often as it is told."""

    def __init__(self) -> None:
        self.trimmed: list[int] = []
        self.failures: list[Exception] = []

    async def trim(self, key: ShardKey, through: int, fence: int) -> int:
        if self.failures:
            raise self.failures.pop()
        self.trimmed.append(through)
        return through + 1


class Stage:
    """A shard with its publisher, and no log but what the test applies."""

    def __init__(self, directory: Path, given: CollectionConfig) -> None:
        self.wal = TrimLog()
        self.fence: int | None = 1
        self.name: tuple[str, tuple[str, ...]] = ("things", ())
        self.shard = Shard(KEY, Reader(ThreadPoolExecutor(1)), Waiters(1, 1))
        self.shard.install(new_state(given=given), [], "")
        self.store = ManifestStore(directory)
        self.disk = ThreadPoolExecutor(1)
        around = Surroundings(
            "cluster", directory, self.disk, self.wal, SystemClock(), lambda: self.name, lambda: self.fence
        )
        self.publisher = Publisher(self.shard, around, None)

    def write(self, *operations: object, log_bytes: int = 100, is_urgent: bool = False) -> None:
        """Apply operations, as the applier does."""
        assert self.shard.state is not None
        apply_all(self.shard.state, *operations)  # type: ignore[arg-type]
        self.shard.counters.log_bytes_applied += log_bytes
        self.publisher.applied(is_urgent)

    async def checkpoint(self, position: int, timeout_s: float = 5.0) -> Manifest:
        """Wait until a checkpoint at the position is published and its log trimmed."""
        async with asyncio.timeout(timeout_s):
            while self.shard.checkpoint != position or position not in self.wal.trimmed:
                await asyncio.sleep(0.01)
        manifest = self.store.newest()
        assert manifest is not None
        return manifest


@asynccontextmanager
async def staged(directory: Path, **more: object) -> AsyncIterator[Stage]:
    stage = Stage(directory, config(**more))
    stage.publisher.start()
    try:
        yield stage
    finally:
        await stage.publisher.stop()
        stage.disk.shutdown()


async def test_a_new_shard_publishes_its_first_manifest(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        manifest = await stage.checkpoint(0)

    assert (manifest.name, manifest.fence, manifest.generation) == ("things", 1, 1)


async def test_a_sealed_segment_is_published_at_once(tmp_path: Path) -> None:
    async with staged(tmp_path, optimizers_config=SLOW) as stage:
        await stage.checkpoint(0)

        stage.write(upsert(points(3)), Seal("a00000001"), is_urgent=True)
        manifest = await stage.checkpoint(2, timeout_s=0.6)

    assert [entry.state for entry in manifest.segments] == ["sealed", "appendable"]


async def test_half_a_log_is_published_without_waiting_for_quiet(tmp_path: Path) -> None:
    async with staged(tmp_path, optimizers_config=SLOW, wal_config=WalConfig(wal_capacity_mb=1)) as stage:
        await stage.checkpoint(0)

        stage.write(upsert(points(3)), log_bytes=2**19)
        await stage.checkpoint(1, timeout_s=0.6)

    assert stage.wal.trimmed == [0, 1]


async def test_segments_ahead_let_more_log_wait_for_a_checkpoint(tmp_path: Path) -> None:
    ahead = WalConfig(wal_capacity_mb=1, wal_segments_ahead=3)
    async with staged(tmp_path, optimizers_config=SLOW, wal_config=ahead) as stage:
        await stage.checkpoint(0)

        for _ in range(3):
            stage.write(upsert(points(3)), log_bytes=2**19)
            await asyncio.sleep(0.05)
        before = stage.shard.checkpoint
        stage.write(upsert(points(3)), log_bytes=2**19)
        await stage.checkpoint(4, timeout_s=0.6)

    assert before == 0


async def test_retained_log_stays_although_a_checkpoint_covers_it(tmp_path: Path) -> None:
    retaining = WalConfig(wal_capacity_mb=1, wal_retain_closed=2)
    async with staged(tmp_path, wal_config=retaining) as stage:
        await stage.checkpoint(0)
        for position in range(1, 5):
            stage.write(upsert(points(3)), log_bytes=2**19, is_urgent=True)
            async with asyncio.timeout(5):
                while stage.shard.checkpoint != position or len(stage.wal.trimmed) <= position:
                    await asyncio.sleep(0.01)

    assert stage.wal.trimmed == [0, 0, 0, 1, 2]


async def test_steady_writes_are_published_after_the_flush_interval(tmp_path: Path) -> None:
    async with staged(tmp_path, optimizers_config=OptimizersConfig(flush_interval_sec=1)) as stage:
        await stage.checkpoint(0)

        async with asyncio.timeout(5):
            while stage.shard.checkpoint == 0:
                stage.write(upsert(points(1)))
                await asyncio.sleep(0.02)

    assert stage.shard.checkpoint > 10


async def test_stopping_publishes_what_is_left(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.checkpoint(0)
        stage.write(upsert(points(3)))

    manifest = stage.store.newest()
    assert manifest is not None
    assert manifest.checkpoint == 1


async def test_a_log_that_could_not_be_trimmed_is_trimmed_after_the_next_checkpoint(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.checkpoint(0)
        stage.wal.failures.append(LogUnavailable("away"))
        stage.write(upsert(points(3)), is_urgent=True)
        async with asyncio.timeout(5):
            while stage.shard.checkpoint != 1:
                await asyncio.sleep(0.01)

        stage.write(upsert(points(3)), is_urgent=True)
        await stage.checkpoint(2)

    assert stage.wal.trimmed == [0, 2]


async def test_an_input_that_was_retired_during_a_checkpoint_is_removed_after_the_next(tmp_path: Path) -> None:
    async with staged(tmp_path, optimizers_config=SLOW) as stage:
        await stage.checkpoint(0)
        stage.write(upsert(points(3)), Seal("a00000001"), is_urgent=True)
        manifest = await stage.checkpoint(2)
        retired, kept = tmp_path / "segments" / "b1", tmp_path / "segments" / "b2"
        retired.mkdir()
        kept.mkdir()
        still_named = structs.replace(manifest.segments[0], segment_id="b1")

        stage.publisher.retired.add("b1")
        await stage.publisher._collect(structs.replace(manifest, segments=[still_named]))
        assert stage.publisher.retired == {"b1"}
        stage.write(upsert(points(3)), is_urgent=True)
        await stage.checkpoint(3)
        async with asyncio.timeout(5):
            while retired.exists():
                await asyncio.sleep(0.01)

    assert kept.exists()


async def test_a_failed_checkpoint_is_tried_again(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.checkpoint(0)
        (tmp_path / "chunks").rmdir() if (tmp_path / "chunks").exists() else None
        (tmp_path / "chunks").write_bytes(b"in the way")

        stage.write(upsert(points(3)), is_urgent=True)
        async with asyncio.timeout(5):
            while not stage.shard.counters.checkpoint_failures:
                await asyncio.sleep(0.01)
        (tmp_path / "chunks").unlink()
        manifest = await stage.checkpoint(1)

    assert manifest.segments[0].live == 3


async def test_without_a_fence_nothing_is_published_and_nothing_spins(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.checkpoint(0)
        stage.fence = None
        stage.write(upsert(points(3)), is_urgent=True)
        await asyncio.sleep(0.3)
        before = stage.shard.checkpoint
        stage.fence = 2
        manifest = await stage.checkpoint(1)

    assert (before, manifest.fence) == (0, 2)


async def test_a_stale_fence_is_reported(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        told = asyncio.Event()
        stage.publisher.on_stale = told.set
        manifest = await stage.checkpoint(0)
        other = Manifest(**{**{name: getattr(manifest, name) for name in manifest.__struct_fields__}, "fence": 9})
        stage.store.publish(other)

        stage.write(upsert(points(3)), is_urgent=True)
        await asyncio.wait_for(told.wait(), 5)
        stage.publisher.abandon()

    newest = stage.store.newest()
    assert newest is not None
    assert newest.fence == 9


async def test_an_alias_that_came_is_written_into_the_manifest(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        await stage.checkpoint(0)

        stage.name = ("things", ("nickname",))
        stage.publisher.renamed()
        async with asyncio.timeout(5):
            while (manifest := stage.store.newest()) is None or not manifest.aliases:
                await asyncio.sleep(0.01)

    assert manifest.aliases == ["nickname"]


async def test_publishing_by_hand_without_a_fence_is_refused(tmp_path: Path) -> None:
    async with staged(tmp_path) as stage:
        stage.fence = None

        with pytest.raises(StaleFence):
            await stage.publisher.publish()
