"""Builds the columns of declared payload indexes in the background, and keeps them where their indexes want them.

A declaration is in force at once: until its columns are built, filters build what they need by themselves. Here, one
column after the other, in one thread of the worker:
- a declared column of a sealed segment that is not in memory is built; the next checkpoint writes it to a file
- a column that has a file is opened from it where its index asks for another place than where it is (cold, cached)
A column that cannot be made ready is tried again after a while, and said of the shard meanwhile: the collection is red
with the reason. The shard goes on, and so do the other columns.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

import structlog

from services.worker.column_failures import ColumnFailures, Subject
from services.worker.publisher import Publisher
from services.worker.shard import Shard
from services.worker.state import ShardState
from shared.actor.actor import Actor
from shared.clock import Clock
from shared.segment.column_chunks import misplaced_columns, open_column
from shared.segment.columns.kept_columns import Abandoned
from shared.segment.sealed import SealedSegment
from shared.store.crash import crash_point

log = structlog.get_logger(__name__)


class ColumnBuilder(Actor[None]):
    """One shard's: works whenever it is told to look."""

    def __init__(self, shard: Shard, publisher: Publisher, directory: Path, pool: Executor, clock: Clock) -> None:
        super().__init__(f"column builder {shard.key}", 1)
        self._shard = shard
        self._publisher = publisher
        self._directory = directory
        self._pool = pool
        self._clock = clock
        self._is_busy = False
        self._failures = ColumnFailures()
        self._again: asyncio.TimerHandle | None = None

    def look(self) -> None:
        """There may be something to do."""
        self.mailbox.offer(None)

    @property
    def is_settled(self) -> bool:
        """True when every declared column is built."""
        state = self._shard.state
        return not self._is_busy and (state is None or not state.unbuilt())

    async def handle(self, message: None) -> None:
        """Do all that can be done now, segment by segment."""
        state = self._shard.state
        if state is None or self._shard.reason:
            return
        self._is_busy = True
        wanted: set[Subject] = set()
        try:
            for segment in state.sealed():
                wanted |= await self._build(state, segment)
                wanted |= await self._place(segment)
        finally:
            self._is_busy = False
        self._failures.keep(wanted)
        self._shard.column_failures = self._failures.reasons
        self._look_again()

    async def stop(self, timeout_s: float = 10.0) -> None:
        """End; what could not be built is no longer said."""
        await super().stop(timeout_s)
        if self._again is not None:
            self._again.cancel()
        self._shard.column_failures = {}

    def _look_again(self) -> None:
        """Look again when the wait of a column that failed is over."""
        if self._again is not None:
            self._again.cancel()
            self._again = None
        next_at = self._failures.next_at
        if next_at is not None:
            wait_s = max(0.0, next_at - self._clock.now())
            self._again = asyncio.get_running_loop().call_later(wait_s, self.look)

    async def _build(self, state: ShardState, segment: SealedSegment) -> set[Subject]:
        """Build what a segment lacks; then let it be written. Returns what it lacked."""
        wanted, is_built = set(), False
        for key, kind in segment.columns.unbuilt():
            subject = Subject(segment.segment_id, key, kind.name)
            wanted.add(subject)
            work = partial(segment.columns.build, key, kind, lambda: not self.mailbox.is_closed)
            is_built = await self._try(segment, subject, work) or is_built
        if is_built and self._shard.state is state:
            state.note_columns()
            self._publisher.hasten()
        return wanted

    async def _place(self, segment: SealedSegment) -> set[Subject]:
        """Open columns from their files where they are kept otherwise than their indexes want; return those."""
        wanted = set()
        entry = self._publisher.durable.get(segment.segment_id)
        for ref, kind in misplaced_columns(segment, entry.columns if entry is not None else ()):
            subject = Subject(segment.segment_id, ref.key, kind.name)
            wanted.add(subject)
            await self._try(segment, subject, partial(open_column, self._directory, segment, ref, kind))
        return wanted

    async def _try(self, segment: SealedSegment, subject: Subject, work: Callable[[], None]) -> bool:
        """Run one piece of work in the thread; False when the shard closes, when it fails, or failed a moment ago."""
        started = self._clock.now()
        if self.mailbox.is_closed or not self._failures.may_try(subject, started):
            return False
        where = {"shard": str(self._shard.key), **subject._asdict()}
        counters = self._shard.counters
        try:
            await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except Abandoned:
            return False
        except Exception as error:
            log.error("column not ready", **where, error=repr(error))
            counters.column_failures += 1
            self._failures.failed(subject, repr(error), self._clock.now())
            self._shard.column_failures = self._failures.reasons
            return False
        crash_point("after_column_built")
        self._failures.succeeded(subject)
        self._shard.column_failures = self._failures.reasons
        counters.columns_built += 1
        counters.column_seconds += self._clock.now() - started
        log.debug("column ready", **where, rows=segment.count)
        return True
