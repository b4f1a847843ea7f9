"""Reading the newest manifests: never an old one, and cheap while nothing changes."""

import os
from pathlib import Path

import pytest

from services.optimizer.manifests import BELIEVED_S, Manifests
from shared.log.connection import connect
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.store.manifest import SegmentEntry
from tests.unit.optimizer.shard_stand_in import LIMITS, MB, ShardStandIn, entry

KEY = ShardKey("5f0c0c5e-0000-4000-8000-000000000001", 0)


class SetClock:
    """A clock that stands still."""

    def __init__(self) -> None:
        self.time = 100.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


class Counting(Manifests):
    """Counts how often a directory is listed."""

    listings = 0

    def _newest_name(self, directory: Path) -> str | None:
        self.listings += 1
        return super()._newest_name(directory)


@pytest.fixture
async def shard(tmp_path: Path) -> ShardStandIn:
    shard = ShardStandIn(tmp_path, Wal(connect(f"memory://{tmp_path}")), KEY)
    await shard.open(entry("a1", 31 * MB))
    return shard


def age(directory: Path, seconds: int) -> None:
    """Let the directory have changed so long ago."""
    changed = directory.stat().st_mtime - seconds
    os.utime(directory, (changed, changed))


async def test_plans_are_made_once_for_each_manifest(tmp_path: Path, shard: ShardStandIn) -> None:
    read = Manifests(tmp_path, SetClock(), LIMITS)

    first, again = read.view(KEY), read.view(KEY)
    shard.publish(segments=[entry("b1", 31 * MB, "indexed")])
    changed = read.view(KEY)

    assert first is again
    assert first is not None
    assert changed is not None
    assert [plan.inputs for plan in first.plans] == [["a1"]]
    assert changed.plans == []


async def test_a_manifest_published_in_the_same_tick_is_not_missed(tmp_path: Path, shard: ShardStandIn) -> None:
    read = Manifests(tmp_path, SetClock(), LIMITS)
    before = shard.directory.stat()

    for _ in range(5):
        read.view(KEY)
    shard.publish(checkpoint=7)
    os.utime(shard.directory, ns=(before.st_atime_ns, before.st_mtime_ns))
    newest = read.newest(KEY)

    assert newest is not None
    assert newest.checkpoint == 7


async def test_a_directory_at_rest_is_not_listed(tmp_path: Path, shard: ShardStandIn) -> None:
    clock = SetClock()
    read = Counting(tmp_path, clock, LIMITS)
    age(shard.directory, 60)

    for _ in range(10):
        read.view(KEY)
    at_rest = read.listings
    clock.time += BELIEVED_S + 1
    read.view(KEY)

    assert at_rest <= 2
    assert read.listings == at_rest + 1


async def test_a_deleted_shard_has_no_manifest(tmp_path: Path, shard: ShardStandIn) -> None:
    read = Manifests(tmp_path, SetClock(), LIMITS)
    assert read.view(KEY) is not None

    for path in shard.directory.iterdir():
        path.unlink()
    shard.directory.rmdir()

    assert read.view(KEY) is None


async def test_a_manifest_from_before_figures_were_kept_by_slot_is_planned_for(
    tmp_path: Path, shard: ShardStandIn
) -> None:
    old = SegmentEntry("a1", "sealed", rows=10, live=10, vectors=10, largest_slot_bytes=31 * MB)
    shard.publish(segments=[old])

    view = Manifests(tmp_path, SetClock(), LIMITS).view(KEY)

    assert view is not None
    assert [plan.kind for plan in view.plans] == ["index"]
