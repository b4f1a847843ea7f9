"""The live rows of several sealed segments as one list, and their columns gathered in any order, piece by piece."""

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from shared.errors import Corrupt
from shared.segment import bits
from shared.segment.array_file import WRITE_BYTES, slices
from shared.segment.batches import MultiBatch, Offsets, SlotBatch, SparseBatch, offsets_of, ragged
from shared.segment.bits import Words
from shared.segment.elements import Stored, dtype_of
from shared.segment.id_map import IdMap
from shared.segment.index.base import SlotIndex
from shared.segment.layout import SlotLayout
from shared.segment.parts import rows_of_index
from shared.segment.payloads import EMPTY
from shared.segment.sealed import SealedSegment


class LiveRows:
    """Rows of `segments`, in an order that `reordered` may change.

    sources   int32 (n,): which segment;  rows  int64 (n,): which of its rows
    """

    def __init__(self, segments: Sequence[SealedSegment], sources: NDArray[np.int32], rows: NDArray[np.int64]) -> None:
        self.segments = segments
        self.sources = sources
        self.rows = rows

    @classmethod
    def of(cls, segments: Sequence[SealedSegment]) -> "LiveRows":
        """Return the live rows, segment by segment, each in row order. Raises Corrupt when a point lives twice."""
        living = [bits.to_rows(segment.live_words) for segment in segments]
        counts = [len(rows) for rows in living]
        sources = np.repeat(np.arange(len(segments), dtype=np.int32), counts)
        rows = np.concatenate(living) if living else np.empty(0, dtype=np.int64)
        return cls(segments, sources, rows)

    def __len__(self) -> int:
        return len(self.rows)

    def reordered(self, order: NDArray[np.integer[Any]]) -> "LiveRows":
        """Return the rows in another order: new place p holds what is at order[p] now."""
        return LiveRows(self.segments, self.sources[order], self.rows[order])

    def id_map(self) -> IdMap:
        """Return the ids of the rows in this order. Raises Corrupt when a point lives twice."""
        is_uuid = np.empty(len(self), dtype=np.bool_)
        numbers, uuids = np.empty(len(self), dtype=np.uint64), np.empty(0, dtype="S16")
        for source, places in self._by_source(slice(0, len(self))):
            some_numbers, some_uuids, some_are_uuid = self.segments[source].id_map.batch_of(self.rows[places])
            is_uuid[places] = some_are_uuid
            numbers[places[~some_are_uuid]] = some_numbers
            if len(some_uuids):
                uuids = uuids if len(uuids) else np.empty(len(self), dtype="S16")
                uuids[places[some_are_uuid]] = some_uuids
        id_map = IdMap.from_rows(numbers[~is_uuid], uuids[is_uuid] if len(uuids) else uuids, is_uuid)
        if len(id_map.rows) != len(self):
            names = [segment.segment_id for segment in self.segments]
            raise Corrupt(f"{len(self) - len(id_map.rows)} points live twice in the segments {names}")
        return id_map

    def versions(self) -> NDArray[np.uint64]:
        """Return the versions of the rows, those of payload changes included."""
        versions = np.empty(len(self), dtype=np.uint64)
        for source, places in self._by_source(slice(0, len(self))):
            rows = self.rows[places]
            versions[places] = self.segments[source].parts.versions[rows]
            overlay = self.segments[source].overlay
            if not overlay.is_empty:
                changed = np.flatnonzero(bits.test(overlay.changed_words(self.segments[source].count), rows))
                versions[places[changed]] = self.segments[source].versions(rows[changed])
        return versions

    def carried(self, name: str) -> int:
        """Return how many rows carry a slot."""
        present = self.present(name)
        return len(self) if present is None else bits.count(present)

    def present(self, name: str) -> Words | None:
        """Return bit words of the rows that carry a slot, None when all do."""
        carries = np.ones(len(self), dtype=np.bool_)
        for source, places in self._by_source(slice(0, len(self))):
            words = self.segments[source].present_words(name)
            if words is not None:
                carries[places] = bits.test(words, self.rows[places])
        return None if carries.all() else bits.from_bool(carries)

    def vectors(self, name: str, layout: SlotLayout) -> Iterator[Stored]:
        """Return the vectors of a dense slot in pieces (k, dim), zeros where a row lacks it."""
        dtype = dtype_of(layout)
        for piece in slices(len(self), layout.dim * dtype.itemsize):
            gathered = np.zeros((piece.stop - piece.start, layout.dim), dtype=dtype)
            for source, places in self._by_source(piece):
                slot = self.segments[source].slot(name)
                if isinstance(slot, SlotIndex):
                    gathered[places - piece.start] = slot.vectors[self.rows[places]]
            yield gathered

    def offsets(self, name: str) -> Offsets:
        """Return where the elements of each row of a multivector or sparse slot begin, and the end; int64 (n + 1,)."""
        lengths = np.zeros(len(self), dtype=np.int64)
        for source, places in self._by_source(slice(0, len(self))):
            batch, rows = self._ragged(source, name), self.rows[places]
            if batch is not None:
                lengths[places] = batch.offsets[rows + 1] - batch.offsets[rows]
        return offsets_of(lengths)

    def elements(self, name: str, column: str, offsets: Offsets, element_bytes: int) -> Iterator[Stored]:
        """Return one array of a multivector or sparse slot in pieces, as `offsets` lays it out.

        column          `vectors`, `indices` or `values`
        element_bytes   of a vector, an index or a value
        """
        for piece in _ragged_slices(offsets, WRITE_BYTES // max(element_bytes, PLACE_BYTES)):
            first, last = int(offsets[piece.start]), int(offsets[piece.stop])
            gathered: Stored | None = None
            for source, places in self._by_source(piece):
                batch = self._ragged(source, name)
                if batch is None:
                    continue
                array: Stored = getattr(batch, column)
                if gathered is None:
                    gathered = np.zeros((last - first, *array.shape[1:]), array.dtype)
                _, found = ragged(batch.offsets, self.rows[places])
                _, wanted = ragged(offsets, places)
                gathered[wanted - first] = array[found]
            if gathered is not None:
                yield gathered

    def _ragged(self, source: int, name: str) -> MultiBatch | SparseBatch | None:
        slot = self.segments[source].slot(name)
        batch = None if slot is None else rows_of_index(slot)
        return None if isinstance(batch, SlotBatch) else batch

    def payload_offsets(self) -> NDArray[np.uint64]:
        """Return where each row's payload begins when they are joined in this order, and the end; uint64 (n + 1,)."""
        lengths = np.empty(len(self), dtype=np.uint64)
        for source, places in self._by_source(slice(0, len(self))):
            offsets, rows = self.segments[source].parts.payloads.offsets, self.rows[places]
            lengths[places] = offsets[rows + 1] - offsets[rows]
        for place, text in self._edited(slice(0, len(self))):
            lengths[place] = len(text)
        result = np.zeros(len(self) + 1, dtype=np.uint64)
        np.cumsum(lengths, out=result[1:])
        return result

    def payloads(self, offsets: NDArray[np.uint64]) -> Iterator[NDArray[np.uint8]]:
        """Return the joined payloads in pieces. `offsets` as `payload_offsets` gave them."""
        first = 0
        while first < len(self):
            limit = offsets[first] + np.uint64(WRITE_BYTES)
            last = max(first + 1, int(np.searchsorted(offsets, limit, side="right")) - 1)
            last = min(last, first + _PAYLOAD_ROWS)
            yield self._joined(slice(first, last))
            first = last

    def texts(self, piece: slice) -> list[bytes]:
        """Return the payloads of a range of rows, changes folded in; b"" when empty."""
        texts = np.empty(piece.stop - piece.start, dtype=object)
        for source, places in self._by_source(piece):
            found = self.segments[source].parts.payloads.gather(self.rows[places])
            texts[places - piece.start] = np.fromiter(found, dtype=object, count=len(found))
        for place, text in self._edited(piece):
            texts[place - piece.start] = text
        return list(texts.tolist())

    def _joined(self, piece: slice) -> NDArray[np.uint8]:
        return np.frombuffer(b"".join(self.texts(piece)), dtype=np.uint8)

    def _edited(self, piece: slice) -> Iterator[tuple[int, bytes]]:
        """Return the places, within a piece, of rows whose payload was changed, and those payloads, b"" when empty."""
        for source, places in self._by_source(piece):
            segment = self.segments[source]
            if segment.overlay.is_empty:
                continue
            edited = places[bits.test(segment.overlay.changed_words(segment.count), self.rows[places])]
            for place, row in zip(edited.tolist(), self.rows[edited].tolist(), strict=True):
                text = segment.payload(row)
                yield place, b"" if text == EMPTY else text

    def _by_source(self, piece: slice) -> Iterator[tuple[int, NDArray[np.int64]]]:
        """Return for each segment the places, within a piece, of its rows."""
        sources = self.sources[piece]
        for source in range(len(self.segments)):
            places = np.flatnonzero(sources == source)
            if len(places):
                yield source, places + piece.start


def _ragged_slices(offsets: Offsets, elements: int) -> Iterator[slice]:
    """Return the ranges of rows that make pieces of about so many elements, in order."""
    first, count = 0, len(offsets) - 1
    while first < count:
        last = int(np.searchsorted(offsets, offsets[first] + elements, side="right")) - 1
        last = min(max(last, first + 1), count)
        yield slice(first, last)
        first = last


PLACE_BYTES = 8
"""Gathering needs the place of each element too."""

_PAYLOAD_ROWS = 65_536
"""Most rows whose payloads are Python bytes at one time."""
