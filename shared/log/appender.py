"""Group commit: what callers append while one append is in flight goes together in the next.

One per api process; one append in flight per shard.
"""

from typing import NamedTuple

from shared.clock import Clock, SystemClock
from shared.log.position import ShardKey
from shared.log.storage import StorageGate
from shared.log.wal import Wal


class AppendLimits(NamedTuple):
    """Bounds of an appender; the fields are those of `Settings` with the prefix `append_`."""

    bytes_max: int = 16 * 2**20
    entries_max: int = 256
    queue_max: int = 4096
    wait_s: float = 10.0
    retry_s: float = 3.0


class Appender:
    """Takes operations of many callers, gives them positions."""

    def __init__(
        self, wal: Wal, limits: AppendLimits = AppendLimits(), storage: StorageGate | None = None, clock: Clock | None = None
    ) -> None:
        self._wal = wal
        self._limits = limits
        self._storage = storage
        self._clock = clock or SystemClock()

    async def append(self, key: ShardKey, entries: list[bytes], generation: int) -> list[int]:
        """Append a caller's entries, together and in order, and return their positions.

        Raises GenerationChanged, ShardClosed, ShardUnavailable, LogFull, HeadBehind, StorageFull, LogUnavailable, OutcomeUnknown.
        """
        raise NotImplementedError

    def saw(self, key: ShardKey, position: int) -> None:
        """Note a position that is known to have existed, so that a Redis that came back older is noticed."""
        raise NotImplementedError

    async def close(self) -> None:
        """Finish what is in flight, refuse what waits with LogUnavailable."""
        raise NotImplementedError
