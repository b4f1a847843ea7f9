"""What the collector removes, and what it must leave alone."""

from functools import partial
from pathlib import Path

import pytest
from redis.asyncio import Redis

from services.optimizer.collector import ABANDONED, Collector
from services.optimizer.manifests import Manifests
from shared.clock import SystemClock
from shared.coordination.leases import Lease, job_lease
from shared.coordination.status import jobs, publish_job
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.schema.jobs import JobStatus
from shared.store.manifest import PendingSwap
from tests.unit.optimizer.shard_stand_in import LIMITS, MB, ShardStandIn, entry

KEY = ShardKey("5f0c0c5e-0000-4000-8000-000000000001", 0)


class Place:
    """A shard's directory with a collector."""

    def __init__(self, redis: Redis, data_dir: Path) -> None:
        self.redis = redis
        wal = Wal(redis)
        self.shard = ShardStandIn(data_dir, wal, KEY)
        self.collector = Collector(
            Manifests(data_dir, SystemClock(), LIMITS),
            wal,
            partial(jobs, redis),
            partial(publish_job, redis),
            self.lease,
        )

    def lease(self, key: ShardKey) -> Lease:
        return Lease(self.redis, job_lease(key.collection, key.shard), 5.0)

    def make(self, *paths: str) -> None:
        for path in paths:
            (self.shard.directory / path).mkdir(parents=True)
            (self.shard.directory / path / "header.json").write_text("{}")

    def left(self) -> list[str]:
        return sorted(
            str(path.relative_to(self.shard.directory))
            for folder in ("building", "segments")
            for path in (self.shard.directory / folder).glob("*")
        )

    async def sweep(self) -> None:
        await self.collector.sweep({KEY}, frozenset)


@pytest.fixture
async def place(any_redis: Redis, tmp_path: Path) -> Place:
    place = Place(any_redis, tmp_path)
    await place.shard.open(entry("a1", 31 * MB))
    return place


async def test_leftovers_of_a_dead_job_are_removed(place: Place) -> None:
    place.make("building/00000001-aa", "segments/b1", "segments/a1")

    await place.sweep()

    assert place.left() == ["segments/a1"]


async def test_nothing_is_removed_while_a_job_holds_the_lease(place: Place) -> None:
    place.make("building/00000001-aa", "segments/b1")
    await place.lease(KEY).acquire()

    await place.sweep()

    assert place.left() == ["building/00000001-aa", "segments/b1"]


async def test_output_stays_until_the_checkpoint_passed_the_head(place: Place) -> None:
    place.make("segments/b1")
    await place.shard.write()

    await place.sweep()
    before = place.left()
    await place.shard.apply()
    await place.sweep()

    assert before == ["segments/b1"]
    assert place.left() == []


async def test_outputs_that_a_manifest_on_disk_names_stay(place: Place) -> None:
    place.make("segments/b1", "segments/b2", "segments/b3")
    named = entry("b1", MB, "indexed")
    place.shard.publish(segments=[named], pending=[PendingSwap(1, 0, ["a1"], "b2", 1)])
    place.shard.publish(segments=[named, entry("b3", MB)], pending=[PendingSwap(1, 0, ["a1"], "b2", 1)])
    place.shard.publish(segments=[named])

    await place.sweep()

    assert place.left() == ["segments/b1", "segments/b2", "segments/b3"]


async def test_damaged_manifest_stops_the_collection_of_its_shard(place: Place) -> None:
    place.make("segments/b1")
    newest = max(place.shard.directory.glob("manifest.*"))
    newest.write_bytes(newest.read_bytes()[:-1])

    with pytest.raises(Exception, match="expected checksum"):
        await place.sweep()

    assert place.left() == ["segments/b1"]


async def test_jobs_of_a_dead_optimizer_are_finished_by_what_became_of_them(place: Place) -> None:
    for number, output in enumerate(["b1", "b2"]):
        status = JobStatus(f"{number}", KEY.collection, 0, "index", "", ["a1"], "running", output=output)
        await publish_job(place.redis, status)
    place.shard.publish(segments=[entry("b1", MB, "indexed")])

    await place.sweep()

    found = {status.output: (status.state, status.stage) for status in await jobs(place.redis, KEY.collection)}
    assert found == {"b1": ("done", ""), "b2": ("done", ABANDONED)}


async def test_one_damaged_shard_does_not_stop_the_others(place: Place, tmp_path: Path) -> None:
    other = ShardStandIn(tmp_path, Wal(place.redis), ShardKey(KEY.collection, 1))
    await other.open()
    (other.directory / "building" / "x").mkdir(parents=True)
    place.make("segments/b1")
    newest = max(place.shard.directory.glob("manifest.*"))
    newest.write_bytes(b"")

    with pytest.raises(Exception, match="expected a line"):
        await place.collector.sweep({KEY, other.key}, frozenset)

    assert not (other.directory / "building" / "x").exists()
