"""Live processes: one lease per node, renewed at each heartbeat. Time is Redis' alone."""

from pathlib import Path
from typing import Literal

import msgspec
from redis.asyncio import Redis

from shared.coordination.keys import NODE_LEASE, NODE_NAMES, NODES
from shared.errors import LogUnavailable
from shared.log.exchange import Argument, Script, exchange
from shared.policies.plan import Limits

Role = Literal["worker", "api", "optimizer"]

_SCRIPTS = Path(__file__).parent / "scripts"
_register = Script(_SCRIPTS / "register.lua")
_release = Script(_SCRIPTS / "release_node.lua")
_live = Script(_SCRIPTS / "live_nodes.lua")


class NodeInfo(msgspec.Struct, frozen=True):
    """One process. `node_id` is `<name>:<incarnation>`; `address` is where its RPC listens, empty for none.

    limits   of an optimizer: the api's status plans with them
    """

    node_id: str
    name: str
    role: Role
    address: str
    pid: int
    cluster: str
    limits: Limits | None = None


class NodeLease:
    """A node's claim to be alive."""

    def __init__(self, redis: Redis, ttl_s: float) -> None:
        self._redis = redis
        self._ttl_ms = round(ttl_s * 1000)
        self._node: NodeInfo | None = None

    async def register(self, info: NodeInfo) -> None:
        """Take the lease; an older incarnation of the same role and name loses its own at once."""
        keys = [NODES, NODE_NAMES, NODE_LEASE]
        arguments: list[Argument] = [info.node_id, _role_name(info), msgspec.json.encode(info), self._ttl_ms]
        await _register.call(self._redis, keys, arguments, lost=LogUnavailable)
        self._node = info

    async def renew(self) -> bool:
        """Renew; False when the lease expired or was replaced: the node has lost its shards and registers anew.

        Raises LogUnavailable when Redis does not answer: the node must then count on having lost the lease once
        `ttl_s` have passed since the last renewal was begun.
        """
        assert self._node is not None, "register comes first"
        lease = NODE_LEASE + self._node.node_id
        return bool(await exchange(self._redis, "PEXPIRE", lease, self._ttl_ms, lost=LogUnavailable))

    async def release(self) -> None:
        """Give the lease up, so that nobody waits for it to expire."""
        if self._node is None:
            return
        keys = [NODES, NODE_NAMES, NODE_LEASE]
        node, self._node = self._node, None
        await _release.call(self._redis, keys, [node.node_id, _role_name(node)], lost=LogUnavailable)


async def live_nodes(redis: Redis, role: Role) -> list[NodeInfo]:
    """Return the nodes of a role whose lease is live, by node id."""
    texts = await _live.call(redis, [NODES, NODE_LEASE], [], lost=LogUnavailable)
    nodes = [msgspec.json.decode(text, type=NodeInfo) for text in texts]
    return sorted((node for node in nodes if node.role == role), key=lambda node: node.node_id)


def _role_name(node: NodeInfo) -> str:
    return f"{node.role}/{node.name}"
