"""Takes batches of log entries in order, gives applied positions and outcomes.

Applies in the loop, and lets other work (searches) have its turn about every millisecond. An entry that cannot be
applied stops the applier: the state may be half changed, so the shard must be loaded anew.
"""

import asyncio
from collections.abc import Callable, Iterator
from time import perf_counter

from services.worker.shard import Shard
from shared.actor.actor import Actor
from shared.log.position import Entry
from shared.schema.operations import Config, Resume, Seal, Swap, decode_operation

SLICE_S = 0.001
"""How long entries are applied before other work of the loop gets its turn."""

BATCHES_MAX = 4
"""Batches that wait in the mailbox; the source reads no more of the shard while it is full."""

OnApplied = Callable[[bool], None]
"""Called after each slice; True when something happened that is worth a checkpoint at once."""


class Applier(Actor[list[Entry]]):
    """One shard's applier."""

    def __init__(self, shard: Shard, on_applied: OnApplied, on_fault: Callable[[Exception], None]) -> None:
        super().__init__(f"applier {shard.key}", BATCHES_MAX)
        self._shard = shard
        self._on_applied = on_applied
        self._on_fault = on_fault
        self.is_halted = False

    async def handle(self, message: list[Entry]) -> None:
        """Apply one batch."""
        if self.is_halted:
            return
        entries = iter(message)
        try:
            while self._apply_slice(entries):  # noqa: ASYNC110  # a turn for others, not a wait
                await asyncio.sleep(0)
        except Exception as error:
            self.is_halted = True
            self.mailbox.clear()
            self._on_fault(error)

    def _apply_slice(self, entries: Iterator[Entry]) -> bool:
        """Apply entries until the slice is over; tell whether the batch may go on."""
        shard = self._shard
        state, counters, waiters = shard.state, shard.counters, shard.waiters
        assert state is not None
        started = perf_counter()
        points_before, appendable_before = state.points_applied, state.appendable_id
        is_urgent = False
        goes_on = False
        for entry in entries:
            operation = decode_operation(entry.operation)
            waiters.note(state.apply(entry.position, operation))
            counters.operations_applied += 1
            counters.log_bytes_applied += len(entry.operation)
            is_urgent = is_urgent or isinstance(operation, (Config, Seal, Swap, Resume))
            if perf_counter() - started > SLICE_S:
                goes_on = True
                break
        counters.points_applied += state.points_applied - points_before
        counters.apply_seconds += perf_counter() - started
        shard.passed()
        self._on_applied(is_urgent or state.appendable_id != appendable_before)
        return goes_on
