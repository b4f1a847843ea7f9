"""Columns of declared indexes in a running worker: built beside its work, written, restored, never a reason to stop."""

import asyncio
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.schema.collections import CollectionConfig, CollectionRecord, OptimizersConfig
from shared.schema.filters import Filter, MatchText
from shared.schema.operations import Seal
from shared.schema.payload_index import FieldType, PayloadIndex
from shared.schema.queries import Count, CountReply, Describe, DescribeReply
from shared.schema.slots import Memory
from shared.segment.columns.column_set import ColumnSet
from shared.store.manifest import Manifest, ManifestStore
from tests import builders
from tests.builders import config, delete, match, point, set_payload, upsert
from tests.own_redis import OwnRedis
from tests.recovery.test_crash_points import CRASHED, run_until_crash
from tests.recovery.test_damaged_files import flip_byte
from tests.worker_bench import Bench, running

KEYWORD = PayloadIndex(type=FieldType.KEYWORD, is_bare=True)
INTEGER = PayloadIndex(type=FieldType.INTEGER)
TEXT = PayloadIndex(type=FieldType.TEXT)


async def two_segments(bench: Bench, given: CollectionConfig | None = None) -> CollectionRecord:
    """Create a collection with twenty points in two sealed segments and five in the appendable, checkpointed."""
    record = await bench.create(given or config())
    await bench.until(record, lambda _: True)
    for number in range(3):
        given_points = [
            point(10 * number + one, payload={"city": f"c{one % 2}", "n": one, "text": "Left Right"})
            for one in range(10 if number < 2 else 5)
        ]
        await bench.write(record, upsert(given_points), *([Seal(f"a{number + 1:08d}")] if number < 2 else []))
    await bench.until(record, lambda described: described.checkpoint == 5)
    return record


async def declare(bench: Bench, record: CollectionRecord, **indexes: PayloadIndex) -> CollectionRecord:
    """Change the declared indexes as the api does."""
    changed = record.config.model_copy(update={"payload_indexes": indexes})
    updated = await bench.catalog.update(record.uuid, record.generation, changed)
    return updated.record


async def ready(bench: Bench, record: CollectionRecord) -> DescribeReply:
    """Wait until the config is met, its columns are built and everything is on disk."""
    await bench.until(
        record, lambda described: described.config_generation == record.generation and not described.unbuilt_columns
    )
    return await bench.until(record, lambda described: described.checkpoint == described.applied)


def newest(bench: Bench, record: CollectionRecord) -> Manifest:
    manifest = ManifestStore(bench.settings.data_dir / "collections" / record.uuid / "0").newest()
    assert manifest is not None
    return manifest


def column_files(bench: Bench, record: CollectionRecord) -> set[str]:
    """Return the column files on disk."""
    chunks = bench.settings.data_dir / "collections" / record.uuid / "0" / "chunks"
    return {path.name for path in chunks.glob("*.column.*")}


def columns_named(bench: Bench, record: CollectionRecord) -> set[str]:
    """Return the column files that the newest manifest names: those of one segment may come in two checkpoints."""
    entries = newest(bench, record).segments
    return {column.file.name.rpartition("/")[2] for entry in entries for column in entry.columns}


async def columns_written(bench: Bench, record: CollectionRecord, segments: int = 2) -> Manifest:
    """Wait until every sealed segment has files for its columns."""
    async with asyncio.timeout(10):
        while True:
            manifest = newest(bench, record)
            if sum(bool(entry.columns) for entry in manifest.segments) == segments:
                return manifest
            await asyncio.sleep(0.01)


async def points_of(bench: Bench, record: CollectionRecord) -> dict[str, int]:
    reply = await bench.ask(record, Describe(indexed_points=True))
    assert isinstance(reply, DescribeReply)
    return reply.indexed_points


async def count(bench: Bench, record: CollectionRecord, wanted: Filter) -> int:
    reply = await bench.ask(record, Count(wanted))
    assert isinstance(reply, CountReply)
    return reply.count


