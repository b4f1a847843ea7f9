"""From a shard to the link that reaches it: placement says which node leads the shard, the node says where it listens.

What was read from Redis stays in force until it is read again: on a failure, and every REFRESH_S seconds. So searches
go on without Redis.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING, Protocol

import structlog

from shared.coordination.nodes import live_nodes
from shared.coordination.placement import owners, placement_revision
from shared.errors import Unavailable
from shared.log.position import ShardKey
from shared.rpc.link import ShardLink

if TYPE_CHECKING:
    from redis.asyncio import Redis

REFRESH_S = 1.0
FORGET_SWEEPS = 10
"""After so many looks the placement is read although its revision is the same: Redis may have come back older."""

log = structlog.get_logger()


class Links(Protocol):
    """Takes shards, gives links."""

    def of(self, key: ShardKey) -> ShardLink | None:
        """Return the link to the shard's leader; None when no live node is known to lead it."""
        ...

    async def refresh(self) -> None:
        """Learn where the shards are now."""
        ...

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


class LocalLinks:
    """Every shard lives in this process."""

    def __init__(self, link: ShardLink) -> None:
        self._link = link

    def of(self, key: ShardKey) -> ShardLink | None:
        return self._link

    async def refresh(self) -> None:
        """There is nothing to learn."""

    async def start(self) -> None:
        """Nothing runs."""

    async def stop(self) -> None:
        await self._link.close()


class RemoteLinks:
    """One link per worker address, shared by all of its shards."""

    def __init__(self, redis: "Redis", connect: Callable[[str], ShardLink]) -> None:
        self._redis = redis
        self._connect = connect
        self._addresses: dict[ShardKey, str] = {}
        self._links: dict[str, ShardLink] = {}
        self._seen: tuple[dict[str, str], int] | None = None
        self._swept = 0
        self._reading: asyncio.Task[None] | None = None
        self._sweeper: asyncio.Task[None] | None = None

    def of(self, key: ShardKey) -> ShardLink | None:
        address = self._addresses.get(key)
        if address is None:
            return None
        link = self._links.get(address)
        if link is None:
            link = self._links[address] = self._connect(address)
        return link

    async def refresh(self) -> None:
        """Read placements and nodes; callers that come meanwhile share one reading."""
        if self._reading is None or self._reading.done():
            self._reading = asyncio.create_task(self._read())
        await asyncio.shield(self._reading)

    async def start(self) -> None:
        """Read once and go on reading."""
        await self.refresh()
        self._sweeper = asyncio.create_task(self._sweep())

    async def stop(self) -> None:
        """Stop reading and close every link."""
        for task in (self._sweeper, self._reading):
            if task is not None:
                task.cancel()
                with contextlib.suppress(asyncio.CancelledError):
                    await task
        for link in self._links.values():
            await link.close()
        self._links.clear()

    async def _read(self) -> None:
        try:
            addresses = {node.node_id: node.address for node in await live_nodes(self._redis, "worker")}
            seen = addresses, await placement_revision(self._redis)
            if seen == self._seen:
                return
            placements = await owners(self._redis)
        except Unavailable as error:
            log.warning("placements cannot be read, the last ones stay in force", error=str(error))
            return
        self._seen = seen
        self._addresses = {
            key: addresses[placement.node_id] for key, placement in placements.items() if placement.node_id in addresses
        }
        for address in set(self._links) - set(addresses.values()):
            await self._links.pop(address).close()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(REFRESH_S)
            self._swept += 1
            if self._swept % FORGET_SWEEPS == 0:
                self._seen = None
            await self.refresh()
