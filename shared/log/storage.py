"""Free space and log bytes, published by nodes through Redis, and the gate that appends pass.

Each node publishes what it sees every few seconds (`publish_storage`): the launcher the volume of the private Redis,
workers their data volume and the waiting bytes of the shards they lead. A figure vanishes 30 s after its node fell
silent. The gate reads at most once a second, so both limits are soft: what is appended meanwhile overruns them.
"""

import contextlib
from pathlib import Path
from typing import NamedTuple

from redis.asyncio import Redis

from shared.clock import Clock, SystemClock
from shared.errors import LogFull, LogUnavailable, StorageFull
from shared.log.exchange import Script

STORAGE_KEY = "{shoal}:storage"
PUBLISHED_MS = 30_000
FRESH_S = 1.0

_SCRIPTS = Path(__file__).parent / "scripts"
_publish = Script(_SCRIPTS / "publish_storage.lua")
_read = Script(_SCRIPTS / "read_storage.lua")


class Storage(NamedTuple):
    """What all nodes together say: the least free space of any volume (None when nobody said), bytes of all logs."""

    free_mb: int | None = None
    log_bytes: int = 0


async def publish_storage(redis: Redis, node: str, free_mb: int | None, log_bytes: int) -> None:
    """Publish a node's least free space, and the waiting bytes of the shards that it leads."""
    figures = f"{'' if free_mb is None else free_mb}:{log_bytes}"
    await _publish.call(redis, [STORAGE_KEY], [node, figures, PUBLISHED_MS], lost=LogUnavailable)


async def read_storage(redis: Redis) -> Storage:
    """Return the figures of all nodes together. Raises LogUnavailable."""
    figures = await _read.call(redis, [STORAGE_KEY], [], lost=LogUnavailable)
    pairs = [figure.decode().split(":") for figure in figures]
    free_mb = min((int(free) for free, _ in pairs if free), default=None)
    return Storage(free_mb, sum(int(log_bytes) for _, log_bytes in pairs))


class StorageGate:
    """Refuses appends while a volume is below its reserve (StorageFull) or all logs are too large (LogFull)."""

    def __init__(self, redis: Redis, reserve_mb: int, log_bytes_max: int, clock: Clock | None = None) -> None:
        self._redis = redis
        self._reserve_mb = reserve_mb
        self._log_bytes_max = log_bytes_max
        self._clock = clock or SystemClock()
        self._storage = Storage()
        self._read_at = float("-inf")

    async def check(self) -> None:
        """Raise StorageFull or LogFull; reads the figures again when they are older than a second.

        Figures that cannot be read leave the last ones in force: the append itself will say that Redis is away.
        """
        now = self._clock.now()
        if now - self._read_at >= FRESH_S:
            self._read_at = now
            with contextlib.suppress(LogUnavailable, StorageFull):
                self._storage = await read_storage(self._redis)
        free_mb, log_bytes = self._storage
        if free_mb is not None and free_mb < self._reserve_mb:
            raise StorageFull(f"{free_mb} MB are free, the reserve is {self._reserve_mb} MB: free space or add some")
        if log_bytes >= self._log_bytes_max:
            raise LogFull(f"{log_bytes} bytes of all logs await checkpoints, the limit is {self._log_bytes_max}")
