"""Collections that begin with the points of another, over a whole worker and a real Redis."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path
from uuid import uuid4

import pytest
from redis.asyncio import Redis

from services.worker.init_from.cutter import hold_name
from services.worker.recovery import recover
from services.worker.state import Origin, ShardState
from shared.coordination.placement import preferred_node
from shared.errors import HeadBehind, ShardUnavailable
from shared.log.appender import Appender, AppendLimits
from shared.log.connection import connect
from shared.log.keys import holds_key
from shared.log.position import ShardKey
from shared.schema.collections import CollectionConfig, CollectionRecord, HnswConfig, InitFrom
from shared.schema.operations import Delete, Operation, Seal, SetPayload, Upsert
from shared.schema.points import shard_of
from shared.segment.checksum import logical_checksum
from tests.builders import config, delete, point, points, set_payload, upsert
from tests.worker_bench import Bench, running


@pytest.fixture
async def redis(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    yield client
    await client.aclose()


async def create_from(
    bench: Bench, source: CollectionRecord, of: CollectionConfig, name: str = "copy", uuid: str = ""
) -> CollectionRecord:
    """Create a collection that begins with another, as the api does."""
    init_from = InitFrom(collection=source.uuid, name=source.name, shards=source.config.shard_number)
    new = CollectionRecord(uuid=uuid or str(uuid4()), name=name, config=of, init_from=init_from)
    record = await bench.catalog.create(new)
    for shard in range(of.shard_number):
        await bench.wal.open_shard(ShardKey(record.uuid, shard), record.generation, known=1)
    return record


async def begun(bench: Bench, record: CollectionRecord) -> CollectionRecord:
    """Wait until every shard has begun; return the record with its positions."""
    for shard in range(record.config.shard_number):
        await bench.until(record, lambda described: described.applied > 0 and not described.beginning, shard=shard)
    return (await bench.catalog.load()).by_uuid[record.uuid]


def content(data_dir: Path, record: CollectionRecord) -> int:
    """Return the checksum of all that a collection's files hold."""
    shards = [
        recover(data_dir / "collections" / record.uuid / str(shard), record).state
        for shard in range(record.config.shard_number)
    ]
    return sum(logical_checksum(state.segments()) for state in shards) % 2**64


def content_at(record: CollectionRecord, written: list[dict[int, Operation]], positions: tuple[int, ...]) -> int:
    """Return the checksum of what the written operations make, each shard's up to its position."""
    total = 0
    for operations, last in zip(written, positions, strict=True):
        state = ShardState(Origin(record.uuid, 0, 1, record.config))
        for position in range(1, last + 1):
            state.apply(position, operations[position])
        total += logical_checksum(state.segments())
    return total % 2**64


class Writing:
    """Writes to every shard of a collection, one operation after the other, until stopped."""

    def __init__(self, bench: Bench, record: CollectionRecord) -> None:
        self.written: list[dict[int, Operation]] = [{} for _ in range(record.config.shard_number)]
        self._bench = bench
        self._record = record
        self._step = 0

    async def write(self, *operations: Operation) -> None:
        """Write to each shard what is its own."""
        for shard, written in enumerate(self.written):
            own = [part for operation in operations if (part := self._part(operation, shard)) is not None]
            positions = await self._bench.write(self._record, *own, shard=shard)
            written.update(zip(positions, own, strict=True))

    def _part(self, operation: Operation, shard: int) -> Operation | None:
        count = len(self.written)
        if isinstance(operation, Upsert):
            kept = [point(one) for one in operation.ids if shard_of(one, count) == shard]
            return upsert(kept) if kept else None
        if isinstance(operation, Delete | SetPayload):
            return operation if shard_of(operation.ids[0], count) == shard else None
        return operation

    async def go_on(self) -> None:
        """Write until cancelled."""
        while True:
            self._step += 1
            first = 1000 + 10 * (self._step % 40)
            await self.write(
                upsert(points(10, first=first)), delete(first + 3), set_payload([first], {"n": self._step})
            )
            if self._step % 20 == 0:
                await self.write(Seal(f"a{self._step // 20:08d}"))


@pytest.mark.parametrize(("source_shards", "target_shards"), [(1, 1), (2, 2), (2, 3), (3, 1)])
async def test_a_collection_begins_with_what_the_other_held_at_the_recorded_positions_while_that_is_written(
    redis: Redis, tmp_path: Path, source_shards: int, target_shards: int
) -> None:
    async with running(redis, tmp_path) as bench:
        source = await bench.create(config(shard_number=source_shards))
        for shard in range(source_shards):
            await bench.until(source, lambda _: True, shard=shard)
        writing = Writing(bench, source)
        await writing.write(upsert(points(30)), Seal("a00000001"), delete(2), set_payload([3], {"a": 1}))
        task = asyncio.create_task(writing.go_on())
        await asyncio.sleep(0.1)

        copy = await begun(bench, await create_from(bench, source, config(shard_number=target_shards)))
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)

    assert copy.init_from is not None
    assert len(copy.init_from.positions) == source_shards
    assert all(position >= 2 for position in copy.init_from.positions)
    assert content(tmp_path, copy) == content_at(source, writing.written, copy.init_from.positions)


