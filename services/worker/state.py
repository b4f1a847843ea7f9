"""The state of one shard as a pure function of its log: no clock, no Redis, no files, no event loop.

`apply` changes it, one operation after the other. Two things beside the log may happen at any moment, and change no
answer: a checkpoint is frozen, and segments are succeeded by others with the same live rows (`switch`). So two kinds of
segments are kept apart:
- current   names of sealed segments by the log's word: what `Swap` and the manifest's `pending` are decided by
- mounted   the segments that reads see; a swap that is ordered but not switched yet shows here as its inputs
An operation on many points may be applied in steps: reads go on in between, and a checkpoint waits for its end.
"""

from collections.abc import Generator, Sequence
from typing import NamedTuple

from services.worker.found_points import words_passing
from services.worker.payload_changes import change_payloads
from services.worker.point_changes import delete_vectors, is_plain, update_vectors, upsert_some
from services.worker.segment_list import Begun, SegmentList
from shared.errors import LogGap
from shared.log.position import follows
from shared.schema.collections import CollectionConfig
from shared.schema.filters import Filter
from shared.schema.operations import (
    ClearPayload,
    Config,
    Delete,
    DeletePayload,
    DeleteVectors,
    Operation,
    Outcome,
    OverwritePayload,
    Resume,
    Seal,
    SetPayload,
    Swap,
    UpdateVectors,
    Upsert,
)
from shared.schema.points import PointId
from shared.segment import bits
from shared.segment.appendable import AppendableSegment
from shared.segment.checkpoint import AnySegment, FrozenSegment, freeze_segment
from shared.segment.layout import rotation_seed
from shared.segment.rows import RowBatch, row_batch
from shared.segment.sealed import SealedSegment
from shared.store.manifest import PendingSwap, SegmentEntry


class Origin(NamedTuple):
    """Where a state begins: a manifest that was mounted, or an empty shard.

    appendables   how many appendable segments there were, the present one included; 0 for a new shard
    appendable    None for a new shard
    """

    collection: str
    applied: int
    config_generation: int
    config: CollectionConfig
    sealed: Sequence[SealedSegment] = ()
    appendable: AppendableSegment | None = None
    appendables: int = 0
    pending: Sequence[PendingSwap] = ()


class Checkpoint(NamedTuple):
    """An exact cut of a shard at `position`: all that a thread needs to write it."""

    position: int
    config_generation: int
    config: CollectionConfig
    segments: list[FrozenSegment]
    appendables: int
    pending: list[PendingSwap]


MISSING_MAX = 1000
"""Most ids that an outcome names."""

Applying = Generator[None, None, list[PointId]]
"""An operation under way: pauses between steps, returns the ids that it needs and nobody has."""


