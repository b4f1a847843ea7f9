"""One shard's appends of one process: a queue, and one call of the append script in flight.

A lane
1. takes from its queue what was validated under one generation and fits one call; a caller's entries stay together
2. appends it under the next sequence number
3. while the answer is lost, asks again with the same sequence, which appends nothing twice; gives up after `retry_s`
4. while the log is full, puts the batch back and waits longer and longer; each caller waits `wait_s` at most
"""

import asyncio
from collections import deque
from typing import NamedTuple

from shared.clock import Clock
from shared.errors import (
    GenerationChanged,
    HeadBehind,
    LogFull,
    LogUnavailable,
    OutcomeUnknown,
    ShardClosed,
    ShardUnavailable,
    StorageFull,
)
from shared.log.position import ShardKey
from shared.log.storage import StorageGate
from shared.log.wal import AppendCall, Wal

FIRST_DELAY_S = 0.005
DELAY_MAX_S = 0.25

QUEUE_CALLS_BYTES = 8
"""A lane's queue may hold as many bytes as this many of the largest calls."""


class AppendLimits(NamedTuple):
    """Bounds of an appender; the fields are those of `Settings` with the prefix `append_`."""

    bytes_max: int = 16 * 2**20
    entries_max: int = 256
    queue_max: int = 4096
    wait_s: float = 10.0
    retry_s: float = 3.0


class _Waiting(NamedTuple):
    """One caller's entries in a lane's queue."""

    entries: list[bytes]
    size: int
    generation: int
    deadline: float
    done: asyncio.Future[list[int]]


class LaneParts(NamedTuple):
    """What all lanes of an appender share."""

    wal: Wal
    limits: AppendLimits
    storage: StorageGate | None
    clock: Clock
    producer: str


class AppendCounters(NamedTuple):
    """What a lane did so far: calls of the script, callers and entries that they appended, and what they met."""

    calls: int = 0
    callers: int = 0
    entries: int = 0
    asked_again: int = 0
    met_full: int = 0


class Lane:
    """Takes the entries for one shard, gives positions. State is touched only in the event loop."""

    def __init__(self, key: ShardKey, parts: LaneParts) -> None:
        self._key = key
        self._wal, self._limits, self._storage, self._clock, self._producer = parts
        self._queue: deque[_Waiting] = deque()
        self._queued_entries = 0
        self._queued_bytes = 0
        self._sequence = 0
        self.known = 0
        self.task: asyncio.Task[None] | None = None
        self.counters = AppendCounters()

    async def enqueue(self, entries: list[bytes], generation: int) -> list[int]:
        """Join the next batch and wait for the positions."""
        limits = self._limits
        if (
            self._queued_entries + len(entries) > max(limits.queue_max, len(entries))
            or self._queued_bytes > limits.bytes_max * QUEUE_CALLS_BYTES
        ):
            raise LogFull(f"shard {self._key}: {self._queued_entries} operations wait for the log already")
        deadline = self._clock.now() + limits.wait_s
        done: asyncio.Future[list[int]] = asyncio.get_running_loop().create_future()
        size = sum(map(len, entries))
        self._queue.append(_Waiting(entries, size, generation, deadline, done))
        self._queued_entries += len(entries)
        self._queued_bytes += size
        if self.task is None:
            self.task = asyncio.create_task(self._run(), name=f"append {self._key}")
        return await done

    def refuse_queue(self, error: Exception) -> None:
        """Refuse all that waits; what is in flight goes on."""
        while self._queue:
            _fail(self._pop().done, error)

    async def _run(self) -> None:
        """Append batch after batch until the queue is empty."""
        delay = FIRST_DELAY_S
        try:
            while batch := self._take():
                try:
                    positions = await self._append(batch)
                except LogFull as error:
                    self._put_back(batch)
                    self._refuse_overdue(error)
                    self.counters = self.counters._replace(met_full=self.counters.met_full + 1)
                    if self._queue:
                        await self._clock.sleep(delay)
                        delay = min(2 * delay, DELAY_MAX_S)
                except Exception as error:
                    for waiting in batch:
                        _fail(waiting.done, error)
                    if isinstance(error, (LogUnavailable, OutcomeUnknown)):
                        self.refuse_queue(LogUnavailable(f"nothing was appended: {error}"))
                else:
                    self._settle(batch, positions)
                    delay = FIRST_DELAY_S
        finally:
            self.task = None

    def _take(self) -> list[_Waiting]:
        """Take the next batch off the queue: same generation, within one call's limits, at least one caller."""
        batch: list[_Waiting] = []
        count = size = 0
        while self._queue:
            waiting = self._queue[0]
            if waiting.done.done():  # its caller is gone, and nothing of it was sent
                self._pop()
                continue
            count += len(waiting.entries)
            size += waiting.size
            if batch and (
                waiting.generation != batch[0].generation
                or count > self._limits.entries_max
                or size > self._limits.bytes_max
            ):
                break
            batch.append(self._pop())
        return batch

    def _pop(self) -> _Waiting:
        waiting = self._queue.popleft()
        self._queued_entries -= len(waiting.entries)
        self._queued_bytes -= waiting.size
        return waiting

    def _put_back(self, batch: list[_Waiting]) -> None:
        for waiting in reversed(batch):
            self._queue.appendleft(waiting)
            self._queued_entries += len(waiting.entries)
            self._queued_bytes += waiting.size

    def _refuse_overdue(self, error: LogFull) -> None:
        """Refuse callers that have waited long enough: all wait equally long, so the overdue ones are in front."""
        now = self._clock.now()
        while self._queue and self._queue[0].deadline <= now:
            _fail(self._pop().done, LogFull(str(error), error.retry_after_s))

    def _settle(self, batch: list[_Waiting], positions: list[int]) -> None:
        self.known = max(self.known, positions[-1])
        begin = 0
        for waiting in batch:
            end = begin + len(waiting.entries)
            if not waiting.done.done():
                waiting.done.set_result(positions[begin:end])
            begin = end
        calls, callers, entries, asked_again, met_full = self.counters
        self.counters = AppendCounters(calls + 1, callers + len(batch), entries + begin, asked_again, met_full)

    async def _append(self, batch: list[_Waiting]) -> list[int]:
        """Append a batch, asking again under one sequence number while the answer is lost or Redis is away.

        Once an answer was lost, the call may still reach Redis late. So from then on only refusals that would refuse
        that call too (closed, an older generation) say that nothing was appended; any other ends as OutcomeUnknown.
        """
        self._sequence += 1
        entries = [entry for waiting in batch for entry in waiting.entries]
        call = AppendCall(entries, batch[0].generation, self.known, self._producer, self._sequence)
        give_up_at = self._clock.now() + self._limits.retry_s
        delay = FIRST_DELAY_S
        sent = False
        while True:
            try:
                if self._storage is not None and not sent:
                    await self._storage.check()
                return await self._wal.append(self._key, call)
            except (GenerationChanged, ShardClosed):
                raise
            except (LogFull, StorageFull) as error:
                if not sent:
                    raise
                failure: Exception = error
            except OutcomeUnknown as error:
                failure, sent = error, True
            except (LogUnavailable, HeadBehind, ShardUnavailable) as error:
                failure = error
            if self._clock.now() + delay > give_up_at:
                raise OutcomeUnknown(f"it may have been appended: {failure}") if sent else failure
            self.counters = self.counters._replace(asked_again=self.counters.asked_again + 1)
            await self._clock.sleep(delay)
            delay = min(2 * delay, DELAY_MAX_S)


def _fail(done: asyncio.Future[list[int]], error: Exception) -> None:
    if not done.done():
        done.set_exception(error)
