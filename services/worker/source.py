"""Reads the logs of all hosted shards with one XREAD, hands the entries to their appliers.

Takes nothing of a shard whose applier is behind, so memory stays bounded. When Redis is gone it tries again with a
growing pause; before it goes on it has `verify` look whether this is still the Redis, and the log, that it knew.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

import structlog

from shared.actor.actor import Actor
from shared.actor.mailbox import Mailbox
from shared.clock import Clock
from shared.errors import Unavailable, WrongCluster
from shared.log.position import Entry, ShardKey
from shared.log.wal import Wal

log = structlog.get_logger(__name__)

READ_BYTES = 2**20
"""About the most bytes of entries that one read should give: parsing them holds the loop, about 1 ms a MB."""
MEAN_BYTES = 64 * 2**10
"""Size of an entry to count with before any was seen."""
CROWDED_BLOCK_MS = 10
"""How long a read blocks while some shard is left out because its applier is behind."""
RETRY_S = (0.1, 2.0)
WRONG_CLUSTER_S = 1.0


class ReadLimits(NamedTuple):
    """Entries of a shard in one read; how long a read waits for the first."""

    entries_max: int
    block_ms: int


class _Followed:
    def __init__(self, position: int, batches: Mailbox[list[Entry]]) -> None:
        self.position = position
        self.batches = batches


class Source(Actor[None]):
    """One per worker."""

    def __init__(self, wal: Wal, limits: ReadLimits, verify: Callable[[], Awaitable[None]], clock: Clock) -> None:
        super().__init__("source", 1)
        self._wal = wal
        self._limits = limits
        self._verify = verify
        self._clock = clock
        self._followed: dict[ShardKey, _Followed] = {}
        self._mean_bytes = float(MEAN_BYTES)
        self._changed = asyncio.Event()
        self._reading: asyncio.Task[dict[ShardKey, list[Entry]]] | None = None
        self._pause_s = 0.0
        self.trouble = ""
        """Why nothing is read now; empty when all is well."""

    def follow(self, key: ShardKey, position: int, batches: Mailbox[list[Entry]]) -> None:
        """Read a shard's entries beyond a position into a mailbox, from now on."""
        self._followed[key] = _Followed(position, batches)
        self._interrupt()

    def leave(self, key: ShardKey) -> None:
        """Read a shard no more. A read that blocks goes on without it: what it finds there is dropped."""
        self._followed.pop(key, None)
        if not self._followed:
            self._interrupt()

    def position(self, key: ShardKey) -> int | None:
        """Return the position through which a followed shard was handed over; None for others."""
        followed = self._followed.get(key)
        return None if followed is None else followed.position

    def suspect(self, reason: str) -> None:
        """Verify before the next read: somebody else has seen that Redis is not what it was."""
        self.trouble = self.trouble or reason
        self._interrupt()

    async def run(self) -> None:
        """Read and hand over until the mailbox is closed."""
        while not self.mailbox.is_closed:
            try:
                if self.trouble:
                    await self._verify()
                    log.info("log is read again")
                    self.trouble, self._pause_s = "", 0.0
                await self._read_once()
            except WrongCluster as error:
                await self._rest("wrong cluster", error, WRONG_CLUSTER_S)
            except Unavailable as error:
                first, longest = RETRY_S
                self._pause_s = min(max(first, self._pause_s * 2), longest)
                await self._rest("log cannot be read", error, self._pause_s)

    async def stop(self, timeout_s: float = 10.0) -> None:
        """Read no more."""
        self.mailbox.close()
        self._interrupt()
        await super().stop(timeout_s)

    async def _rest(self, event: str, error: Exception, seconds: float) -> None:
        if not self.trouble:
            log.warning(event, error=str(error))
        self.trouble = str(error) or event
        await self._clock.sleep(seconds)

    def _interrupt(self) -> None:
        """End a blocked read, so that a changed set of shards counts at once."""
        self._changed.set()
        if self._reading is not None:
            self._reading.cancel()

    async def _read_once(self) -> None:
        self._changed.clear()
        wanted = {key: one.position for key, one in self._followed.items() if one.batches.has_room}
        if not wanted:
            await self._wait_for_work()
            return
        count = max(1, min(self._limits.entries_max, int(READ_BYTES / self._mean_bytes)))
        block_ms = self._limits.block_ms if len(wanted) == len(self._followed) else CROWDED_BLOCK_MS
        self._reading = asyncio.create_task(self._wal.read(wanted, count, block_ms))
        try:
            found = await self._reading
        except asyncio.CancelledError:
            if self._changed.is_set() and self._reading.cancelled():
                return
            raise
        finally:
            self._reading = None
        self._hand_over(wanted, found)

    async def _wait_for_work(self) -> None:
        """Wait until a shard is followed, or an applier has room."""
        if not self._followed:
            await self._changed.wait()
        else:
            await self._clock.sleep(CROWDED_BLOCK_MS / 1000)

    def _hand_over(self, asked: dict[ShardKey, int], found: dict[ShardKey, list[Entry]]) -> None:
        """Give entries to the appliers; not to those that were left, or followed from elsewhere, since it was asked."""
        total = count = 0
        for key, entries in found.items():
            followed = self._followed.get(key)
            if followed is None or followed.position != asked[key] or not entries:
                continue
            if not followed.batches.offer(entries):
                continue
            followed.position = entries[-1].position
            total += sum(len(entry.operation) for entry in entries)
            count += len(entries)
        if count:
            self._mean_bytes = max(1.0, (self._mean_bytes + total / count) / 2)
