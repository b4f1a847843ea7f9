"""What a segment offers to queries and to the worker: one Protocol that the appendable and the sealed kind satisfy.

Changing calls (append, tombstone, set_payload) come from one loop only. Readers may run in threads beside it: every
array that a property returned stays as it was: changes replace arrays and never write into what was handed out.
A reader takes `live_words` first and `slot(...)` after it: the slot then covers at least the rows of the words.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Protocol

from shared.schema.payload_index import PayloadIndex
from shared.schema.points import PointId
from shared.segment.bits import Rows, Words
from shared.segment.id_map import IdBatch, IdMap
from shared.segment.layout import Layout
from shared.segment.overlay import Overlay
from shared.segment.patches import PayloadPatch

if TYPE_CHECKING:
    from shared.segment.columns.column import Column
    from shared.segment.index.kinds import AnyIndex
    from shared.segment.kept_masks import KeptMasks


class Segment(Protocol):
    """A group of rows [0, count). Rows that were deleted or replaced are tombstoned: counted, never live again."""

    segment_id: str
    layout: Layout
    masks: "KeptMasks"
    """Filters' masks, as they were prepared."""

    @property
    def overlay(self) -> Overlay:
        """Payload changes beside the rows. Read it; change it through `set_payload`."""

    @property
    def count(self) -> int:
        """Rows, tombstoned ones included."""

    @property
    def live_count(self) -> int:
        """Rows that are not tombstoned."""

    @property
    def live_words(self) -> Words:
        """Bit words of the live rows, ceil(count / 64) long. Read only: a change puts a new array in its place."""

    def rows_of(self, batch: IdBatch) -> Rows:
        """Return the live row of each id, -1 where there is none; int64 (len(batch),)."""

    def ids(self, rows: Rows) -> list[PointId]:
        """Return the id of each row."""

    def rows_from(self, offset: PointId | None) -> Rows:
        """Return rows in id order from `offset` (inclusive) on, int64, read only.

        Tombstoned rows may be among them: mask with `live_words`. An id appears once.
        """

    def sorted_ids(self, count: int) -> IdMap:
        """Return the ids of rows [0, count) in their order, as they stood when the segment had so many rows."""

    def versions(self, rows: Rows) -> list[int]:
        """Return the version of each row: that of its overlay where it has one."""

    def payload(self, row: int) -> bytes:
        """Return the payload as JSON object text, that of the overlay where it has one; b"{}" when empty."""

    def payloads(self, rows: Rows) -> list[bytes]:
        """Return the payloads of rows, as `payload` does, at less cost for each."""

    def base_payloads(self, first: int, last: int) -> Iterable[bytes]:
        """Return the payloads of rows [first, last) without overlays; b"" when empty. For building columns."""

    def slot(self, name: str) -> "AnyIndex | None":
        """Return vectors, codes and graph of a slot; None when this segment was written without that slot."""

    def present_words(self, name: str) -> Words | None:
        """Return bit words of the rows that carry the slot; None when all rows do. None carries an unknown slot."""

    def slice_words(self, total: int, index: int) -> Words:
        """Return bit words of the rows whose id belongs to a slice of all ids, live or not; read only."""

    def column(self, key: str) -> "Column":
        """Return the values at a payload path over the rows, for filters; built when first asked, cached."""

    def declare(self, indexes: Mapping[str, PayloadIndex]) -> None:
        """Take these as the declared payload indexes from now on: what texts mean, which columns are pinned."""

    def tombstone(self, rows: Rows) -> None:
        """Mark rows as deleted. Rows that already are stay so."""

    def set_payload(self, rows: Sequence[int], payloads: Sequence[bytes], version: int) -> None:
        """Replace the payloads of live rows, through the overlay; `version` is the position of the operation."""

    def patch_payload(self, words: Words, patch: PayloadPatch, version: int) -> None:
        """Change the payloads of the live rows among these alike; many rows cost little more than few."""

    def patch_rows(self, rows: Rows, patch: PayloadPatch, version: int) -> None:
        """Change the payloads of live rows alike: the same for rows that are known by their numbers."""
