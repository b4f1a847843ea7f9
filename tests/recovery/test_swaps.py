"""Swaps in a running worker: switched, published, collected; outputs that are missing or damaged change nothing."""

import shutil
from pathlib import Path

from redis.asyncio import Redis

from shared.log.position import ShardKey
from shared.schema.collections import CollectionRecord, HnswConfig
from shared.schema.operations import Seal, Swap, encode_operation
from shared.schema.queries import DescribeReply
from shared.segment.builder import BuildSpec, SegmentBuilder
from shared.segment.checkpoint import load_segment
from shared.segment.layout import SlotPlan, layout_of, rotation_seed
from shared.segment.sealed import SealedSegment
from shared.store.manifest import ManifestStore
from tests.builders import config, delete, points, set_payload, upsert
from tests.worker_bench import Bench, running

OUTPUT = "b0123456789abcdef"


async def sealed_collection(bench: Bench) -> CollectionRecord:
    """Create a collection with two sealed segments, published."""
    record = await bench.create(config())
    await bench.until(record, lambda _: True)
    await bench.write(record, upsert(points(10)), Seal("a00000001"), upsert(points(5, first=8)), Seal("a00000002"))
    await bench.until(record, lambda described: described.checkpoint == 4)
    return record


def build(bench: Bench, record: CollectionRecord) -> Swap:
    """Build one segment of all sealed ones of the newest manifest, as the optimizer does."""
    directory = bench.settings.data_dir / "collections" / record.uuid / "0"
    manifest = ManifestStore(directory).newest()
    assert manifest is not None
    layout, seed = layout_of(record.config), rotation_seed(record.uuid)
    builder = SegmentBuilder(
        BuildSpec(
            OUTPUT, layout, {name: SlotPlan(HnswConfig(m=0)) for name in layout}, seed, manifest.config_generation
        )
    )
    inputs = [entry for entry in manifest.segments if entry.state != "appendable"]
    for entry in inputs:
        segment = load_segment(directory, entry, layout, seed)
        assert isinstance(segment, SealedSegment)
        builder.add(segment)
    builder.build(directory / "segments" / OUTPUT)
    names = [entry.segment_id for entry in inputs]
    return Swap(manifest.checkpoint, names, OUTPUT, manifest.config_generation)


async def append(bench: Bench, record: CollectionRecord, swap: Swap) -> int:
    """Append a swap entry, as the optimizer does."""
    key = ShardKey(record.uuid, 0)
    return await bench.wal.append_internal(key, encode_operation(swap), (await bench.wal.head(key)).fence)


def names(described: DescribeReply) -> list[str]:
    return [segment.segment_id for segment in described.segments]


async def test_a_swap_is_switched_published_and_its_inputs_removed(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        record = await sealed_collection(bench)
        swap = build(bench, record)
        await bench.write(record, delete(1, 9), set_payload([2], {"a": 1}))
        position = await append(bench, record, swap)
        described = await bench.until(record, lambda described: names(described) == [OUTPUT, "a00000003"])
        assert described.points == 10
        await bench.until(record, lambda described: described.checkpoint >= position)
        segments = tmp_path / "collections" / record.uuid / "0" / "segments"
        await bench.until(record, lambda _: [path.name for path in segments.iterdir()] == [OUTPUT])

        await bench.restart()

        assert await bench.count(record) == 10
        assert names(await bench.describe(record)) == [OUTPUT, "a00000003"]


async def test_a_swap_whose_output_is_missing_is_ignored(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        record = await sealed_collection(bench)
        swap = build(bench, record)
        shutil.rmtree(tmp_path / "collections" / record.uuid / "0" / "segments" / OUTPUT)

        await append(bench, record, swap)
        described = await bench.until(record, lambda described: described.counters["swaps_abandoned"] == 1)

        assert names(described) == ["a00000001", "a00000002", "a00000003"]
        assert described.points == 12


async def test_a_damaged_output_is_never_switched_to_and_the_job_can_be_repeated(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        record = await sealed_collection(bench)
        swap = build(bench, record)
        directory = tmp_path / "collections" / record.uuid / "0" / "segments" / OUTPUT
        versions = next(directory.glob("versions*"))
        damaged = bytearray(versions.read_bytes())
        damaged[-1] ^= 1
        versions.write_bytes(damaged)

        await append(bench, record, swap)
        await bench.until(record, lambda described: described.counters["swaps_abandoned"] == 1)
        shutil.rmtree(directory)
        await append(bench, record, build(bench, record))
        described = await bench.until(record, lambda described: described.counters["swaps"] == 1)

        assert described.points == 12


async def test_a_swap_that_was_logged_while_no_worker_ran_is_switched_at_start(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        record = await sealed_collection(bench)
        swap = build(bench, record)
        await bench.worker.stop()
        await bench.write(record, delete(1))
        await append(bench, record, swap)

        await bench.restart_stopped()
        described = await bench.until(record, lambda described: names(described) == [OUTPUT, "a00000003"])

        assert described.points == 11


async def test_sealed_segments_are_mapped_once_they_are_published(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        record = await sealed_collection(bench)
        await bench.until(record, lambda described: described.counters["segments_in_memory"] == 0)
        *_, position = await bench.write(record, delete(1), set_payload([2], {"a": 1}))

        assert await bench.count(record, min_position=position) == 11


async def test_a_swap_without_an_output_drops_segments_in_which_nothing_lives(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        record = await sealed_collection(bench)
        await bench.write(record, delete(*range(1, 8)))
        position = await append(bench, record, Swap(5, ["a00000001"], "", 1))
        await bench.until(record, lambda described: described.checkpoint >= position and described.counters["swaps"])
        segments = tmp_path / "collections" / record.uuid / "0" / "segments"
        await bench.until(record, lambda _: [path.name for path in segments.iterdir()] == ["a00000002"])

        await bench.restart()

        assert await bench.count(record) == 5
        assert names(await bench.describe(record)) == ["a00000002", "a00000003"]


async def test_a_swap_that_would_drop_living_rows_is_refused(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        record = await sealed_collection(bench)

        await append(bench, record, Swap(4, ["a00000001"], "", 1))
        described = await bench.until(record, lambda described: described.counters["swaps_abandoned"] == 1)

        assert names(described) == ["a00000001", "a00000002", "a00000003"]
        assert described.points == 12
