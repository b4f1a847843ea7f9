"""Asking shards: one call to one shard, repeated within bounds while the shard moves from one worker to another.

Reads are safe to repeat. The whole takes no longer than the request's timeout, and a shard that nobody serves is given
up after `shard_wait_s`.
"""

import asyncio
from collections.abc import Callable, Coroutine
from typing import NamedTuple, TypeVar

from services.api.directory import Directory
from services.api.links import Links
from services.api.positions import ShardPositions
from shared.clock import Clock
from shared.errors import ShardClosed, ShardUnavailable, TimedOut, Unavailable
from shared.log.position import ShardKey
from shared.schema.collections import CollectionRecord
from shared.schema.queries import Describe, DescribeReply, Read, Reply, ShardRequest

R = TypeVar("R")
T = TypeVar("T")

PAUSE_FIRST_S = 0.005
"""A new collection's shard is served within milliseconds."""
PAUSE_S = 0.05
PAUSE_MAX_S = 0.2
CONFIG_PAUSE_S = 0.002
"""A shard takes a new config over within milliseconds."""
DESCRIBE_S = 2.0
CALLS_AT_ONCE = 64
"""Most shards that one request asks at the same time."""
_DESCRIBE = Describe()


class Asking(NamedTuple):
    """How a request asks: its name for error texts, its time, and the positions that answers must include."""

    operation: str
    timeout_s: float
    deadline: float
    positions: ShardPositions
    patience_s: float = float("inf")
    """How long a shard that nobody serves is waited for."""


class Shards:
    """Takes reads, gives replies of the right kind."""

    def __init__(self, links: Links, directory: Directory, clock: Clock, shard_wait_s: float) -> None:
        self._links = links
        self._directory = directory
        self._clock = clock
        self._shard_wait_s = shard_wait_s

    def asking(self, operation: str, timeout_s: float, positions: ShardPositions | None = None) -> Asking:
        """Return how to ask from now on."""
        return Asking(operation, timeout_s, self._clock.now() + timeout_s, positions or {}, self._shard_wait_s)

    def has_time(self, asking: Asking) -> bool:
        """False when what is asked for ran out of its own time, or would at the next try."""
        return self._clock.now() + PAUSE_MAX_S < asking.deadline

    async def ask(self, record: CollectionRecord, shard: int, read: Read, kind: type[R], asking: Asking) -> R:
        """Ask one shard. Raises TimedOut, ShardUnavailable, ShardClosed, and what the shard refuses."""
        key = ShardKey(record.uuid, shard)
        link = self._links.of(key)
        if link is not None:
            try:
                return _of_kind(await link.call(self._request(key, read, asking)), kind)
            except (ShardUnavailable, ShardClosed):
                pass
            except TimedOut as error:
                raise _timed_out(asking) from error
        return _of_kind(await self._ask_again(key, read, asking), kind)

    async def ask_all(self, record: CollectionRecord, read: Read, kind: type[R], asking: Asking) -> list[R]:
        """Ask every shard the same, in the order of the shards."""
        if record.config.shard_number == 1:
            return [await self.ask(record, 0, read, kind, asking)]
        return await together(
            [self.ask(record, shard, read, kind, asking) for shard in range(record.config.shard_number)]
        )

    async def describe(self, record: CollectionRecord, describe: Describe = _DESCRIBE) -> list[DescribeReply | None]:
        """Return each shard's figures, None for those that do not answer now."""
        shards = range(record.config.shard_number)
        return await together([self.describe_one(ShardKey(record.uuid, shard), describe) for shard in shards])

    async def describe_one(self, key: ShardKey, describe: Describe = _DESCRIBE) -> DescribeReply | None:
        """Return a shard's figures, None when it does not answer now."""
        if self._links.of(key) is None:
            await self._links.refresh()
        link = self._links.of(key)
        if link is None:
            return None
        try:
            async with asyncio.timeout(DESCRIBE_S):
                reply = await link.call(ShardRequest(key.collection, key.shard, describe, timeout_s=DESCRIBE_S))
                return _of_kind(reply, DescribeReply)
        except (Unavailable, TimeoutError):
            return None

    async def settled(self, record: CollectionRecord, timeout_s: float, path: str | None = None) -> bool:
        """Wait until every shard has taken a record's config over; False when time is up.

        path   of a payload index whose columns are waited for too, unless it is dropped meanwhile
        """

        def is_settled(described: DescribeReply) -> bool:
            return described.config_generation >= record.generation and path not in described.unbuilt_paths

        waits = [
            self._becomes(ShardKey(record.uuid, shard), is_settled, timeout_s)
            for shard in range(record.config.shard_number)
        ]
        settled = await together(waits)
        return all(settled)

    async def configured(self, key: ShardKey, generation: int) -> None:
        """Wait until a shard has taken a config over. Raises ShardUnavailable after `shard_wait_s`."""
        if not await self._becomes(key, lambda one: one.config_generation >= generation, self._shard_wait_s):
            raise ShardUnavailable(f"shard {key} has not taken over the newest vectors of its collection yet")

    async def _becomes(self, key: ShardKey, is_so: Callable[[DescribeReply], bool], timeout_s: float) -> bool:
        deadline = self._clock.now() + timeout_s
        pause_s = CONFIG_PAUSE_S
        while True:
            described = await self.describe_one(key)
            if described is not None and is_so(described):
                return True
            if self._clock.now() + pause_s > deadline:
                return False
            await self._clock.sleep(pause_s)
            pause_s = min(pause_s * 2, PAUSE_S)

    async def _ask_again(self, key: ShardKey, read: Read, asking: Asking) -> Reply:
        """Try until the shard answers, its collection is gone, or time is up."""
        give_up = min(asking.deadline, self._clock.now() + asking.patience_s)
        pause_s = 0.0
        last: Unavailable = ShardUnavailable(f"no live worker serves shard {key}")
        await self._directory.reload()
        while True:
            if not self._directory.is_known(key.collection):
                raise ShardClosed(f"collection of shard {key} was deleted")
            await self._links.refresh()
            link = self._links.of(key)
            try:
                if link is not None:
                    return await link.call(self._request(key, read, asking))
            except TimedOut as error:
                raise _timed_out(asking) from error
            except (ShardUnavailable, ShardClosed) as error:
                last = error
            pause_s = min(max(pause_s * 2, PAUSE_FIRST_S), PAUSE_MAX_S)
            if self._clock.now() + pause_s > give_up:
                raise last
            await self._clock.sleep(pause_s)

    def _request(self, key: ShardKey, read: Read, asking: Asking) -> ShardRequest:
        return ShardRequest(
            collection=key.collection,
            shard=key.shard,
            read=read,
            min_position=asking.positions.get(key, 0),
            timeout_s=max(asking.deadline - self._clock.now(), 0.0),
        )


async def together(calls: list[Coroutine[None, None, T]]) -> list[T]:
    """Await calls at once, a bounded number at a time; the first failure ends the others."""
    gate = asyncio.Semaphore(CALLS_AT_ONCE)

    async def one(call: Coroutine[None, None, T]) -> T:
        async with gate:
            return await call

    tasks = [asyncio.ensure_future(one(call)) for call in calls]
    try:
        return await asyncio.gather(*tasks)
    except BaseException:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        raise


def _of_kind(reply: Reply, kind: type[R]) -> R:
    assert isinstance(reply, kind), f"expected {kind.__name__}, got {type(reply).__name__}"
    return reply


def _timed_out(asking: Asking) -> TimedOut:
    return TimedOut(f"Operation '{asking.operation}' timed out after {asking.timeout_s:g}s")
