"""The state of one shard as a pure function of its log: no clock, no Redis, no files, no event loop.

`apply` changes it, one operation after the other. Two things beside the log may happen at any moment, and change no
answer: a checkpoint is frozen, and segments are succeeded by others with the same live rows (`switch`). So two kinds of
segments are kept apart:
- current   names of sealed segments by the log's word: what `Swap` and the manifest's `pending` are decided by
- mounted   the segments that reads see; a swap that is ordered but not switched yet shows here as its inputs
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from services.worker.payloads import merged_payload
from shared.errors import LogGap
from shared.log.position import follows
from shared.schema.collections import CollectionConfig
from shared.schema.operations import Config, Delete, Operation, Outcome, Resume, Seal, SetPayload, Swap, Upsert
from shared.schema.points import PointId
from shared.segment.appendable import AppendableSegment
from shared.segment.checkpoint import AnySegment, FrozenSegment, freeze_segment
from shared.segment.id_map import IdBatch
from shared.segment.layout import Layout, layout_of, rotation_seed
from shared.segment.placement import placement_of, seal_bytes
from shared.segment.rows import RowBatch, joined, row_batch
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


class _Room(NamedTuple):
    """What fits into a segment: rows and vector bytes."""

    rows: int
    vector_bytes: int

    @property
    def is_used_up(self) -> bool:
        """True once one of them is."""
        return self.rows <= 0 or self.vector_bytes <= 0

    def without(self, rows: int, vector_bytes: int) -> "_Room":
        """Return what is left after these."""
        return _Room(self.rows - rows, self.vector_bytes - vector_bytes)


class ShardState:
    """Takes operations in the order of the log, gives what to search and what to write."""

    def __init__(self, origin: Origin) -> None:
        self.applied = origin.applied
        self.config_generation = origin.config_generation
        self.config = origin.config
        self.revision = 0
        """Grows with changes that a checkpoint holds and the position does not tell: switched segments."""
        self.pending: list[PendingSwap] = list(origin.pending)
        self.points_applied = 0
        self._seed = rotation_seed(origin.collection)
        self._layout: Layout = layout_of(origin.config)
        self._sealed: list[SealedSegment] = list(origin.sealed)
        self._current = {segment.segment_id for segment in origin.sealed}
        for swap in self.pending:
            self._reorder(swap)
        self._appendables = origin.appendables
        self._appendable = origin.appendable or self._next_appendable()
        self._mounted: tuple[AnySegment, ...] = ()
        self._remount()

    def segments(self) -> tuple[AnySegment, ...]:
        """Return what reads see. The tuple is replaced, never changed."""
        return self._mounted

    @property
    def appendable_id(self) -> str:
        """The segment that takes rows now."""
        return self._appendable.segment_id

    def apply(self, position: int, operation: Operation) -> Outcome:
        """Apply one entry. A position that was applied changes nothing. Raises LogGap, and then nothing has changed."""
        if position <= self.applied:
            return Outcome(position)
        if not follows(self.applied, position, operation):
            raise LogGap(f"expected position {self.applied + 1}, got {position}")
        missing: list[PointId] = []
        match operation:
            case Upsert():
                self._upsert(position, operation)
            case Delete(ids):
                self._tombstone(self._mounted, IdBatch.from_ids(ids))
                self.points_applied += len(ids)
            case SetPayload(ids, payload):
                missing = self._set_payload(position, ids, payload)
                self.points_applied += len(ids)
            case Config(generation, config):
                self._configure(generation, config)
            case Seal(appendable):
                if appendable == self._appendable.segment_id and self._appendable.count:
                    self._seal()
            case Swap():
                self._order_swap(position, operation)
            case Resume():
                pass
        self.applied = position
        return Outcome(position, missing)

    def apply_upserts(self, upserts: Sequence[tuple[int, Upsert]]) -> list[Outcome]:
        """Apply consecutive upserts and give their outcomes: what `apply` does one by one, in a fraction of its time.

        Segments are sealed at the very same rows as one by one. Raises LogGap, and then nothing has changed.
        """
        fresh = [(position, upsert) for position, upsert in upserts if position > self.applied]
        for place, (position, upsert) in enumerate(fresh):
            if not (follows(self.applied, position, upsert) if place == 0 else position == fresh[place - 1][0] + 1):
                raise LogGap(f"expected position {self.applied + 1 + place}, got {position}")
        waiting: list[RowBatch] = []
        room = self._room()
        for position, upsert in fresh:
            batch = row_batch(upsert, position, self._layout)
            waiting.append(batch)
            room = room.without(len(upsert.ids), self._appendable.bytes_of(batch))
            if room.is_used_up:
                self._append(waiting)
                self._seal()
                waiting, room = [], self._room()
        self._append(waiting)
        if fresh:
            self.applied = fresh[-1][0]
        return [Outcome(position) for position, _ in upserts]

    def _upsert(self, position: int, upsert: Upsert) -> None:
        self._append([row_batch(upsert, position, self._layout)])
        if self._room().is_used_up:
            self._seal()

    def _append(self, batches: Sequence[RowBatch]) -> None:
        if not batches:
            return
        batch = joined(batches, self._layout)
        self._tombstone(self._sealed, batch.ids)
        self._appendable.append(batch)
        self.points_applied += len(batch.ids)

    def _room(self) -> "_Room":
        """Return how much the appendable segment takes until it is sealed."""
        appendable, seal = self._appendable, self.config.seal
        return _Room(seal.rows - appendable.count, seal_bytes(self.config) - appendable.vector_bytes)

    @staticmethod
    def _tombstone(segments: Iterable[AnySegment], batch: IdBatch) -> None:
        for segment in segments:
            rows = segment.rows_of(batch)
            rows = rows[rows >= 0]
            if len(rows):
                segment.tombstone(rows)

    def _set_payload(self, position: int, ids: list[PointId], changes: bytes) -> list[PointId]:
        """Merge into each point's payload and return the ids that do not exist."""
        batch = IdBatch.from_ids(ids)
        is_known = np.zeros(len(ids), dtype=np.bool_)
        for segment in self._mounted:
            found = segment.rows_of(batch)
            is_known |= found >= 0
            rows = found[found >= 0].tolist()
            if rows:
                segment.set_payload(rows, [merged_payload(segment.payload(row), changes) for row in rows], position)
        return [ids[place] for place in np.flatnonzero(~is_known).tolist()]

    def _configure(self, generation: int, config: bytes) -> None:
        """Take a newer config. Other slots need another appendable segment: the present one is sealed as it is.

        What a slot held that is gone, or is another one of the same name now, is shown to nobody from here on.
        """
        if generation <= self.config_generation:
            return
        self.config = CollectionConfig.model_validate_json(config)
        self.config_generation = generation
        layout = layout_of(self.config)
        if layout == self._layout:
            return
        for segment in self._sealed:
            segment.keep_slots(layout)
        if self._appendable.count:
            self._seal(layout)
            self._sealed[-1].keep_slots(layout)
        else:
            self._layout = layout
            self._appendable = AppendableSegment(self._appendable.segment_id, layout, self._seed)
            self._remount()

    def _seal(self, layout: Layout | None = None) -> None:
        """Make the appendable segment immutable, in place, and begin the next one."""
        sealed = self._appendable.seal(self.config_generation)
        self._sealed.append(sealed)
        self._current.add(sealed.segment_id)
        self._layout = self._layout if layout is None else layout
        self._appendable = self._next_appendable()
        self._remount()

    def _next_appendable(self) -> AppendableSegment:
        self._appendables += 1
        return AppendableSegment(f"a{self._appendables:08d}", self._layout, self._seed)

    def _order_swap(self, position: int, swap: Swap) -> None:
        """Note a swap to be switched later, unless its inputs or its generation are not current by the log's word."""
        is_current = swap.generation == self.config_generation and self._current.issuperset(swap.inputs)
        if not (is_current and swap.inputs) or swap.output in self._current or len(set(swap.inputs)) < len(swap.inputs):
            return
        pending = PendingSwap(position, swap.base, list(swap.inputs), swap.output, swap.generation)
        self.pending.append(pending)
        self._reorder(pending)

    def _reorder(self, swap: PendingSwap) -> None:
        self._current.difference_update(swap.inputs)
        if swap.output:
            self._current.add(swap.output)

    def mounted(self, segment_ids: Sequence[str]) -> list[SealedSegment] | None:
        """Return mounted sealed segments by name; None unless all of them are."""
        by_id = {segment.segment_id: segment for segment in self._sealed}
        found = [by_id[name] for name in segment_ids if name in by_id]
        return found if len(found) == len(segment_ids) else None

    def unsaved(self) -> list[SealedSegment]:
        """Return the sealed segments that live in memory only."""
        return [segment for segment in self._sealed if segment.header is None]

    def misplaced(self) -> list[SealedSegment]:
        """Return the sealed segments whose files were opened otherwise than the config wants them kept."""
        wanted = placement_of(self.config)
        return [segment for segment in self._sealed if segment.header is not None and not segment.is_placed(wanted)]

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
        self._current.discard(swap.output)
        self._current.update(swap.inputs)
        self.revision += 1

    def switch(self, inputs: Sequence[str], output: SealedSegment | None) -> None:
        """Put a segment in the place of others that have, together, the same live rows; None where that is no row."""
        place = next(place for place, segment in enumerate(self._sealed) if segment.segment_id in inputs)
        if output is not None:
            output.keep_slots(self._layout)
        before, rest = self._sealed[:place], self._sealed[place:]
        kept = [segment for segment in rest if segment.segment_id not in inputs]
        self._sealed = [*before, *([output] if output is not None else []), *kept]
        self.revision += 1
        self._remount()

    def _remount(self) -> None:
        self._mounted = (*self._sealed, self._appendable)

    def freeze(self, durable: dict[str, SegmentEntry]) -> Checkpoint:
        """Return an exact cut of now. `durable` is what the newest manifest says of each segment. Quick: no copies."""
        frozen = [
            freeze_segment(
                segment,
                durable.get(segment.segment_id),
                position=self.applied,
                generation=self.config_generation,
            )
            for segment in self._mounted
        ]
        return Checkpoint(
            self.applied, self.config_generation, self.config, frozen, self._appendables, list(self.pending)
        )
