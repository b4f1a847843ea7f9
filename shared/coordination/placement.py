"""Which node leads which shard, with which fence. A fence grows with every takeover."""

import msgspec
from redis.asyncio import Redis

from shared.log.position import ShardKey


class Placement(msgspec.Struct, frozen=True):
    """A shard's owner; `node_id` is empty when it was released."""

    node_id: str
    fence: int


async def claim(redis: Redis, key: ShardKey, node_id: str, above: int = 0) -> int | None:
    """Take a shard and return its new fence; None while a live other owns it, or when our own lease is gone.

    The fence is one more than the last one and than `above` (the newest manifest's, for a Redis that came back older).
    A shard that the node owns already keeps its fence, so that a claim may be repeated after a lost answer.
    """
    raise NotImplementedError


async def release(redis: Redis, key: ShardKey, node_id: str) -> None:
    """Give a shard up; nothing happens when another owns it. The fence stays."""
    raise NotImplementedError


async def forget(redis: Redis, key: ShardKey) -> None:
    """Remove the placement of a deleted collection's shard."""
    raise NotImplementedError


async def owners(redis: Redis) -> dict[ShardKey, Placement]:
    """Return the placement of every shard. Whether an owner lives is for `live_nodes` to say."""
    raise NotImplementedError


def preferred_node(key: ShardKey, names: list[str]) -> str:
    """Return the name that should lead a shard: highest hash of (shard, name). `names` is not empty."""
    raise NotImplementedError
