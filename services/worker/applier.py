"""Takes batches of log entries in order, gives applied positions and outcomes.

Applies in the loop, and lets other work (searches) have its turn about every millisecond. An entry that cannot be
applied stops the applier: the state may be half changed, so the shard must be loaded anew.
"""

import asyncio
from collections.abc import Callable, Iterator
from time import perf_counter

from services.worker.shard import Shard
from services.worker.state import ShardState
from shared.actor.actor import Actor
from shared.log.position import Entry
from shared.schema.operations import Config, Operation, Outcome, Resume, Seal, Swap, Upsert, decode_operation

SLICE_S = 0.001
"""How long entries are applied before other work of the loop gets its turn."""

RUN_BYTES = 65_536
"""Upserts that follow each other are applied as one up to so many bytes of log: about a millisecond's work."""

BATCHES_MAX = 4
"""Batches that wait in the mailbox; the source reads no more of the shard while it is full."""

OnApplied = Callable[[bool], None]
"""Called after each slice; True when something happened that is worth a checkpoint at once."""


_Run = list[tuple[Entry, Operation]]
"""One entry, or several upserts that follow each other."""


class Applier(Actor[list[Entry]]):
    """One shard's applier."""

    def __init__(self, shard: Shard, on_applied: OnApplied, on_fault: Callable[[Exception], None]) -> None:
        super().__init__(f"applier {shard.key}", BATCHES_MAX)
        self._shard = shard
        self._on_applied = on_applied
        self._on_fault = on_fault
        self.is_halted = False

    def halt(self) -> None:
        """Apply nothing any more, what waits included."""
        self.is_halted = True
        self.mailbox.clear()

    async def handle(self, message: list[Entry]) -> None:
        """Apply one batch."""
        if self.is_halted:
            return
        runs = _runs(message)
        try:
            while not self.is_halted and self._apply_slice(runs):  # noqa: ASYNC110
                await asyncio.sleep(0)  # a turn for others, not a wait
        except Exception as error:
            self.halt()
            self._on_fault(error)

    def _apply_slice(self, runs: Iterator[_Run]) -> bool:
        """Apply runs until the slice is over; tell whether the batch may go on."""
        shard = self._shard
        state, counters, waiters = shard.state, shard.counters, shard.waiters
        assert state is not None
        started = perf_counter()
        points_before, appendable_before = state.points_applied, state.appendable_id
        is_urgent = False
        goes_on = False
        for run in runs:
            for outcome in _applied(state, run):
                waiters.note(outcome)
            counters.operations_applied += len(run)
            counters.log_bytes_applied += sum(len(entry.operation) for entry, _ in run)
            is_urgent = is_urgent or isinstance(run[0][1], (Config, Seal, Swap, Resume))
            if perf_counter() - started > SLICE_S:
                goes_on = True
                break
        counters.points_applied += state.points_applied - points_before
        counters.apply_seconds += perf_counter() - started
        shard.passed()
        self._on_applied(is_urgent or state.appendable_id != appendable_before)
        return goes_on


def _runs(entries: list[Entry]) -> Iterator[_Run]:
    """Return decoded entries in their order: upserts that follow each other in runs of about RUN_BYTES."""
    run: _Run = []
    size = 0
    for entry in entries:
        operation = decode_operation(entry.operation)
        is_upsert = isinstance(operation, Upsert)
        if run and not (is_upsert and size + len(entry.operation) <= RUN_BYTES):
            yield run
            run, size = [], 0
        run.append((entry, operation))
        size = size + len(entry.operation) if is_upsert else RUN_BYTES
    if run:
        yield run


def _applied(state: ShardState, run: _Run) -> list[Outcome]:
    upserts = [(entry.position, operation) for entry, operation in run if isinstance(operation, Upsert)]
    if len(upserts) > 1:
        return state.apply_upserts(upserts)
    return [state.apply(entry.position, operation) for entry, operation in run]
