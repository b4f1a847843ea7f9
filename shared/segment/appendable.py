"""The segment that takes rows. Rows are only ever added: a point written again gets a new row, its old one dies.

Each slot has a row for every row of the segment (growing_slots.py); `present_words` says which rows carry it.
"""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.schema.points import PointId
from shared.segment.batches import Batch
from shared.segment.bits import Rows
from shared.segment.growing import GrowingArray
from shared.segment.growing_slots import growing_slot
from shared.segment.id_map import UUID_DTYPE, IdBatch, IdMap
from shared.segment.id_slices import IdArrays
from shared.segment.layout import Layout
from shared.segment.marked import MarkedSegment
from shared.segment.marks import RowMarks
from shared.segment.parts import SealedParts
from shared.segment.payloads import GrowingPayloads, PayloadBlob
from shared.segment.rows import RowBatch
from shared.segment.sealed import SealedSegment


@dataclass(frozen=True, slots=True)
class RowsCut:
    """Rows [first, last) of an appendable segment, as they were at one moment: views that do not change.

    numbers, uuids, is_uuid   ids in row order, as `IdMap.from_rows` takes them
    slots                     by name
    """

    first: int
    numbers: NDArray[np.uint64]
    uuids: NDArray[np.bytes_]
    is_uuid: NDArray[np.bool_]
    versions: NDArray[np.uint64]
    slots: dict[str, Batch]
    payloads: PayloadBlob

    @property
    def count(self) -> int:
        """Rows in the cut."""
        return len(self.is_uuid)


