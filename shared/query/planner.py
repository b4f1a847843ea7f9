"""How one segment takes part in a search: with which mask and beam, or not at all.

The choice between scan and walk is the slot's own (index/base.py), made from the mask's cardinality passed on here.
"""

from typing import NamedTuple

from shared.errors import BadInput
from shared.query.count import only_condition
from shared.query.filters import kept_words
from shared.query.view import SegmentView
from shared.schema.filters import Filter
from shared.schema.queries import QuantizationParams, Search
from shared.schema.slots import SlotKind
from shared.segment import bits
from shared.segment.bits import Words
from shared.segment.index.base import SlotIndex, SlotSearch
from shared.segment.index.kinds import AnyIndex
from shared.segment.layout import SlotLayout

USUAL_CODES = QuantizationParams()


class SegmentPlan(NamedTuple):
    """One segment's part: `place` is its index in the view."""

    place: int
    slot: AnyIndex
    search: SlotSearch


def plan_segment(view: SegmentView, place: int, search: Search) -> SegmentPlan | None:
    """Return what to ask of a segment; None when it cannot have hits. Raises BadInput for a vector of another size.

    `indexed_only` leaves out dense slots without a graph; the other kinds never have one.
    """
    slot = view.segment.slot(search.slot)
    if slot is None or (search.params.indexed_only and not _is_indexed(slot) and slot.layout.kind is SlotKind.DENSE):
        return None
    check_size(slot.layout, search.vector)
    words, matching = _mask(view, slot, search)
    if matching == 0:
        return None
    return SegmentPlan(place, slot, _slot_search(slot.layout, search, words, matching))


def _is_indexed(slot: AnyIndex) -> bool:
    return slot.graph is not None or (isinstance(slot, SlotIndex) and slot.is_indexed)


def _slot_search(layout: SlotLayout, search: Search, words: Words | None, matching: int) -> SlotSearch:
    params, codes = search.params, search.params.quantization
    limit, scan_rows = search.limit + 1 if params.exact else search.limit, _scan_rows(layout, search.full_scan_kb)
    asked = SlotSearch(limit, words, matching, params.hnsw_ef or 0, params.exact, scan_rows)
    if codes is USUAL_CODES or codes == USUAL_CODES:
        return asked
    return asked._replace(is_rescored=codes.rescore, oversampling=codes.oversampling, ignores_codes=codes.ignore)


def check_size(layout: SlotLayout, vector: bytes) -> None:
    """Raise BadInput for a vector that the slot's kind or size does not allow."""
    got = len(vector) // 4
    if layout.kind is SlotKind.SPARSE:
        if len(vector) % 8:
            raise BadInput(f"expected indices and as many values of 4 bytes each, got {len(vector)} bytes")
    elif layout.dim != got and (layout.kind is SlotKind.DENSE or got == 0 or got % layout.dim):
        raise BadInput(f"Vector dimension error: expected dim: {layout.dim}, got {got}")


def _scan_rows(layout: SlotLayout, full_scan: int) -> int:
    """Return how many matching rows are always scanned: given in kB of raw vectors, of a sparse slot in vectors."""
    return full_scan if layout.kind is SlotKind.SPARSE else full_scan * 1024 // (4 * layout.dim)


def _kept(view: SegmentView, wanted: Filter | None) -> tuple[Words, int]:
    """Return the rows that the filter keeps, and how many: as a column says where that is the whole of it."""
    condition = only_condition(wanted)
    if condition is not None and view.live == view.size == view.segment.count:
        column = view.segment.column(condition.key)
        words = column.matches(condition)
        matching = column.count(condition)
        if matching is not None and len(words) == len(view.words):
            return words, matching
    return kept_words(view, wanted)


def _mask(view: SegmentView, slot: AnyIndex, search: Search) -> tuple[Words | None, int]:
    """Return the mask and its cardinality; None where every row of the slot passes and none can come."""
    present = view.segment.present_words(search.slot)
    words, matching = _kept(view, search.filter)
    if present is None:
        fixed = _is_indexed(slot)
        return (None if fixed and matching == view.size else words), matching
    words = words & present[: len(words)]
    return words, bits.count(words)