async def test_an_index_declared_on_live_data_is_built_written_and_restored(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        record = await two_segments(bench)
        record = await declare(bench, record, city=KEYWORD, n=INTEGER)
        await ready(bench, record)
        manifest = await columns_written(bench, record)
        points_before = await points_of(bench, record)

        await bench.restart()
        described = await ready(bench, record)

        assert {column.key for column in manifest.segments[0].columns} == {"city", "n"}
        assert points_before == await points_of(bench, record) == {"city": 25, "n": 25}
        assert described.counters["columns_built"] == 0
        assert await count(bench, record, builders.filter([match("city", "c0"), match("n", 0, 2)])) == 6


async def test_segments_that_are_sealed_later_get_their_columns_too(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        record = await two_segments(bench)
        record = await declare(bench, record, city=KEYWORD)
        await ready(bench, record)

        await bench.write(record, Seal("a00000003"), delete(1), set_payload([2], {"city": 7}))
        manifest = await columns_written(bench, record, segments=3)

        assert [bool(entry.columns) for entry in manifest.segments] == [True, True, True, False]
        assert await points_of(bench, record) == {"city": 23}


async def test_a_text_index_says_what_texts_mean_before_it_is_built(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        record = await two_segments(bench)
        wanted = builders.filter([MatchText("text", "LEFT")])
        plain = record
        exact = PayloadIndex(type=FieldType.TEXT, lowercase=False)

        record = await declare(bench, record, text=exact)
        await bench.until(record, lambda described: described.config_generation == record.generation)
        with_exact = await count(bench, record, wanted)
        record = await declare(bench, record, text=TEXT)
        await bench.until(record, lambda described: described.config_generation == record.generation)

        assert plain.config.payload_indexes == {}
        assert (with_exact, await count(bench, record, wanted)) == (0, 25)


async def test_files_of_a_dropped_index_go_with_the_next_checkpoint_which_needs_no_other_write(
    redis: Redis, tmp_path: Path
) -> None:
    async with running(redis, tmp_path) as bench:
        never = config(optimizers_config=OptimizersConfig(flush_interval_sec=3600))
        record = await two_segments(bench, never)
        record = await declare(bench, record, city=KEYWORD, text=TEXT)
        await bench.until(record, lambda _: len(columns_named(bench, record)) == 4)
        before = column_files(bench, record)

        record = await declare(bench, record, city=KEYWORD)
        await bench.until(record, lambda _: len(column_files(bench, record)) == 2, timeout_s=5)
        kept = column_files(bench, record)
        checkpoints = (await ready(bench, record)).counters["checkpoints"]
        record = await declare(bench, record)
        described = await bench.until(record, lambda _: not column_files(bench, record), timeout_s=5)

        assert len(before) == 4
        assert kept < before
        assert described.counters["checkpoints"] == checkpoints + 1
        assert await points_of(bench, record) == {}


@pytest.mark.parametrize("is_missing", [False, True])
async def test_a_lost_column_file_is_built_anew_and_quarantines_nothing(
    redis: Redis, tmp_path: Path, is_missing: bool
) -> None:
    async with running(redis, tmp_path) as bench:
        record = await two_segments(bench)
        record = await declare(bench, record, city=KEYWORD)
        manifest = await columns_written(bench, record)
        await bench.worker.stop()
        [lost, *_] = manifest.segments[0].columns
        path = bench.settings.data_dir / "collections" / record.uuid / "0" / lost.file.name
        if is_missing:
            path.unlink()
        else:
            flip_byte(path)

        await bench.restart_stopped()
        described = await ready(bench, record)
        await bench.until(record, lambda _: lost.file.name not in str(newest(bench, record).segments))

        assert described.reason == ""
        assert await points_of(bench, record) == {"city": 25}
        await columns_written(bench, record)


async def test_a_column_that_cannot_be_built_is_told_tried_again_and_stops_nothing(
    redis: Redis, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(columns: ColumnSet, key: str, *_: object) -> None:
        raise MemoryError(f"no room for {key}")

    async with running(redis, tmp_path) as bench:
        record = await two_segments(bench)
        with monkeypatch.context() as patched:
            patched.setattr(ColumnSet, "build", fail)
            record = await declare(bench, record, city=KEYWORD)
            failing = await bench.until(record, lambda described: bool(described.column_failures))
            again = await bench.until(record, lambda described: described.counters["column_failures"] >= 4)

            positions = await bench.write(record, Seal("a00000003"), delete(1))
            await bench.until(record, lambda described: described.checkpoint >= positions[-1])
            await bench.until(record, lambda described: not described.counters["segments_in_memory"])
        await ready(bench, record)
        recovered = await bench.until(record, lambda described: not described.column_failures)

        assert (failing.column_failures, again.reason) == ({"city": "MemoryError('no room for city')"}, "")
        assert (recovered.unbuilt_columns, recovered.reason) == (0, "")
        assert await points_of(bench, record) == {"city": 24}
        await columns_written(bench, record, segments=3)


@pytest.mark.parametrize("crash", ["after_column_built:2", "after_column_written:2", "before_manifest_publish"])
async def test_a_worker_that_is_killed_while_it_builds_goes_on_afterwards(
    crash: str, redis: Redis, own_redis: OwnRedis, tmp_path: Path
) -> None:
    bench = Bench(redis, tmp_path, redis_url=own_redis.url, lease_ttl_s=0.3, heartbeat_s=0.05)
    await bench.worker.start()
    record = await two_segments(bench)
    await bench.worker.stop()

    record = await declare(bench, record, city=KEYWORD, n=INTEGER, text=TEXT)
    status = await asyncio.to_thread(run_until_crash, bench, crash)
    await bench.restart_stopped()
    await ready(bench, record)
    counted = await points_of(bench, record)
    await bench.until(record, lambda _: len(columns_named(bench, record)) == 6)
    await bench.until(record, lambda _: column_files(bench, record) == columns_named(bench, record))
    await bench.worker.stop()

    assert status == CRASHED
    assert counted == {"city": 25, "n": 25, "text": 25}


@pytest.mark.parametrize("memory", [Memory.COLD, Memory.CACHED])
async def test_columns_of_an_index_on_disk_are_mapped_once_they_are_written(
    redis: Redis, tmp_path: Path, memory: Memory
) -> None:
    async with running(redis, tmp_path) as bench:
        record = await two_segments(bench)
        record = await declare(bench, record, city=PayloadIndex(type=FieldType.KEYWORD, memory=memory))
        await ready(bench, record)
        hosting = bench.worker.hosting
        assert hosting is not None
        [shard] = hosting.shards
        assert shard.state is not None
        sealed = shard.state.sealed

        await bench.until(record, lambda _: sum(one.columns.nbytes for one in sealed()) == 0)
        in_place = [set(one.column_places.values()) for one in sealed()]
        record = await declare(bench, record, city=KEYWORD)

        assert in_place == [{memory}, {memory}]
        await bench.until(record, lambda _: all(one.columns.nbytes > 0 for one in sealed()))
        assert await count(bench, record, builders.filter([match("city", "c0")])) == 13


async def test_a_closed_shard_tells_the_points_of_its_indexes(redis: Redis, tmp_path: Path) -> None:
    closing = {"heartbeat_s": 0.05, "shard_rest_s": 0.05, "shard_close_s": 0.05, "open_memory_mb": 1}
    async with running(redis, tmp_path, **closing) as bench:
        record = await bench.create(config(dim=8192))
        await bench.until(record, lambda _: True)
        large = [point(number, payload={"city": "c"} if number else {}, dim=8192) for number in range(40)]
        await bench.write(record, upsert(large), Seal("a00000001"), delete(7))
        record = await declare(bench, record, city=KEYWORD)
        await columns_written(bench, record, segments=1)
        assert bench.worker.hosting is not None
        [shard] = bench.worker.hosting.shards

        await bench.until(record, lambda _: shard.dormant is not None)
        counted = await points_of(bench, record)

        assert counted == {"city": 38}
        assert shard.dormant is not None
