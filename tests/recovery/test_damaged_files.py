"""A worker whose files were damaged: the shard serves the rest and says why; other shards do not notice."""

from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.errors import ShardUnavailable
from shared.schema.collections import CollectionRecord
from shared.schema.operations import Seal
from shared.store.manifest import ManifestStore
from tests.builders import config, delete, points, upsert
from tests.worker_bench import Bench, running


def flip_byte(path: Path) -> bytes:
    """Damage the middle of a file; return what it was."""
    whole = path.read_bytes()
    middle = len(whole) // 2
    path.unlink()
    path.write_bytes(whole[:middle] + bytes([whole[middle] ^ 1]) + whole[middle + 1 :])
    return whole


async def two_segments(bench: Bench, name: str) -> CollectionRecord:
    """Create a collection with ten points sealed and five not, checkpointed."""
    record = await bench.create(config(), name)
    await bench.until(record, lambda _: True)
    await bench.write(record, upsert(points(10)), Seal("a00000001"), upsert(points(5, first=100)))
    await bench.until(record, lambda described: described.checkpoint == 3)
    return record


async def test_a_damaged_segment_is_quarantined_and_the_rest_served(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        record, other = await two_segments(bench, "damaged"), await two_segments(bench, "whole")
        await bench.worker.stop()
        flip_byte(next((tmp_path / "collections" / record.uuid / "0" / "segments").glob("*/*vectors*")))

        await bench.restart_stopped()
        described = await bench.describe(record)
        [position] = await bench.write(record, delete(100))

        assert "a00000001 is quarantined" in described.reason
        assert [one.state for one in described.segments] == ["appendable", "quarantined"]
        with pytest.raises(ShardUnavailable, match="quarantined"):
            await bench.applied(record, position)
        assert (await bench.count(record), await bench.count(other)) == (5, 15)


async def test_a_restored_segment_brings_the_shard_back_without_a_restart(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        record = await two_segments(bench, "damaged")
        await bench.worker.stop()
        path = next((tmp_path / "collections" / record.uuid / "0" / "segments").glob("*/*vectors*"))
        whole = flip_byte(path)
        await bench.restart_stopped()
        assert (await bench.describe(record)).reason

        path.unlink()
        path.write_bytes(whole)
        bench.worker.repair_now()
        await bench.until(record, lambda described: not described.reason)
        [position] = await bench.write(record, delete(1))

        assert await bench.count(record, min_position=position) == 14


async def test_a_damaged_manifest_stops_its_shard_only(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        record, other = await two_segments(bench, "damaged"), await two_segments(bench, "whole")
        await bench.worker.stop()
        directory = tmp_path / "collections" / record.uuid / "0"
        newest = ManifestStore(directory).newest()
        assert newest is not None
        flip_byte(max(directory.glob("manifest.*")))

        await bench.restart_stopped()

        with pytest.raises(ShardUnavailable, match="checksum"):
            await bench.count(record)
        assert await bench.count(other) == 15
