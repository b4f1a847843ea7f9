"""Builds the columns of declared payload indexes in the background, and keeps them where their indexes want them.

A declaration is in force at once: until its columns are built, filters build what they need by themselves. Here, one
column after the other, in one thread of the worker:
- a declared column of a sealed segment that is not in memory is built; the next checkpoint writes it to a file
- a column that has a file is opened from it where its index asks for another place than where it is (cold, cached)
A column that cannot be built is left to the next look: nothing is wrong with the shard.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from time import perf_counter

import structlog

from services.worker.publisher import Publisher
from services.worker.shard import Shard
from services.worker.state import ShardState
from shared.actor.actor import Actor
from shared.segment.column_chunks import misplaced_columns, open_column
from shared.segment.columns.field_arrays import Kind
from shared.segment.columns.kept_columns import Abandoned
from shared.segment.sealed import SealedSegment
from shared.store.crash import crash_point

log = structlog.get_logger(__name__)


class ColumnBuilder(Actor[None]):
    """One shard's: works whenever it is told to look."""

    def __init__(self, shard: Shard, publisher: Publisher, directory: Path, pool: Executor) -> None:
        super().__init__(f"column builder {shard.key}", 1)
        self._shard = shard
        self._publisher = publisher
        self._directory = directory
        self._pool = pool
        self._is_busy = False

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
        try:
            for segment in state.sealed():
                await self._build(state, segment)
                await self._place(segment)
        finally:
            self._is_busy = False

    async def _build(self, state: ShardState, segment: SealedSegment) -> None:
        """Build what a segment lacks; then let it be written."""
        is_built = False
        for key, kind in segment.columns.unbuilt():
            work = partial(segment.columns.build, key, kind, lambda: not self.mailbox.is_closed)
            is_built = await self._try(segment, key, kind, work) or is_built
        if is_built and self._shard.state is state:
            state.note_columns()
            self._publisher.hasten()

    async def _place(self, segment: SealedSegment) -> None:
        """Open columns from their files where they are kept otherwise than their indexes want."""
        entry = self._publisher.durable.get(segment.segment_id)
        for ref, kind in misplaced_columns(segment, entry.columns if entry is not None else ()):
            await self._try(segment, ref.key, kind, partial(open_column, self._directory, segment, ref, kind))

    async def _try(self, segment: SealedSegment, key: str, kind: Kind, work: Callable[[], None]) -> bool:
        """Run one piece of work in the thread; False when the shard closes or it fails."""
        if self.mailbox.is_closed:
            return False
        started = perf_counter()
        where = {"shard": str(self._shard.key), "segment_id": segment.segment_id, "path": key, "kind": kind.name}
        try:
            await asyncio.get_running_loop().run_in_executor(self._pool, work)
        except Abandoned:
            return False
        except Exception as error:
            log.error("column not ready", **where, error=repr(error))
            return False
        crash_point("after_column_built")
        counters = self._shard.counters
        counters.columns_built += 1
        counters.column_seconds += perf_counter() - started
        log.debug("column ready", **where, rows=segment.count)
        return True
