"""Group commit: what callers append while one append is in flight goes together in the next.

One `Appender` per api process, one lane (lane.py) per shard, one append in flight per lane.
"""

import asyncio
import uuid

from shared.clock import Clock, SystemClock
from shared.errors import LogUnavailable
from shared.log.lane import AppendCounters, AppendLimits, Lane, LaneParts
from shared.log.position import ShardKey
from shared.log.storage import StorageGate
from shared.log.wal import Wal

__all__ = ["AppendCounters", "AppendLimits", "Appender"]


class Appender:
    """Takes operations of many callers, gives them positions."""

    def __init__(
        self,
        wal: Wal,
        limits: AppendLimits | None = None,
        storage: StorageGate | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._parts = LaneParts(
            wal, limits or AppendLimits(), storage, clock or SystemClock(), producer=uuid.uuid4().hex
        )
        self._lanes: dict[ShardKey, Lane] = {}
        self._closed = False

    async def append(self, key: ShardKey, entries: list[bytes], generation: int) -> list[int]:
        """Append a caller's entries, together and in order, and return their positions.

        Raises GenerationChanged and ShardClosed (nothing appended: look at the catalog again), LogFull, StorageFull,
        ShardUnavailable, HeadBehind, LogUnavailable (nothing appended: try later), OutcomeUnknown (it may have been).
        """
        if not entries:
            return []
        if self._closed:
            raise LogUnavailable("this process is stopping")
        return await self._lane(key).enqueue(entries, generation)

    def saw(self, key: ShardKey, position: int) -> None:
        """Note a position that has surely existed, so that a Redis that came back older is noticed.

        Only from Shoal's own processes, never from what a client sent: a position that never was stops the shard.
        """
        lane = self._lane(key)
        lane.known = max(lane.known, position)

    def counters(self, key: ShardKey) -> AppendCounters:
        """Return what was done for a shard so far."""
        return self._lane(key).counters

    async def close(self) -> None:
        """Finish what is in flight, refuse what waits with LogUnavailable."""
        self._closed = True
        for lane in self._lanes.values():
            lane.refuse_queue(LogUnavailable("this process is stopping"))
        tasks = [lane.task for lane in self._lanes.values() if lane.task is not None]
        await asyncio.gather(*tasks, return_exceptions=True)

    def _lane(self, key: ShardKey) -> Lane:
        lane = self._lanes.get(key)
        if lane is None:
            lane = self._lanes[key] = Lane(key, self._parts)
        return lane
