"""Live processes: one lease per node, renewed at each heartbeat."""

from typing import Literal

import msgspec
from redis.asyncio import Redis

Role = Literal["worker", "api", "optimizer"]


class NodeInfo(msgspec.Struct, frozen=True):
    """One process. `node_id` is `<name>:<incarnation>`; `address` is where its RPC listens, empty for none."""

    node_id: str
    name: str
    role: Role
    address: str
    pid: int
    cluster: str


class NodeLease:
    """A node's claim to be alive."""

    def __init__(self, redis: Redis, ttl_s: float) -> None:
        self._redis = redis
        self._ttl_s = ttl_s

    async def register(self, info: NodeInfo) -> None:
        """Take the lease; an older incarnation of the same role and name loses its own at once."""
        raise NotImplementedError

    async def renew(self) -> bool:
        """Renew; False when the lease expired or was replaced: the node has lost its shards and registers anew."""
        raise NotImplementedError

    async def release(self) -> None:
        """Give the lease up, so that nobody waits for it to expire."""
        raise NotImplementedError


async def live_nodes(redis: Redis, role: Role) -> list[NodeInfo]:
    """Return the nodes of a role whose lease is live, by node id."""
    raise NotImplementedError
