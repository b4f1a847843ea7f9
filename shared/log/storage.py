"""Free space and log bytes, published by nodes through Redis, and the gate that appends pass.

Nodes publish what they see (`publish_storage`, every few seconds); a figure vanishes 30 s after its node fell silent.
"""

from typing import NamedTuple

from redis.asyncio import Redis

from shared.clock import Clock


class Storage(NamedTuple):
    """What all nodes together say: the least free space of any volume (None when nobody said), bytes of all logs."""

    free_mb: int | None
    log_bytes: int


async def publish_storage(redis: Redis, node: str, free_mb: int | None, log_bytes: int) -> None:
    """Publish a node's least free space, and the waiting bytes of the shards that it leads."""
    raise NotImplementedError


async def read_storage(redis: Redis) -> Storage:
    """Return the figures of all nodes together."""
    raise NotImplementedError


class StorageGate:
    """Refuses appends while a volume is below its reserve (StorageFull) or all logs together are too large (LogFull)."""

    def __init__(self, redis: Redis, reserve_mb: int, log_bytes_max: int, clock: Clock | None = None) -> None:
        raise NotImplementedError

    async def check(self) -> None:
        """Raise StorageFull or LogFull; reads the figures again when they are older than a second."""
        raise NotImplementedError