class AppendableSegment(MarkedSegment):
    """The writable segment of a shard: satisfies `base.Segment`.

    segment_id   `a%08d`
    layout       the slots that its rows may carry, fixed for its life
    seed         of the collection's code rotations
    """

    def __init__(self, segment_id: str, layout: Layout, seed: int) -> None:
        self._payloads = GrowingPayloads()
        self._slots = {name: growing_slot(slot, seed) for name, slot in layout.items()}
        super().__init__(segment_id, layout, RowMarks(self._payloads, final=False), self._slots)
        self._ids: list[PointId] = []
        self._row_of: dict[PointId, int] = {}
        self._numbers: GrowingArray[np.uint64] = GrowingArray(np.uint64)
        self._uuids: GrowingArray[np.bytes_] = GrowingArray(UUID_DTYPE)
        self._is_uuid: GrowingArray[np.bool_] = GrowingArray(np.bool_)
        self._versions: GrowingArray[np.uint64] = GrowingArray(np.uint64)
        self._sorted: tuple[int, IdMap] | None = None

    @property
    def state(self) -> str:
        """As manifests and people name it."""
        return "appendable"

    @property
    def vector_bytes(self) -> int:
        """Raw bytes of all rows over all slots, zeros of absent dense ones included: what sealing is decided by."""
        return sum(slot.nbytes for slot in self._slots.values())

    def bytes_of(self, batch: RowBatch) -> int:
        """Return by how much `vector_bytes` will grow with a batch."""
        count = len(batch.ids)
        return sum(slot.bytes_of(batch.slots.get(name), count) for name, slot in self._slots.items())

    def append(self, batch: RowBatch) -> int:
        """Add rows and tombstone those of the same points in this segment. Gives the first new row.

        Of an id that repeats within the batch the last row lives.
        """
        first, added = self.count, len(batch.ids)
        for name, slot in self._slots.items():
            slot.append(batch.slots.get(name), added)
        self._append_ids(batch.ids)
        self._versions.append(batch.versions)
        self._payloads.append(batch.payloads)
        self._ids.extend(batch.ids.ids)
        replaced = self._take_rows(batch.ids.ids, first)
        self._marks.grow(first + added)
        if replaced:
            self._marks.tombstone(np.array(replaced, dtype=np.int64))
        return first

    def _append_ids(self, batch: IdBatch) -> None:
        is_uuid = np.zeros(len(batch), dtype=np.bool_)
        is_uuid[batch.uuid_places] = True
        self._is_uuid.append(is_uuid)
        self._numbers.append(batch.numbers)
        self._uuids.append(batch.uuids)

    def _take_rows(self, ids: Sequence[PointId], first: int) -> list[int]:
        """Point the ids to their new rows and give the rows that they had."""
        row_of = self._row_of
        known = len(row_of)
        fresh = dict(zip(ids, range(first, first + len(ids)), strict=True))
        if len(fresh) == len(ids):
            replaced = [row_of[point_id] for point_id in fresh if point_id in row_of] if known else []
            row_of.update(fresh)
            return replaced
        replaced = []
        for row, point_id in enumerate(ids, first):
            if point_id in row_of:
                replaced.append(row_of[point_id])
            row_of[point_id] = row
        return replaced

    def tombstone(self, rows: Rows) -> None:
        """Mark rows as deleted."""
        for row in self._marks.tombstone(rows).tolist():
            if self._row_of.get(self._ids[row]) == row:
                del self._row_of[self._ids[row]]

    def rows_of(self, batch: IdBatch) -> Rows:
        """Return the live row of each id, -1 where there is none."""
        row_of = self._row_of
        return np.array([row_of.get(point_id, -1) for point_id in batch.ids], dtype=np.int64)

    def ids(self, rows: Rows) -> list[PointId]:
        """Return the id of each row."""
        return [self._ids[row] for row in rows.tolist()]

    def rows_from(self, offset: PointId | None) -> Rows:
        """Return rows in id order from `offset` on."""
        return self.sorted_ids(self.count).rows_from(offset)

    def sorted_ids(self, count: int) -> IdMap:
        """Return the ids of the first rows in their order. Sorted when asked after rows came, then kept.

        Cost: one sort of at most a full appendable segment. Any thread may ask: rows [0, count) are there to stay.
        """
        kept = self._sorted
        if kept is None or kept[0] != count:
            is_uuid = self._is_uuid.view()[:count]
            uuids = int(np.count_nonzero(is_uuid))
            kept = count, IdMap.from_rows(self._numbers.view()[: count - uuids], self._uuids.view()[:uuids], is_uuid)
            self._sorted = kept
        return kept[1]

    def _id_arrays(self, first: int, last: int) -> IdArrays:
        is_uuid = self._is_uuid.view()[:last]
        before, uuids = np.count_nonzero(is_uuid[:first]), np.count_nonzero(is_uuid)
        numbers = self._numbers.view()[first - before : last - uuids]
        return numbers, self._uuids.view()[before:uuids], is_uuid[first:]

    def _base_versions(self, rows: Rows) -> list[int]:
        versions: list[int] = self._versions.whole[rows].tolist()
        return versions

    def cut(self, first: int) -> RowsCut:
        """Return the rows from `first` on as they are now; what is appended later does not show in it."""
        numbers_before = first - int(np.count_nonzero(self._is_uuid.view()[:first]))
        return RowsCut(
            first=first,
            numbers=self._numbers.view(numbers_before),
            uuids=self._uuids.view(first - numbers_before),
            is_uuid=self._is_uuid.view(first),
            versions=self._versions.view(first),
            slots={name: slot.cut(first) for name, slot in self._slots.items()},
            payloads=self._payloads.cut(first),
        )

    def seal(self, generation: int = 0) -> SealedSegment:
        """Return the sealed segment that takes this one's place: same rows, same marks. This one takes no more calls.

        In memory and quick: ids are sorted; vectors, codes and payloads are taken as they are.
        generation   of the config that the segment was filled under
        """
        payloads = self._payloads.cut()
        parts = SealedParts(
            segment_id=self.segment_id,
            id_map=self.sorted_ids(self.count),
            versions=self._versions.view(),
            payloads=payloads,
            slots={name: slot.sealed() for name, slot in self._slots.items()},
            generation=generation,
        )
        return SealedSegment(parts, self._marks.moved_to(payloads))
