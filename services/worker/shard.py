"""One hosted shard as its readers see it: a state, who waits for it, and the answer to every read.

Phases: starting → serving ⇄ (faulted: an older state serves reads while it is loaded anew) → closed. A shard with a
`reason` is red: it serves what it holds, and refuses to wait for positions.
A dormant shard has no state: its manifest describes it, and any other request opens it and waits for that.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable
from inspect import isawaitable

import msgspec

from services.worker.counters import Counters
from services.worker.dormant import summary_of
from services.worker.init_from.progress import Progress
from services.worker.memory import resident_percent
from services.worker.reads import Reader
from services.worker.state import ShardState
from services.worker.waiters import Waiters
from shared.errors import ShardUnavailable, TimedOut
from shared.log.position import ShardKey
from shared.schema.queries import (
    AppliedReply,
    AwaitApplied,
    Describe,
    DescribeReply,
    Reply,
    SegmentSummary,
    ShardRequest,
)
from shared.schema.segments import indexed_vectors
from shared.segment.checkpoint import AnySegment
from shared.segment.indexed_points import indexed_points
from shared.segment.sealed import SealedSegment
from shared.store.manifest import Manifest, SegmentEntry

OPENING_S = 1.0
"""How often a request that waits for a dormant shard asks for it again: an opening may have failed."""


class Shard:
    """Takes requests, gives replies.

    state        None until it is loaded, and while it is dormant
    dormant      the newest manifest of a shard that may serve and is not open
    target       the position that must be applied before the shard serves: the head that was read at start
    checkpoint   position of the newest manifest of ours
    log_head     the log's head when it was last looked at
    waiting_bytes  log that awaits a checkpoint
    reason       why it is red, or not served at all; empty when all is well
    column_failures  paths of payload indexes whose columns could not be built, and why: nothing else stops for them
    """

    def __init__(self, key: ShardKey, reader: Reader, waiters: Waiters) -> None:
        self.key = key
        self.waiters = waiters
        self.counters = Counters()
        self.state: ShardState | None = None
        self.target = 0
        self.checkpoint = 0
        self.log_head = 0
        self.waiting_bytes = 0
        self.reason = ""
        self.column_failures: dict[str, str] = {}
        self.quarantined: list[SegmentEntry] = []
        self.is_serving = False
        self.ready = asyncio.Event()
        """Set once it serves, is dormant, or is known not to."""
        self.dormant: Manifest | None = None
        self.on_wanted: Callable[[], None] = lambda: None
        """Called when a request needs the shard open, or a position that was not read yet."""
        self.was_read = False
        """Set by each read; for whoever closes what nobody reads."""
        self._opened = asyncio.Event()
        self.beginning: Progress | None = None
        """Set while the points that the collection begins with are taken over; there is no state until then."""
        self._reader = reader

    def answer(self, request: ShardRequest) -> Reply | Awaitable[Reply]:
        """Answer a request now, or return what will. Raises ShardUnavailable, TimedOut and the query's own errors."""
        state = self.state
        if state is None or not self.is_serving:
            if self.dormant is not None:
                return self._answer_dormant(self.dormant, request)
            if self.beginning is not None and isinstance(request.read, Describe):
                return self._describe_beginning(self.beginning)
            raise ShardUnavailable(f"shard {self.key} is not served yet: {self._progress()}")
        read = request.read
        if isinstance(read, AwaitApplied):
            if max(read.positions, default=0) <= state.applied:
                return self._outcomes(read)
            self.on_wanted()
            return self._await_applied(state, read, request.timeout_s)
        if request.min_position > state.applied:
            self.on_wanted()
            return self._read_after(request)
        if isinstance(read, Describe):
            wants_points = read.indexed_points and bool(state.config.payload_indexes)
            return self._describe_with_points(state) if wants_points else self.describe()
        self.was_read = True
        return self._reader.read(state.segments(), read, self.counters)

    def install(self, state: ShardState, quarantined: list[SegmentEntry], reason: str) -> None:
        """Take a state that was loaded."""
        self.state = state
        self.quarantined = quarantined
        self.set_reason(reason)

    def begin(self, progress: Progress) -> None:
        """Describe how far the points are that the collection begins with, until the shard serves."""
        self.beginning = progress
        self.ready.set()

    def set_reason(self, reason: str) -> None:
        """Turn red, or back with an empty reason."""
        self.reason = reason
        if reason:
            self.ready.set()
            self._wake_dormant()
        self.waiters.fail(f"shard {self.key} takes no operations: {reason}" if reason else "")

    def passed(self) -> None:
        """Tell who waits how far the state is; begin to serve once it has caught up."""
        assert self.state is not None
        self.waiters.passed(self.state.applied)
        if not self.is_serving and self.state.applied >= self.target:
            self.serve()

    def serve(self) -> None:
        """Answer reads from now on."""
        self.is_serving = True
        self.beginning = None
        self.ready.set()
        self._wake_dormant()

    def sleep(self, manifest: Manifest) -> None:
        """Be dormant: led and not open. `manifest` holds everything that the log does."""
        self._opened.clear()
        self.dormant, self.state = manifest, None
        self.quarantined, self.is_serving, self.target = [], False, 0
        self.checkpoint = self.log_head = manifest.checkpoint
        self.waiting_bytes = 0
        self.ready.set()

    def _wake_dormant(self) -> None:
        """Let go on who waits for a dormant shard to open, or learns now that it will not."""
        self.dormant = None
        self._opened.set()

    def close(self) -> None:
        """Answer nothing any more."""
        self.is_serving = False
        self.state = None
        self._wake_dormant()
        self.waiters.fail(f"shard {self.key} is no longer served here")

    def describe(self) -> DescribeReply:
        """Return counts, segments and positions."""
        state = self.state
        assert state is not None
        segments = [_summary(segment) for segment in state.segments()]
        unbuilt = state.unbuilt()
        return DescribeReply(
            applied=state.applied,
            checkpoint=self.checkpoint,
            points=sum(segment.live_count for segment in state.segments()),
            segments=[*segments, *(summary_of(entry) for entry in self.quarantined)],
            config_generation=state.config_generation,
            counters={
                **self.counters.as_dict(),
                "log_lag_entries": max(0, self.log_head - state.applied),
                "waiting_calls": len(self.waiters),
                "log_waiting_bytes": self.waiting_bytes,
                "pending_swaps": len(state.pending),
                "segments_in_memory": len(state.unsaved()),
                "resident_percent": resident_percent(),
            },
            reason=self.reason,
            unbuilt_columns=len(unbuilt),
            unbuilt_paths=sorted(set(unbuilt)),
            column_failures=self.column_failures,
        )

    async def _describe_with_points(self, state: ShardState) -> DescribeReply:
        """Describe, and count what the payload indexes have: in a thread, as a column may have to be built first."""
        segments = state.segments()
        counted = await self._reader.in_thread(lambda: [indexed_points(segment) for segment in segments], self.counters)
        return msgspec.structs.replace(self.describe(), indexed_points=_sums(counted))

    def _answer_dormant(self, manifest: Manifest, request: ShardRequest) -> Reply | Awaitable[Reply]:
        read, is_past = request.read, request.min_position <= manifest.checkpoint
        if isinstance(read, AwaitApplied) and max(read.positions, default=0) <= manifest.checkpoint:
            return self._outcomes(read)
        if isinstance(read, Describe) and is_past:
            return self._describe_dormant(manifest)
        return self._when_open(request)

    def _describe_dormant(self, manifest: Manifest) -> DescribeReply:
        return DescribeReply(
            applied=manifest.checkpoint,
            checkpoint=manifest.checkpoint,
            points=sum(entry.live for entry in manifest.segments),
            segments=[summary_of(entry) for entry in manifest.segments],
            config_generation=manifest.config_generation,
            counters=self.counters.as_dict(),
            indexed_points=_sums(entry.indexed_points for entry in manifest.segments),
        )

    def _describe_beginning(self, progress: Progress) -> DescribeReply:
        counters = {**self.counters.as_dict(), **progress.counters}
        return DescribeReply(0, 0, 0, [], progress.generation, counters, reason=self.reason, beginning=progress.text)

    async def _when_open(self, request: ShardRequest) -> Reply:
        """Answer once the shard is open. Raises TimedOut, ShardUnavailable."""
        try:
            async with asyncio.timeout(request.timeout_s):
                while self.dormant is not None:
                    self.on_wanted()
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(OPENING_S):
                            await self._opened.wait()
        except TimeoutError:
            raise TimedOut(f"shard {self.key} was not opened within {request.timeout_s:g} s") from None
        reply = self.answer(request)
        return await reply if isawaitable(reply) else reply

    async def _await_applied(self, state: ShardState, read: AwaitApplied, timeout_s: float) -> Reply:
        await self.waiters.wait(max(read.positions, default=0), state.applied, timeout_s)
        return self._outcomes(read)

    def _outcomes(self, read: AwaitApplied) -> AppliedReply:
        return AppliedReply([self.waiters.outcome(position) for position in read.positions])

    async def _read_after(self, request: ShardRequest) -> Reply:
        assert self.state is not None
        await self.waiters.wait(request.min_position, self.state.applied, request.timeout_s)
        reply = self.answer(request)
        return await reply if isawaitable(reply) else reply

    def _progress(self) -> str:
        if self.reason:
            return self.reason
        if self.beginning is not None:
            return self.beginning.text
        if self.state is None:
            return "its files are being read"
        return f"it has applied position {self.state.applied} of {self.target}"


def _sums(counted: Iterable[dict[str, int]]) -> dict[str, int]:
    """Return the sums of figures by name."""
    sums: dict[str, int] = {}
    for one in counted:
        for name, figure in one.items():
            sums[name] = sums.get(name, 0) + figure
    return sums


def _summary(segment: AnySegment) -> SegmentSummary:
    figures = segment.figures()
    built = segment.parts.built if isinstance(segment, SealedSegment) else {}
    return SegmentSummary(
        segment_id=segment.segment_id,
        state=segment.state,
        rows=figures.rows,
        live=figures.live,
        vectors=figures.vectors,
        largest_slot_bytes=figures.largest_slot_bytes,
        indexed_vectors=indexed_vectors(segment.state, figures.slots, built),
        recall=segment.parts.recall if isinstance(segment, SealedSegment) else None,
        slots=figures.slots,
        built=built,
        payload_bytes=figures.payload_bytes,
    )
