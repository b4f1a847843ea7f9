"""Which node leads which shard, with which fence. A fence grows with every takeover.

Claims are decided in Redis by the leases of nodes (nodes.py); a leader that lost its lease is stopped by the fence,
which every script of the log checks.
"""

import hashlib
from pathlib import Path

import msgspec
from redis.asyncio import Redis

from shared.coordination.keys import NODE_LEASE, PLACEMENT, PLACEMENT_REVISION
from shared.errors import LogUnavailable
from shared.log.exchange import Script, ask, exchange_many
from shared.log.position import ShardKey, parse_shard_key

_SCRIPTS = Path(__file__).parent / "scripts"
_claim = Script(_SCRIPTS / "claim.lua")
_release = Script(_SCRIPTS / "release_shard.lua")


class Placement(msgspec.Struct, frozen=True):
    """A shard's owner; `node_id` is empty when it was released."""

    node_id: str = msgspec.field(name="node")
    fence: int


async def claim(redis: Redis, key: ShardKey, node_id: str, above: int = 0) -> int | None:
    """Take a shard and return its new fence; None while a live other owns it, or when our own lease is gone.

    The fence is one more than the last one and than `above` (the newest manifest's, for a Redis that came back older).
    A shard that the node owns already keeps its fence, so that a claim may be repeated after a lost answer.
    """
    keys = [PLACEMENT, NODE_LEASE, PLACEMENT_REVISION]
    fence = await _claim.call(redis, keys, [str(key), node_id, above], lost=LogUnavailable)
    return None if fence is None else int(fence)


async def release(redis: Redis, key: ShardKey, node_id: str) -> None:
    """Give a shard up; nothing happens when another owns it. The fence stays."""
    await _release.call(redis, [PLACEMENT, PLACEMENT_REVISION], [str(key), node_id], lost=LogUnavailable)


async def forget(redis: Redis, key: ShardKey) -> None:
    """Remove the placement of a deleted collection's shard."""
    await exchange_many(redis, [("HDEL", PLACEMENT, str(key)), ("INCR", PLACEMENT_REVISION)], lost=LogUnavailable)


async def placement_revision(redis: Redis) -> int:
    """Return a number that grows with each change of the placement: who has seen it need not read `owners` again.

    Read it before `owners`. It may be smaller than before when Redis came back older.
    """
    return int(await ask(redis, "GET", PLACEMENT_REVISION) or 0)


async def owners(redis: Redis) -> dict[ShardKey, Placement]:
    """Return the placement of every shard. Whether an owner lives is for `live_nodes` to say."""
    flat = await ask(redis, "HGETALL", PLACEMENT)
    return {
        parse_shard_key(field.decode()): msgspec.json.decode(text, type=Placement)
        for field, text in zip(flat[::2], flat[1::2], strict=True)
    }


def preferred_node(key: ShardKey, names: list[str]) -> str:
    """Return the name that should lead a shard: the highest hash of (shard, name). `names` is not empty.

    Rendezvous hashing: when a name comes or goes, only the shards that it gains or had move.
    """
    if len(names) == 1:
        return names[0]

    def weight(name: str) -> tuple[bytes, str]:
        return hashlib.blake2b(f"{key}/{name}".encode(), digest_size=8).digest(), name

    return max(names, key=weight)
