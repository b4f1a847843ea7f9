"""The immutable segment: its rows never change; tombstones and payload changes live beside them.

One class over arrays in memory (just sealed) or mapped from files: it cannot tell which. No Python object per point:
ids are sorted arrays, payloads one blob, vectors, codes and graph arrays. `stored.py` writes and opens it.
"""

from pathlib import Path

import numpy as np

from shared.schema.points import PointId
from shared.schema.slots import Memory
from shared.segment import bits, stored
from shared.segment.bits import Rows
from shared.segment.id_map import IdBatch, IdMap
from shared.segment.id_slices import IdArrays
from shared.segment.layout import Layout
from shared.segment.marked import MarkedSegment
from shared.segment.marks import RowMarks
from shared.segment.parts import SealedParts
from shared.segment.placement import CACHED, Placement
from shared.store.manifest import ChunkRef


class SealedSegment(MarkedSegment):
    """Satisfies `base.Segment`. Made by `AppendableSegment.seal`, or by `open`.

    parts    what it consists of
    marks    tombstones, overlay and columns of its rows; None when all rows live
    header   its header file once it is on disk, named below the shard's directory; None while only in memory

    `placement` says how its files were opened; it means nothing while the segment is only in memory.
    `column_places` says where columns are kept, by path and kind, that were read from files (column_chunks.py).
    """

    placement: Placement = CACHED

    def __init__(self, parts: SealedParts, marks: RowMarks | None = None, header: ChunkRef | None = None) -> None:
        if marks is None:
            marks = RowMarks(parts.payloads, final=True)
            marks.grow(len(parts.versions))
        layout: Layout = {name: slot.index.layout for name, slot in parts.slots.items()}
        super().__init__(parts.segment_id, layout, marks, parts.slots)
        self.parts = parts
        self.header = header
        self.column_places: dict[tuple[str, str], Memory] = {}
        self._id_map = parts.id_map

    @classmethod
    def open(
        cls,
        directory: Path,
        header: ChunkRef | None = None,
        layout: Layout | None = None,
        placement: Placement = CACHED,
    ) -> "SealedSegment":
        """Open the segment in a directory: verify every checksum, map every array. All rows live at first.

        header      what the manifest says of `header.json`; None trusts the checksum that the header carries itself
        layout      slots that are laid out differently now are left out; None takes all
        placement   which arrays are read into memory now, and which when they are looked at
        Raises      ChecksumMismatch, UnknownFormat
        """
        segment = cls(*stored.open_parts(directory, header, layout, placement))
        segment.placement = placement
        return segment

    def is_placed(self, placement: Placement) -> bool:
        """Return whether the segment's files were opened as a placement asks: as far as its slots are concerned."""
        mine = self.placement
        is_same = all(mine.slot(name) == placement.slot(name) for name in self.layout)
        return is_same and mine.is_payload_cold == placement.is_payload_cold

    def keep_slots(self, layout: Layout) -> None:
        """Let go of the slots that a layout lacks, or has as another one of the same name. Files stay as they are."""
        slots = self.parts.slots
        kept = {
            name: slot for name, slot in slots.items() if name in layout and layout[name].has_rows_of(slot.index.layout)
        }
        if len(kept) < len(slots):
            self.parts = self.parts._replace(slots=kept)
            self._show({name: slot.index.layout for name, slot in kept.items()}, kept)

    @property
    def state(self) -> str:
        """As manifests and people name it: indexed where some slot has a graph, or has those of its large groups."""
        has_graph = any(slot.index.graph is not None for slot in self.parts.slots.values())
        has_groups = any(build.groups for build in self.parts.built.values())
        return "indexed" if has_graph or has_groups else "sealed"

    @property
    def id_map(self) -> IdMap:
        """Ids to rows, and back."""
        return self._id_map

    def tombstone(self, rows: Rows) -> None:
        """Mark rows as deleted."""
        self._marks.tombstone(rows)

    def rows_of(self, batch: IdBatch) -> Rows:
        """Return the live row of each id, -1 where there is none."""
        rows = self._id_map.rows_of(batch)
        found = np.flatnonzero(rows >= 0)
        if len(found):
            rows[found[~bits.test(self._marks.live_words, rows[found])]] = -1
        return rows

    def ids(self, rows: Rows) -> list[PointId]:
        """Return the id of each row."""
        return self._id_map.ids(rows)

    def rows_from(self, offset: PointId | None) -> Rows:
        """Return rows in id order from `offset` on: a view."""
        return self._id_map.rows_from(offset)

    def sorted_ids(self, count: int) -> IdMap:
        """Return the ids of all rows in their order."""
        assert count == self.count, "no rows come to a sealed segment"
        return self._id_map

    def _id_arrays(self, first: int, last: int) -> IdArrays:
        return self._id_map.batch_of(np.arange(first, last))

    def _base_versions(self, rows: Rows) -> list[int]:
        versions: list[int] = self.parts.versions[rows].tolist()
        return versions
