"""The segments of one shard: sealed ones, and the appendable one that takes rows until it is full.

Rows go in by batches; a point that is written again dies where it was. What is full is sealed in place, at the very
same rows on every replica. Segments may be succeeded by others with the same live rows (`switch`): that changes no
answer.
"""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from shared.schema.collections import CollectionConfig
from shared.schema.points import PointId
from shared.segment.appendable import AppendableSegment
from shared.segment.bits import Rows
from shared.segment.checkpoint import AnySegment
from shared.segment.id_map import IdBatch
from shared.segment.layout import Layout, layout_of
from shared.segment.placement import placement_of, seal_bytes
from shared.segment.rows import RowBatch, joined
from shared.segment.sealed import SealedSegment


class Room(NamedTuple):
    """What fits into a segment: rows and vector bytes."""

    rows: int
    vector_bytes: int

    @property
    def is_used_up(self) -> bool:
        """True once one of them is."""
        return self.rows <= 0 or self.vector_bytes <= 0

    def without(self, rows: int, vector_bytes: int) -> "Room":
        """Return what is left after these."""
        return Room(self.rows - rows, self.vector_bytes - vector_bytes)


class Begun(NamedTuple):
    """The segments that a shard begins with.

    appendables   how many appendable segments there were, the present one included; 0 for a new shard
    appendable    None for a new shard
    """

    sealed: Sequence[SealedSegment] = ()
    appendable: AppendableSegment | None = None
    appendables: int = 0


class SegmentList:
    """Takes rows and tombstones, gives what reads see.

    seed     of the collection's code rotations
    sealed   in the order in which they came; replaced by `switch`
    current  names of sealed segments by the log's word: those of swaps that are ordered and not switched yet included
    """

    def __init__(self, begun: Begun, config: CollectionConfig, generation: int, seed: int) -> None:
        self.config = config
        self.generation = generation
        self.layout: Layout = layout_of(config)
        self.sealed: list[SealedSegment] = list(begun.sealed)
        self.current = {segment.segment_id for segment in self.sealed}
        self.points_applied = 0
        """Points that operations named or wrote, for metrics."""
        self._seed = seed
        self.appendables = begun.appendables
        self.appendable = begun.appendable or self._next_appendable()
        self.mounted: tuple[AnySegment, ...] = ()
        """What reads see. The tuple is replaced, never changed."""
        self._remount()
        self._declare(self.mounted)

    def append(self, batches: Sequence[RowBatch]) -> None:
        """Add rows; those that their points had die. Seals nothing."""
        if not batches:
            return
        batch = joined(batches, self.layout)
        self._tombstone(self.sealed, batch.ids)
        self.appendable.append(batch)
        self.points_applied += len(batch.ids)

    def append_and_seal(self, batch: RowBatch) -> None:
        """Add rows, and seal what is full then."""
        self.append([batch])
        if self.room().is_used_up:
            self.seal()

    def room(self) -> Room:
        """Return how much the appendable segment takes until it is sealed."""
        appendable, seal = self.appendable, self.config.seal
        return Room(seal.rows - appendable.count, seal_bytes(self.config) - appendable.vector_bytes)

    def delete(self, ids: Sequence[PointId]) -> None:
        """Tombstone points; unknown ids change nothing."""
        self._tombstone(self.mounted, IdBatch.from_ids(ids))
        self.points_applied += len(ids)

    def delete_rows(self, found: Iterable[tuple[AnySegment, Rows]]) -> None:
        """Tombstone live rows."""
        for segment, rows in found:
            segment.tombstone(rows)
            self.points_applied += len(rows)

    @staticmethod
    def _tombstone(segments: Iterable[AnySegment], batch: IdBatch) -> None:
        for segment in segments:
            rows = segment.rows_of(batch)
            rows = rows[rows >= 0]
            if len(rows):
                segment.tombstone(rows)

    def configure(self, config: CollectionConfig, generation: int) -> None:
        """Take a newer config. Other slots need another appendable segment: the present one is sealed as it is.

        What a slot held that is gone, or is another one of the same name now, is shown to nobody from here on.
        """
        self.config, self.generation = config, generation
        self._declare(self.mounted)
        layout = layout_of(config)
        if layout == self.layout:
            return
        for segment in self.sealed:
            segment.keep_slots(layout)
        if self.appendable.count:
            self.seal(layout)
            self.sealed[-1].keep_slots(layout)
        else:
            self.layout = layout
            self.appendable = AppendableSegment(self.appendable.segment_id, layout, self._seed)
            self._declare([self.appendable])
            self._remount()

    def seal(self, layout: Layout | None = None) -> None:
        """Make the appendable segment immutable, in place, and begin the next one."""
        sealed = self.appendable.seal(self.generation)
        self.sealed.append(sealed)
        self.current.add(sealed.segment_id)
        self.layout = self.layout if layout is None else layout
        self.appendable = self._next_appendable()
        self._declare([sealed, self.appendable])
        self._remount()

    def _declare(self, segments: Iterable[AnySegment]) -> None:
        """Let segments know the payload indexes in force: what texts mean, and which columns stay."""
        for segment in segments:
            if segment.columns.declared != self.config.payload_indexes:
                segment.declare(self.config.payload_indexes)

    def _next_appendable(self) -> AppendableSegment:
        self.appendables += 1
        return AppendableSegment(f"a{self.appendables:08d}", self.layout, self._seed)

    def named(self, segment_ids: Sequence[str]) -> list[SealedSegment] | None:
        """Return sealed segments by name; None unless all of them are there."""
        by_id = {segment.segment_id: segment for segment in self.sealed}
        found = [by_id[name] for name in segment_ids if name in by_id]
        return found if len(found) == len(segment_ids) else None

    def unsaved(self) -> list[SealedSegment]:
        """Return the sealed segments that live in memory only."""
        return [segment for segment in self.sealed if segment.header is None]

    def misplaced(self) -> list[SealedSegment]:
        """Return the sealed segments whose files were opened otherwise than the config wants them kept."""
        wanted = placement_of(self.config)
        return [segment for segment in self.sealed if segment.header is not None and not segment.is_placed(wanted)]

    def switch(self, inputs: Sequence[str], output: SealedSegment | None) -> None:
        """Put a segment in the place of others that have, together, the same live rows; None where that is no row."""
        place = next(place for place, segment in enumerate(self.sealed) if segment.segment_id in inputs)
        if output is not None:
            output.keep_slots(self.layout)
            self._declare([output])
        before, rest = self.sealed[:place], self.sealed[place:]
        kept = [segment for segment in rest if segment.segment_id not in inputs]
        self.sealed = [*before, *([output] if output is not None else []), *kept]
        self._remount()

    def _remount(self) -> None:
        self.mounted = (*self.sealed, self.appendable)
