"""How one segment takes part in a search: with which mask and beam, or not at all.

The choice between scan and walk is the slot's own (index/base.py), made from the mask's cardinality passed on here.
"""

from typing import NamedTuple

from shared.errors import BadInput
from shared.query.filters import kept_words
from shared.query.view import SegmentView
from shared.schema.queries import Search
from shared.segment import bits
from shared.segment.bits import Words
from shared.segment.index.base import SlotIndex, SlotSearch


class SegmentPlan(NamedTuple):
    """One segment's part: `place` is its index in the view."""

    place: int
    slot: SlotIndex
    search: SlotSearch


def plan_segment(view: SegmentView, place: int, search: Search) -> SegmentPlan | None:
    """Return what to ask of a segment; None when it cannot have hits. Raises BadInput for a vector of another size."""
    slot = view.segment.slot(search.slot)
    if slot is None or (search.params.indexed_only and slot.graph is None):
        return None
    expected, got = slot.layout.dim, len(search.vector) // 4
    if expected != got:
        raise BadInput(f"Vector dimension error: expected dim: {expected}, got {got}")
    words, matching = _mask(view, slot, search)
    if matching == 0:
        return None
    exact = search.params.exact
    limit = search.limit + 1 if exact else search.limit
    scan_rows = search.full_scan_kb * 1024 // (4 * expected)
    return SegmentPlan(place, slot, SlotSearch(limit, words, matching, search.params.hnsw_ef or 0, exact, scan_rows))


def _mask(view: SegmentView, slot: SlotIndex, search: Search) -> tuple[Words | None, int]:
    """Return the mask and its cardinality; None where every row of the slot passes and none can come."""
    present = view.segment.present_words(search.slot)
    words, matching = kept_words(view, search.filter)
    if present is None:
        fixed = slot.graph is not None
        return (None if fixed and matching == view.size else words), matching
    words = words & present[: len(words)]
    return words, bits.count(words)
