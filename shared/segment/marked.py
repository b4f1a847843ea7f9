"""What both kinds of segment do alike: marks beside rows, and slots that each have an index and present words."""

from abc import abstractmethod
from collections.abc import Iterable, Mapping, Sequence

from shared.schema.payload_index import PayloadIndex
from shared.segment import bits
from shared.segment.bits import Rows, Words
from shared.segment.columns.column import Column
from shared.segment.columns.column_set import ColumnSet
from shared.segment.figures import HeldSlot, SegmentFigures, figures_of
from shared.segment.id_slices import IdArrays, IdSlices
from shared.segment.index.kinds import AnyIndex
from shared.segment.kept_masks import KeptMasks
from shared.segment.layout import Layout
from shared.segment.marks import RowMarks
from shared.segment.overlay import Overlay, OverlayChange
from shared.segment.patched_rows import Layers
from shared.segment.patches import PayloadPatch


class MarkedSegment:
    """The part of `base.Segment` that needs only marks and slots.

    layout   the slots that its rows may carry
    marks    tombstones, overlay and columns of its rows
    slots    by name; a slot that is missing here is carried by no row
    """

    def __init__(self, segment_id: str, layout: Layout, marks: RowMarks, slots: Mapping[str, HeldSlot]) -> None:
        self.segment_id = segment_id
        self._marks = marks
        self._slices = IdSlices()
        self._show(layout, slots)

    def _show(self, layout: Layout, slots: Mapping[str, HeldSlot]) -> None:
        """Let readers see these slots from now on, and no others."""
        self.layout = dict(layout)
        self._held = slots
        self.masks = KeptMasks(self._marks.columns)
        self._counted: tuple[Words, SegmentFigures] | None = None

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
    def columns(self) -> ColumnSet:
        """The columns: which are in memory, and to warm those of a segment that takes another's place."""
        return self._marks.columns

    def figures(self) -> SegmentFigures:
        """Count live vectors, and the bytes that are stored. Counted anew only when rows came or died."""
        words = self.live_words
        if self._counted is None or self._counted[0] is not words:
            self._counted = (words, figures_of(words, self.count, self._held))
        figures = self._counted[1]
        return figures._replace(payload_bytes=self._marks.payloads.nbytes + self.overlay.nbytes)

    def set_payload(self, rows: Sequence[int], payloads: Sequence[bytes], version: int) -> None:
        """Replace payloads of live rows, through the overlay."""
        self._marks.set_payload(rows, payloads, version)

    def patch_payload(self, words: Words, patch: PayloadPatch, version: int) -> None:
        """Change the payloads of the live rows among these alike."""
        self._marks.patch_payload(words, patch, version)

    def patch_rows(self, rows: Rows, patch: PayloadPatch, version: int) -> None:
        """Change the payloads of live rows alike."""
        self._marks.patch_rows(rows, patch, version)

    def restore_changes(self, changes: Iterable[OverlayChange]) -> None:
        """Take the entries that a checkpoint holds, in their order."""
        self._marks.restore_changes(changes)

    def restore_layers(self, layers: Layers, through: int) -> None:
        """Take the layers of patched rows that a checkpoint holds, once the entries beside them are set."""
        self._marks.restore_layers(layers, through)

    def versions(self, rows: Rows) -> list[int]:
        """Return the version of each row, that of its overlay where it has one."""
        return self._marks.versions(self._base_versions(rows), rows)

    def payload(self, row: int) -> bytes:
        """Return the payload of a row, that of its overlay where it has one."""
        return self._marks.payload(row)

    def payloads(self, rows: Rows) -> list[bytes]:
        """Return the payloads of rows, those of their overlays where they have one."""
        return self._marks.payloads_of(rows)

    def base_payloads(self, first: int, last: int) -> Iterable[bytes]:
        """Return the payloads of rows [first, last) as they were written, without overlays."""
        return self._marks.payloads.texts(first, last)

    def slot(self, name: str) -> AnyIndex | None:
        """Return vectors, codes and graph of a slot; None when no row carries it."""
        slot = self._held.get(name)
        return None if slot is None else slot.index

    def present_words(self, name: str) -> Words | None:
        """Return bit words of the rows that carry the slot; None when all do. No row carries an unknown slot."""
        slot = self._held.get(name)
        return bits.empty(self.count) if slot is None else slot.present

    def slice_words(self, total: int, index: int) -> Words:
        """Return bit words of the rows whose id belongs to a slice; those asked for again and again are kept."""
        return self._slices.words(total, index, self.count, self._id_arrays)

    def column(self, key: str) -> Column:
        """Return the values at a payload path, for filters."""
        return self._marks.columns.column(key)

    def declare(self, indexes: Mapping[str, PayloadIndex]) -> None:
        """Take these as the declared payload indexes from now on."""
        self._marks.columns.declare(indexes)

    @abstractmethod
    def _id_arrays(self, first: int, last: int) -> IdArrays:
        """Return the ids of rows [first, last)."""

    @abstractmethod
    def _base_versions(self, rows: Rows) -> list[int]:
        """Return the versions that rows were written with."""