class ShardState:
    """Takes operations in the order of the log, gives what to search and what to write."""

    def __init__(self, origin: Origin) -> None:
        self.applied = origin.applied
        self.revision = 0
        """Grows with changes that a checkpoint holds and the position does not tell: switched segments, columns."""
        self.pending: list[PendingSwap] = list(origin.pending)
        self.is_midway = False
        """True while an operation is applied in part: what a checkpoint must not hold."""
        begun = Begun(origin.sealed, origin.appendable, origin.appendables)
        seed = rotation_seed(origin.collection)
        self._segments = SegmentList(begun, origin.config, origin.config_generation, seed)
        for swap in self.pending:
            self._reorder(swap)

    @property
    def config(self) -> CollectionConfig:
        """The newest config of the log."""
        return self._segments.config

    @property
    def config_generation(self) -> int:
        """The newest config's generation."""
        return self._segments.generation

    @property
    def points_applied(self) -> int:
        """Points that operations named or wrote, for metrics."""
        return self._segments.points_applied

    def segments(self) -> tuple[AnySegment, ...]:
        """Return what reads see. The tuple is replaced, never changed."""
        return self._segments.mounted

    @property
    def appendable_id(self) -> str:
        """The segment that takes rows now."""
        return self._segments.appendable.segment_id

    def apply(self, position: int, operation: Operation) -> Outcome:
        """Apply one entry. A position that was applied changes nothing. Raises LogGap, and then nothing has changed."""
        steps = self.steps(position, operation)
        while True:
            try:
                next(steps)
            except StopIteration as done:
                outcome: Outcome = done.value
                return outcome

    def steps(self, position: int, operation: Operation) -> Generator[None, None, Outcome]:
        """Apply one entry in steps of about a millisecond. What it changed so far shows to reads in between.

        It counts as applied after the last step. Nothing but reads and `switch` may come in between.
        """
        if position <= self.applied:
            return Outcome(position)
        if not follows(self.applied, position, operation):
            raise LogGap(f"expected position {self.applied + 1}, got {position}")
        self.is_midway = True
        missing = yield from self._applying(position, operation)
        self.applied, self.is_midway = position, False
        return Outcome(position, missing[:MISSING_MAX])

    def _applying(self, position: int, operation: Operation) -> Applying:
        segments = self._segments
        match operation:
            case Upsert():
                self._upsert(position, operation)
            case Delete(ids, None):
                segments.delete(ids)
            case Delete(filter=Filter() as wanted):
                found = [(segment, bits.to_rows(words)) for segment, words in words_passing(segments.mounted, wanted)]
                segments.delete_rows(found)
            case UpdateVectors():
                return (yield from update_vectors(segments, operation, position))
            case DeleteVectors():
                return (yield from delete_vectors(segments, operation, position))
            case SetPayload() | OverwritePayload() | DeletePayload() | ClearPayload():
                return (yield from change_payloads(segments, operation, position))
            case Config(generation, config):
                if generation > segments.generation:
                    segments.configure(CollectionConfig.model_validate_json(config), generation)
            case Seal(appendable):
                if appendable == segments.appendable.segment_id and segments.appendable.count:
                    segments.seal()
            case Swap():
                self._order_swap(position, operation)
            case Resume():
                pass
        return []

    def apply_upserts(self, upserts: Sequence[tuple[int, Upsert]]) -> list[Outcome]:
        """Apply consecutive plain upserts and give their outcomes: what `apply` does one by one, in less time.

        Segments are sealed at the very same rows as one by one. Raises LogGap, and then nothing has changed.
        """
        segments = self._segments
        fresh = [(position, upsert) for position, upsert in upserts if position > self.applied]
        for place, (position, upsert) in enumerate(fresh):
            assert is_plain(upsert), "which points it writes depends on those before it"
            if not (follows(self.applied, position, upsert) if place == 0 else position == fresh[place - 1][0] + 1):
                raise LogGap(f"expected position {self.applied + 1 + place}, got {position}")
        waiting: list[RowBatch] = []
        room = segments.room()
        for position, upsert in fresh:
            batch = row_batch(upsert, position, segments.layout)
            waiting.append(batch)
            room = room.without(len(upsert.ids), segments.appendable.bytes_of(batch))
            if room.is_used_up:
                segments.append(waiting)
                segments.seal()
                waiting, room = [], segments.room()
        segments.append(waiting)
        if fresh:
            self.applied = fresh[-1][0]
        return [Outcome(position) for position, _ in upserts]

    def _upsert(self, position: int, upsert: Upsert) -> None:
        if is_plain(upsert):
            self._segments.append_and_seal(row_batch(upsert, position, self._segments.layout))
        else:
            upsert_some(self._segments, upsert, position)

    def _order_swap(self, position: int, swap: Swap) -> None:
        """Note a swap to be switched later, unless its inputs or its generation are not current by the log's word."""
        current = self._segments.current
        is_current = swap.generation == self.config_generation and current.issuperset(swap.inputs)
        if not (is_current and swap.inputs) or swap.output in current or len(set(swap.inputs)) < len(swap.inputs):
            return
        pending = PendingSwap(position, swap.base, list(swap.inputs), swap.output, swap.generation)
        self.pending.append(pending)
        self._reorder(pending)

    def _reorder(self, swap: PendingSwap) -> None:
        self._segments.current.difference_update(swap.inputs)
        if swap.output:
            self._segments.current.add(swap.output)

    def mounted(self, segment_ids: Sequence[str]) -> list[SealedSegment] | None:
        """Return mounted sealed segments by name; None unless all of them are."""
        return self._segments.named(segment_ids)

    def sealed(self) -> list[SealedSegment]:
        """Return the sealed segments that are mounted."""
        return list(self._segments.sealed)

    def unbuilt(self) -> list[str]:
        """Return the path of each column of a declared payload index that is not built yet."""
        return [key for segment in self._segments.sealed for key, _ in segment.columns.unbuilt()]

    def note_columns(self) -> None:
        """Note that columns were built: no answer changes, but the next checkpoint has something to write."""
        self.revision += 1

    def unsaved(self) -> list[SealedSegment]:
        """Return the sealed segments that live in memory only."""
        return self._segments.unsaved()

    def misplaced(self) -> list[SealedSegment]:
        """Return the sealed segments whose files were opened otherwise than the config wants them kept."""
        return self._segments.misplaced()

    def mount_swap(self, swap: PendingSwap, output: SealedSegment | None) -> None:
        """Switch a pending swap: its output, brought up to date, takes the place of its inputs; None drops them."""
        self.pending.remove(swap)
        self.switch(swap.inputs, output)

    def abandon_swap(self, swap: PendingSwap) -> None:
        """Undo an ordered swap whose output does not exist: its writer had lost its lease and appended late.

        The one decision that is not the log's alone. No answer changes by it, and no later swap can build on an output
        that nobody has ever mounted.
        """
        self.pending.remove(swap)
        self._segments.current.discard(swap.output)
        self._segments.current.update(swap.inputs)
        self.revision += 1

    def switch(self, inputs: Sequence[str], output: SealedSegment | None) -> None:
        """Put a segment in the place of others that have, together, the same live rows; None where that is no row."""
        self._segments.switch(inputs, output)
        self.revision += 1

    def freeze(self, durable: dict[str, SegmentEntry]) -> Checkpoint:
        """Return an exact cut of now. `durable` is what the newest manifest says of each segment. Quick: no copies."""
        assert not self.is_midway, "an operation that is applied in part would be applied again"
        frozen = [
            freeze_segment(
                segment,
                durable.get(segment.segment_id),
                position=self.applied,
                generation=self.config_generation,
            )
            for segment in self.segments()
        ]
        return Checkpoint(
            self.applied,
            self.config_generation,
            self.config,
            frozen,
            self._segments.appendables,
            list(self.pending),
        )
