"""Lets segments succeed others that have, together, the same live rows. No answer changes; the loop hardly notices.

Two kinds:
- a pending swap: the optimizer's output takes the place of its inputs; without an output, inputs without rows go
- a sealed segment that a checkpoint has written: its mapped twin takes the place of the one in memory; likewise one
  opened otherwise than a new config wants its files kept
For both: open and verify the output in a thread, map its rows to the inputs' there, then, on the loop, carry over what
changed meanwhile and switch.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path

import structlog

from services.worker.publisher import Publisher
from services.worker.shard import Shard
from services.worker.state import ShardState
from shared.actor.actor import Actor
from shared.errors import Corrupt
from shared.segment.column_chunks import share_columns
from shared.segment.layout import layout_of
from shared.segment.placement import placement_of
from shared.segment.sealed import SealedSegment
from shared.segment.swap import Succession
from shared.store.collect import SEGMENTS
from shared.store.manifest import ChunkRef, PendingSwap

log = structlog.get_logger(__name__)


class Successor(Actor[None]):
    """One shard's successor: works whenever it is told to look, one succession after the other."""

    def __init__(self, shard: Shard, publisher: Publisher, directory: Path, disk: Executor) -> None:
        super().__init__(f"successor {shard.key}", 1)
        self._shard = shard
        self._publisher = publisher
        self._directory = directory
        self._disk = disk
        self.on_switched: Callable[[], None] = lambda: None
        """Called after each switch."""

    def look(self) -> None:
        """There may be something to do."""
        self.mailbox.offer(None)

    async def handle(self, message: None) -> None:
        """Do all that can be done now."""
        while not self.mailbox.is_closed and await self._step():
            self.on_switched()

    async def _step(self) -> bool:
        """Do one succession; tell whether to look again."""
        state = self._shard.state
        if state is None or self._shard.reason:
            return False
        for swap in state.pending:
            inputs = state.mounted(swap.inputs)
            if inputs is not None:
                await self._swap(state, swap, inputs)
                return True
        for segment in state.unsaved():
            entry = self._publisher.durable.get(segment.segment_id)
            if entry is not None and entry.header is not None:
                return await self._replace_by_twin(state, segment, entry.header)
        for segment in state.misplaced():
            assert segment.header is not None
            return await self._replace_by_twin(state, segment, segment.header)
        return False

    async def _swap(self, state: ShardState, swap: PendingSwap, inputs: list[SealedSegment]) -> None:
        try:
            if swap.output:
                succession = await self._prepared(state, inputs, self._directory / SEGMENTS / swap.output, None)
            elif any(segment.live_count for segment in inputs):
                raise Corrupt(f"rows live in segments {swap.inputs} that a swap would drop")
        except (Corrupt, OSError) as error:
            log.error("swap abandoned", shard=str(self._shard.key), output=swap.output, error=str(error))
            state.abandon_swap(swap)
            self._shard.counters.swaps_abandoned += 1
            self._publisher.hasten()
            return
        if self._shard.state is not state:
            return
        if swap.output:
            succession.finish(swap.base)
        state.mount_swap(swap, succession.output if swap.output else None)
        self._shard.counters.swaps += 1
        self._publisher.retired.update(swap.inputs)
        self._publisher.hasten()
        log.info("segments swapped", shard=str(self._shard.key), inputs=swap.inputs, output=swap.output)

    async def _replace_by_twin(self, state: ShardState, segment: SealedSegment, header: ChunkRef) -> bool:
        directory = (self._directory / header.name).parent
        try:
            succession = await self._prepared(state, [segment], directory, header)
        except (Corrupt, OSError) as error:
            log.error("segment stays as it is", segment_id=segment.segment_id, error=str(error))
            return False
        if self._shard.state is state:
            succession.finish(0)
            state.switch([segment.segment_id], succession.output)
        return True

    async def _prepared(
        self, state: ShardState, inputs: list[SealedSegment], directory: Path, header: ChunkRef | None
    ) -> Succession:
        """Open an output, map its rows and build its columns, in a thread: filters must not find it cold.

        header   of the very segment that is the only input: then its columns are the output's, too
        """
        loop = asyncio.get_running_loop()
        layout, placement = layout_of(state.config), placement_of(state.config)
        opened = await loop.run_in_executor(self._disk, SealedSegment.open, directory, header, layout, placement)
        opened.declare(state.config.payload_indexes)
        if header is not None:
            share_columns(inputs[0], opened)
        succession = Succession(inputs, opened)
        await loop.run_in_executor(self._disk, succession.prepare)
        await loop.run_in_executor(self._disk, _warm, succession)
        return succession


def _warm(succession: Succession) -> None:
    """Build the columns in use and those declared; one that fails does not keep the output from its place.

    The column builder tells of a declared one and tries again; others are built by the first filter that needs them.
    """
    columns = succession.output.columns
    declared = [partial(columns.build, key, kind) for key, kind in columns.unbuilt()]
    steps: list[Callable[[], None]] = [succession.warm, *declared]
    for step in steps:
        try:
            step()
        except Exception as error:
            log.warning("column left for later", segment_id=succession.output.segment_id, error=repr(error))
