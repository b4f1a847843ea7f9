"""The immutable segment: its rows never change; tombstones and payload changes live beside them.

One class over arrays in memory (just sealed) or mapped from files: it cannot tell which. No Python object per point:
ids are sorted arrays, payloads one blob, vectors, codes and graph arrays. `stored.py` writes and opens it.
"""

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from shared.schema.points import PointId
from shared.segment import bits, stored
from shared.segment.bits import Rows, Words
from shared.segment.columns import Column, ColumnSet
from shared.segment.figures import SegmentFigures, figures_of
from shared.segment.id_map import IdBatch, IdMap
from shared.segment.index.base import SlotIndex
from shared.segment.layout import Layout
from shared.segment.marks import RowMarks
from shared.segment.overlay import Overlay
from shared.segment.parts import SealedParts
from shared.store.manifest import ChunkRef


class SealedSegment:
    """Satisfies `base.Segment`. Made by `AppendableSegment.seal`, or by `open`.

    parts    what it consists of
    marks    tombstones, overlay and columns of its rows; None when all rows live
    header   its header file once it is on disk, named below the shard's directory; None while only in memory
    """

    def __init__(self, parts: SealedParts, marks: RowMarks | None = None, header: ChunkRef | None = None) -> None:
        self.segment_id = parts.segment_id
        self.parts = parts
        self.header = header
        self.layout: Layout = {name: slot.index.layout for name, slot in parts.slots.items()}
        self._id_map = parts.id_map
        self._slots = parts.slots
        if marks is None:
            marks = RowMarks(parts.payloads, final=True)
            marks.grow(len(parts.versions))
        self._marks = marks

    @classmethod
    def open(cls, directory: Path, header: ChunkRef | None = None, layout: Layout | None = None) -> "SealedSegment":
        """Open the segment in a directory: verify every checksum, map every array. All rows live at first.

        header   what the manifest says of `header.json`; None trusts the checksum that the header carries itself
        layout   slots that are laid out differently now are left out; None takes all
        Raises   ChecksumMismatch, UnknownFormat
        """
        return cls(*stored.open_parts(directory, header, layout))

    @property
    def state(self) -> str:
        """As manifests and people name it: indexed where some slot has a graph."""
        return "indexed" if any(slot.index.graph is not None for slot in self._slots.values()) else "sealed"

    def figures(self) -> SegmentFigures:
        """Count live vectors."""
        present = {name: slot.present for name, slot in self._slots.items()}
        return figures_of(self.layout, self.live_words, self.count, present)

    @property
    def count(self) -> int:
        """Rows, tombstoned ones included."""
        return self._marks.count

    @property
    def live_count(self) -> int:
        """Rows that are not tombstoned."""
        return self._marks.live_count

    @property
    def live_words(self) -> Words:
        """Bit words of the live rows; replaced at each change."""
        return self._marks.live_words

    @property
    def overlay(self) -> Overlay:
        """Payload changes beside the rows."""
        return self._marks.overlay

    @property
    def id_map(self) -> IdMap:
        """Ids to rows, and back."""
        return self._id_map

    def tombstone(self, rows: Rows) -> None:
        """Mark rows as deleted."""
        self._marks.tombstone(rows)

    def set_payload(self, rows: Sequence[int], payloads: Sequence[bytes], version: int) -> None:
        """Replace payloads of live rows, through the overlay."""
        self._marks.set_payload(rows, payloads, version)

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

    def versions(self, rows: Rows) -> list[int]:
        """Return the version of each row, that of its overlay where it has one."""
        return self._marks.versions(self.parts.versions[rows].tolist(), rows.tolist())

    def payload(self, row: int) -> bytes:
        """Return the payload of a row, that of its overlay where it has one."""
        return self._marks.payload(row)

    def base_payloads(self, first: int, last: int) -> list[bytes]:
        """Return the payloads of rows [first, last) without overlays."""
        return self.parts.payloads.texts(first, last)

    def slot(self, name: str) -> SlotIndex | None:
        """Return vectors, codes and graph of a slot; None when no row carries it."""
        slot = self._slots.get(name)
        return None if slot is None else slot.index

    def present_words(self, name: str) -> Words | None:
        """Return bit words of the rows that carry the slot; None when all do. No row carries an unknown slot."""
        slot = self._slots.get(name)
        return bits.empty(self.count) if slot is None else slot.present

    def column(self, key: str) -> Column:
        """Return the values at a payload path, for filters."""
        return self._marks.columns.column(key)

    @property
    def columns(self) -> ColumnSet:
        """The columns: which are in memory, and to warm those of a segment that takes another's place."""
        return self._marks.columns
