"""A worker with its log, for tests: what an api would do, in a few calls."""

import asyncio
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from inspect import isawaitable
from pathlib import Path
from uuid import uuid4

from redis.asyncio import Redis

from services.worker.app import WorkerService
from shared.coordination.catalog import Catalog
from shared.log.appender import Appender
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.schema.collections import CollectionConfig, CollectionRecord
from shared.schema.operations import Operation, Outcome, encode_operation
from shared.schema.queries import (
    AppliedReply,
    AwaitApplied,
    Count,
    CountReply,
    Describe,
    DescribeReply,
    Read,
    Reply,
    ShardRequest,
)
from shared.settings import Settings


class Bench:
    """One worker over one Redis and one data directory, started and stopped at will."""

    def __init__(self, redis: Redis, data_dir: Path, **settings: object) -> None:
        self.redis = redis
        self.settings = Settings(data_dir=data_dir, redis_url="", node_name="worker-1").model_copy(update=settings)
        self.catalog = Catalog(redis)
        self.wal = Wal(redis)
        self.appender = Appender(self.wal)
        self.worker = WorkerService(self.settings, redis)

    async def create(self, config: CollectionConfig, name: str = "things") -> CollectionRecord:
        """Create a collection as the api does."""
        record = await self.catalog.create(CollectionRecord(uuid=str(uuid4()), name=name, config=config))
        for number in range(config.shard_number):
            await self.wal.open_shard(ShardKey(record.uuid, number), record.generation)
        return record

    async def write(self, record: CollectionRecord, *operations: Operation, shard: int = 0) -> list[int]:
        """Append operations without waiting for the worker."""
        entries = [encode_operation(operation) for operation in operations]
        return await self.appender.append(ShardKey(record.uuid, shard), entries, record.generation)

    async def ask(self, record: CollectionRecord, read: Read, min_position: int = 0, shard: int = 0) -> Reply:
        """Ask the worker."""
        reply = self.worker.handler(ShardRequest(record.uuid, shard, read, min_position, timeout_s=10.0))
        return await reply if isawaitable(reply) else reply

    async def applied(self, record: CollectionRecord, *positions: int) -> list[Outcome]:
        """Wait until positions are applied."""
        reply = await self.ask(record, AwaitApplied(list(positions)))
        assert isinstance(reply, AppliedReply)
        return reply.outcomes

    async def count(self, record: CollectionRecord, min_position: int = 0, shard: int = 0) -> int:
        """Count the shard's points."""
        reply = await self.ask(record, Count(None), min_position, shard)
        assert isinstance(reply, CountReply)
        return reply.count

    async def describe(self, record: CollectionRecord, shard: int = 0) -> DescribeReply:
        """Describe a shard."""
        reply = await self.ask(record, Describe(), shard=shard)
        assert isinstance(reply, DescribeReply)
        return reply

    async def restart(self) -> None:
        """Stop the worker and start another one, as a new process would."""
        await self.worker.stop()
        await self.restart_stopped()

    async def restart_stopped(self) -> None:
        """Start another worker after `worker.stop()`."""
        self.worker = WorkerService(self.settings, self.redis)
        await self.worker.start()

    async def fall_silent(self) -> None:
        """Let the worker's lease run out, as if its process hung."""
        claims = self.worker.claims
        assert claims is not None
        await claims.stop()

    async def troubled(self, text: str) -> None:
        """Wait until the worker says that it cannot work with its Redis, and why."""
        async with asyncio.timeout(10):
            while self.worker.claims is None or text not in self.worker.claims.trouble:
                await asyncio.sleep(0.01)

    async def until(
        self,
        record: CollectionRecord,
        is_reached: Callable[[DescribeReply], bool],
        timeout_s: float = 10.0,
        shard: int = 0,
    ) -> DescribeReply:
        """Wait until the shard describes itself as wanted."""
        async with asyncio.timeout(timeout_s):
            while True:
                try:
                    described = await self.describe(record, shard)
                    if is_reached(described):
                        return described
                except Exception as error:
                    if "not served" not in str(error):
                        raise
                await asyncio.sleep(0.01)


@asynccontextmanager
async def running(redis: Redis, data_dir: Path, **settings: object) -> AsyncIterator[Bench]:
    """A bench whose worker runs."""
    bench = Bench(redis, data_dir, **settings)
    await bench.worker.start()
    try:
        yield bench
    finally:
        await bench.worker.stop()
