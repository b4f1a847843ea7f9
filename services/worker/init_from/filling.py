"""Fills a new collection's shard with what its source held at the cut, and publishes its first manifest.

Two ways, with the same points as their result:
- share  where layout and number of shards are the source's: sealed segments, graph and codes included, are linked;
         tombstones, payload changes and the appendable's rows are written anew. Costs nothing that grows with them.
- carry  else: live rows are read in order, kept where they hash to this shard, and sealed one segment after the other.
The first manifest's checkpoint is the highest position of the cut, so that every version that came along is below
whatever the new log will give. Until it is published nothing counts; done twice, it gives the same.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

import numpy as np

from services.worker.init_from.carry import CannotTake, carried
from services.worker.init_from.cut_files import Cut, link_segment
from services.worker.init_from.source_state import source_record, state_at_cut
from services.worker.persist import Identity, write_checkpoint
from services.worker.state import Checkpoint, ShardState
from shared.schema.collections import CollectionConfig, CollectionRecord
from shared.schema.points import shard_of
from shared.segment import bits
from shared.segment.appendable import AppendableSegment
from shared.segment.base import Segment
from shared.segment.bits import Rows
from shared.segment.checkpoint import FrozenSegment, freeze_segment, write_frozen
from shared.segment.layout import layout_of, rotation_seed
from shared.segment.placement import seal_bytes
from shared.store.atomic import crash_point
from shared.store.manifest import SegmentEntry

PIECE_ROWS = 2048
"""Rows carried at once: their payloads and vectors are in memory twice."""


class Filling(NamedTuple):
    """What to fill.

    init       the directory of the cut
    directory  of the shard that is filled;  record  its collection's
    identity   who publishes
    """

    init: Path
    cut: Cut
    directory: Path
    record: CollectionRecord
    identity: Identity

    @property
    def base(self) -> int:
        """The checkpoint of the first manifest."""
        return max(self.cut.positions)


class Done(NamedTuple):
    """How far it is: points of the source that were looked at, of how many. The total is a guess at first."""

    points: int
    total: int


def fill(filling: Filling) -> Iterator[Done]:
    """Fill the shard in steps; each `next` blocks, so for a thread. Raises Corrupt, StaleFence, OSError."""
    if can_share(source_record(filling.cut).config, filling.record.config):
        state = state_at_cut(filling.init, filling.cut, filling.identity.shard)
        if can_share(state.config, filling.record.config):
            yield from _share(filling, state)
            return
        del state
    yield from _carry(filling)


def can_share(source: CollectionConfig, target: CollectionConfig) -> bool:
    """Return whether the target's shards can hold the source's segments as they are."""
    layout = layout_of(target)
    return source.shard_number == target.shard_number and all(
        name in layout and layout[name].has_rows_of(slot) for name, slot in layout_of(source).items()
    )


def _share(filling: Filling, state: ShardState) -> Iterator[Done]:
    checkpoint = state.freeze({})
    points = sum(segment.live_count for segment in state.segments())
    yield Done(0, points)
    for frozen in checkpoint.segments:
        header = frozen.entry.header
        if header is not None:
            name = header.name.rpartition("/")[0]
            link_segment(filling.init / str(filling.identity.shard) / name, filling.directory / name)
            crash_point("after_segment_link")
    _publish(filling, checkpoint.segments, checkpoint.appendables)
    yield Done(points, points)


def _carry(filling: Filling) -> Iterator[Done]:
    carrier = _Carrier(filling)
    done, total = 0, 0
    shards = len(filling.cut.shards)
    for shard in range(shards):
        state = state_at_cut(filling.init, filling.cut, shard)
        _check_slots(state.config, filling.record.config)
        held = sum(segment.live_count for segment in state.segments())
        total = done + held * (shards - shard)
        for segment in state.segments():
            live = bits.to_rows(segment.live_words)
            for first in range(0, len(live), PIECE_ROWS):
                piece = live[first : first + PIECE_ROWS]
                carrier.add(segment, piece)
                done += len(piece)
                crash_point("between_pieces")
                yield Done(done, total)
    carrier.finish()
    yield Done(done, done)


def _check_slots(source: CollectionConfig, target: CollectionConfig) -> None:
    """Refuse a source whose slots became others since the new collection was created. Raises CannotTake."""
    layout = layout_of(target)
    for name, held in layout_of(source).items():
        wanted = layout.get(name)
        if wanted is None or (held.dim, held.kind, held.distance) != (wanted.dim, wanted.kind, wanted.distance):
            raise CannotTake(f"the source's vector {name!r} was added or changed before its points were taken over")


class _Carrier:
    """Seals a segment whenever the appendable is full; at most one is in memory."""

    def __init__(self, filling: Filling) -> None:
        self._filling = filling
        self._layout = layout_of(filling.record.config)
        self._seed = rotation_seed(filling.record.uuid)
        self._entries: list[SegmentEntry] = []
        self._appendable = self._next()

    def add(self, segment: Segment, rows: Rows) -> None:
        """Take those of the rows that belong to this shard."""
        number, shards = self._filling.identity.shard, self._filling.record.config.shard_number
        if shards > 1:
            shard_numbers = [shard_of(point_id, shards) for point_id in segment.ids(rows)]
            rows = rows[np.array(shard_numbers) == number]
        if len(rows):
            self._appendable.append(carried(segment, rows, self._layout))
            self._seal_when_full()

    def finish(self) -> None:
        """Publish the manifest."""
        sealed = [FrozenSegment(entry, self._filling.base, None, []) for entry in self._entries]
        last = freeze_segment(self._appendable, None, position=self._filling.base, generation=self._generation)
        _publish(self._filling, [*sealed, last], len(self._entries) + 1)

    @property
    def _generation(self) -> int:
        return self._filling.record.generation

    def _next(self) -> AppendableSegment:
        return AppendableSegment(f"a{len(self._entries) + 1:08d}", self._layout, self._seed)

    def _seal_when_full(self) -> None:
        appendable, config = self._appendable, self._filling.record.config
        if appendable.count < config.seal.rows and appendable.vector_bytes < seal_bytes(config):
            return
        sealed = appendable.seal(self._generation)
        frozen = freeze_segment(sealed, None, position=self._filling.base, generation=self._generation)
        self._filling.directory.mkdir(parents=True, exist_ok=True)
        self._entries.append(write_frozen(self._filling.directory, frozen))
        self._appendable = self._next()


def _publish(filling: Filling, segments: list[FrozenSegment], appendables: int) -> None:
    record = filling.record
    crash_point("before_begin_publish")
    checkpoint = Checkpoint(filling.base, record.generation, record.config, segments, appendables, [])
    write_checkpoint(filling.directory, checkpoint, filling.identity)
