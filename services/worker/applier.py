"""Takes batches of log entries in order, gives applied positions and outcomes.

Applies in the loop, and lets other work (searches) have its turn about every millisecond, in the middle of a long
operation too. What a filter needs and nobody has read yet is read in a thread before its operation is applied.
An entry that cannot be applied stops the applier: the state may be half changed, so the shard must be loaded anew.
"""

import asyncio
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from time import perf_counter

from services.worker.point_changes import is_plain
from services.worker.shard import Shard
from services.worker.state import ShardState
from shared.actor.actor import Actor
from shared.log.position import Entry
from shared.query.filters import cold_rows, kept_words
from shared.query.view import View
from shared.schema.filters import Filter
from shared.schema.operations import Config, Operation, Resume, Seal, Swap, UpdateVectors, Upsert, decode_operation

SLICE_S = 0.001
"""How long entries are applied before other work of the loop gets its turn."""

RUN_BYTES = 65_536
"""Upserts that follow each other are applied as one up to so many bytes of log: about a millisecond's work."""

BATCHES_MAX = 4
"""Batches that wait in the mailbox; the source reads no more of the shard while it is full."""

COLD_ROWS_MAX = 1000
"""A filter that must read more payloads than these first does so in a thread: about half a microsecond each."""

WARMED_MAX = 3
"""How often columns are warmed for one operation: segments may be switched meanwhile, and come with cold ones."""

OnApplied = Callable[[bool], None]
"""Called after each slice; True when something happened that is worth a checkpoint at once."""


_Run = list[tuple[Entry, Operation]]
"""One entry, or several upserts that follow each other."""


class Applier(Actor[list[Entry]]):
    """One shard's applier. Columns are warmed in `pool`."""

    def __init__(
        self,
        shard: Shard,
        on_applied: OnApplied,
        on_fault: Callable[[Exception], None],
        pool: Executor | None = None,
    ) -> None:
        super().__init__(f"applier {shard.key}", BATCHES_MAX)
        self._shard = shard
        self._on_applied = on_applied
        self._on_fault = on_fault
        self._pool = pool
        self._slice = _Slice(shard)
        self.is_halted = False

    def halt(self) -> None:
        """Apply nothing any more, what waits included."""
        self.is_halted = True
        self.mailbox.clear()

    async def handle(self, message: list[Entry]) -> None:
        """Apply one batch."""
        if self.is_halted:
            return
        try:
            self._slice = _Slice(self._shard)
            for run in _runs(message):
                await self._warm(run[0][1])
                for _ in self._applying(run):
                    if self._slice.is_over:
                        await self._turn()
                    if self.is_halted:
                        return
            self._end_slice()
        except Exception as error:
            self.halt()
            self._on_fault(error)

    def _applying(self, run: _Run) -> Iterator[None]:
        """Apply a run; pause between its steps and at its end."""
        shard, state = self._shard, self._state
        entry, operation = run[0]
        if len(run) > 1:
            outcomes = state.apply_upserts(
                [(one.position, upsert) for one, upsert in run if isinstance(upsert, Upsert)]
            )
        else:
            outcomes = [(yield from state.steps(entry.position, operation))]
        for outcome in outcomes:
            shard.waiters.note(outcome)
        shard.counters.operations_applied += len(run)
        shard.counters.log_bytes_applied += sum(len(one.operation) for one, _ in run)
        self._slice.is_urgent |= isinstance(operation, (Config, Seal, Swap, Resume))
        yield

    async def _warm(self, operation: Operation) -> None:
        """Read what the operation's filter needs, in a thread where that is much. Nothing is applied meanwhile."""
        wanted = _filter_of(operation)
        for _ in range(WARMED_MAX if wanted is not None else 0):
            view = View.of(self._state.segments())
            if cold_rows(view, wanted) <= COLD_ROWS_MAX or self.is_halted:
                return
            self._end_slice()
            await asyncio.get_running_loop().run_in_executor(self._pool, _evaluate, view, wanted)
            self._slice = _Slice(self._shard)

    async def _turn(self) -> None:
        """Let others go on."""
        self._end_slice()
        await asyncio.sleep(0)
        self._slice = _Slice(self._shard)

    def _end_slice(self) -> None:
        """Tell how far the state is."""
        self._slice.count()
        if not self.is_halted:
            self._shard.passed()
            self._on_applied(self._slice.is_urgent or self._slice.is_sealed)

    @property
    def _state(self) -> ShardState:
        assert self._shard.state is not None
        return self._shard.state


class _Slice:
    """What is applied between two turns of others. `is_urgent` when something is worth a checkpoint at once."""

    def __init__(self, shard: Shard) -> None:
        assert shard.state is not None
        self._shard, self._state = shard, shard.state
        self._started = perf_counter()
        self._points = shard.state.points_applied
        self._appendable = shard.state.appendable_id
        self.is_urgent = False

    @property
    def is_over(self) -> bool:
        """True when others should have their turn."""
        return perf_counter() - self._started > SLICE_S

    @property
    def is_sealed(self) -> bool:
        """True when a segment was sealed in it."""
        return self._state.appendable_id != self._appendable

    def count(self) -> None:
        """Add the slice to the counters."""
        counters = self._shard.counters
        counters.points_applied += self._state.points_applied - self._points
        counters.apply_seconds += perf_counter() - self._started


def _runs(entries: list[Entry]) -> Iterator[_Run]:
    """Return decoded entries in their order: plain upserts that follow each other in runs of about RUN_BYTES."""
    run: _Run = []
    size = 0
    for entry in entries:
        operation = decode_operation(entry.operation)
        is_upsert = isinstance(operation, Upsert) and is_plain(operation)
        if run and not (is_upsert and size + len(entry.operation) <= RUN_BYTES):
            yield run
            run, size = [], 0
        run.append((entry, operation))
        size = size + len(entry.operation) if is_upsert else RUN_BYTES
    if run:
        yield run


def _filter_of(operation: Operation) -> Filter | None:
    if isinstance(operation, Upsert | UpdateVectors):
        return operation.update_filter
    return getattr(operation, "filter", None)


def _evaluate(view: View, wanted: Filter | None) -> None:
    """Build the columns that a filter needs, by asking it."""
    for one in view:
        kept_words(one, wanted)