async def test_the_new_collection_takes_writes_and_survives_a_restart(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        source = await bench.create(config())
        await bench.until(source, lambda _: True)
        await bench.write(source, upsert(points(30)), Seal("a00000001"), upsert(points(5, first=100)))
        copy = await begun(bench, await create_from(bench, source, config(hnsw_config=HnswConfig(m=8))))

        [position] = await bench.write(copy, delete(1, 100))
        [last] = await bench.write(source, delete(2))
        await bench.applied(copy, position)
        await bench.applied(source, last)
        await bench.restart()
        counts = await bench.count(copy), await bench.count(source)

        assert counts == (33, 34)
        assert not (tmp_path / "collections" / copy.uuid / "init").exists()


async def test_the_source_may_be_deleted_once_it_is_cut(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        source = await bench.create(config())
        await bench.until(source, lambda _: True)
        await bench.write(source, upsert(points(30)), Seal("a00000001"), upsert(points(5, first=100)))
        copy = await begun(bench, await create_from(bench, source, config()))

        await bench.wal.close_shard(ShardKey(source.uuid, 0))
        await bench.catalog.delete(source.name)
        directory = tmp_path / "collections" / source.uuid
        await bench.until(copy, lambda _: not directory.exists())
        await bench.restart()

        assert await bench.count(copy) == 35


async def test_a_source_that_is_gone_turns_the_new_collection_red_with_the_reason(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        gone = CollectionRecord(uuid=str(uuid4()), name="gone", config=config())

        copy = await create_from(bench, gone, config())
        described = await bench.until(copy, lambda described: bool(described.reason))

        assert "`gone` was deleted before its points could be taken over" in described.reason
        with pytest.raises(ShardUnavailable, match="was deleted before"):
            await bench.count(copy)


async def test_nothing_is_appended_before_the_points_are_there(redis: Redis, tmp_path: Path) -> None:
    bench = Bench(redis, tmp_path)
    source = await bench.create(config())
    copy = await create_from(bench, source, config())
    hasty = Appender(bench.wal, AppendLimits(retry_s=0.05))

    with pytest.raises(HeadBehind):
        await hasty.append(ShardKey(copy.uuid, 0), [b"x"], copy.generation)

    await hasty.close()
    await bench.appender.close()


async def test_a_collection_deleted_before_its_cut_leaves_no_hold(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        source = await bench.create(config())
        await bench.until(source, lambda _: True)
        key = ShardKey(source.uuid, 0)
        bench_copy = CollectionRecord(
            uuid=str(uuid4()), name="copy", config=config(), init_from=InitFrom(collection=source.uuid, name="things")
        )
        await bench.wal.hold(key, hold_name(bench_copy.uuid), 0)
        directory = tmp_path / "collections" / bench_copy.uuid
        directory.mkdir()
        await bench.catalog.create(bench_copy)
        await bench.catalog.delete("copy")

        await bench.until(source, lambda _: not directory.exists())

        assert await redis.hlen(holds_key(key)) == 0  # type: ignore[misc]


async def test_a_chain_of_copies_waits_for_the_first(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        source = await bench.create(config())
        await bench.until(source, lambda _: True)
        await bench.write(source, upsert(points(30)))

        first = await create_from(bench, source, config(), "first")
        second = await create_from(bench, first, config(), "second")
        await begun(bench, second)

        assert await bench.count(second) == 30


async def test_an_empty_collection_begins_another_empty_one(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        source = await bench.create(config(shard_number=2))

        copy = await begun(bench, await create_from(bench, source, config()))

        assert await bench.count(copy) == 0
        assert copy.init_from is not None
        assert copy.init_from.positions == (0, 0)


async def test_a_collection_that_waits_for_its_cut_can_be_deleted(redis: Redis, tmp_path: Path) -> None:
    async with running(redis, tmp_path) as bench:
        gone = CollectionRecord(uuid=str(uuid4()), name="gone", config=config())
        copy = await create_from(bench, gone, config(shard_number=2))
        await bench.until(copy, lambda described: bool(described.reason))
        await bench.until(copy, lambda described: bool(described.beginning), shard=1)
        other = await bench.create(config(), "other")
        directory = tmp_path / "collections" / copy.uuid
        assert directory.exists()

        await bench.wal.close_shard(ShardKey(copy.uuid, 0))
        await bench.catalog.delete("copy")

        await bench.until(other, lambda _: not directory.exists())


async def test_shards_of_several_workers_begin_with_one_cut(redis: Redis, tmp_path: Path) -> None:
    quick = {"heartbeat_s": 0.05, "lease_ttl_s": 0.5}
    async with (
        running(redis, tmp_path, **quick) as first,
        running(redis, tmp_path, **{**quick, "node_name": "worker-2"}) as second,
    ):
        source = await first.create(config())
        key = ShardKey(source.uuid, 0)
        names = ["worker-1", "worker-2"]
        bench = [first, second][names.index(preferred_node(key, names))]
        await bench.until(source, lambda _: True)
        writing = Writing(bench, source)
        await writing.write(upsert(points(30)), delete(2))

        copy = await create_from(first, source, config(shard_number=6), uuid="5f0c0c5e-0000-4000-8000-0000000000ee")
        hosts = {shard: preferred_node(ShardKey(copy.uuid, shard), names) for shard in range(6)}
        for shard, name in hosts.items():
            host = [first, second][names.index(name)]
            await host.until(copy, lambda described: described.applied > 0 and not described.beginning, shard=shard)

    assert set(hosts.values()) == set(names)
    assert content(tmp_path, copy) == content_at(source, writing.written, (2,))
    assert not (tmp_path / "collections" / copy.uuid / "init").exists()
