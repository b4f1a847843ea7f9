"""How one segment takes part in a search: with which mask and beam, or not at all.

The choice between scan and walk is the slot's own (index/base.py), made from the mask's cardinality passed on here.
"""

import math
from typing import NamedTuple

from shared.errors import BadInput
from shared.query.masks import mask_of, name_of
from shared.query.view import SegmentView
from shared.schema.queries import QuantizationParams, Search
from shared.schema.slots import SlotKind
from shared.segment import bits
from shared.segment.index.base import SlotIndex, SlotSearch
from shared.segment.index.kinds import AnyIndex
from shared.segment.index.planning import SHARE_MIN
from shared.segment.index.running import Floats, Prepared, Rows, Words
from shared.segment.kept_masks import FEW_ROWS, Mask
from shared.segment.layout import SlotLayout

USUAL_CODES = QuantizationParams()


class SegmentPlan(NamedTuple):
    """One segment's part: `place` is its index in the view. `prepared` is the search, for dense slots."""

    place: int
    slot: AnyIndex
    search: SlotSearch
    prepared: Prepared | None

    def found(self, query: bytes, floor: float = -math.inf) -> tuple[Rows, Floats]:
        """Return the best rows and their scores. `floor`: see SlotSearch."""
        if self.prepared is not None and isinstance(self.slot, SlotIndex):
            return self.slot.search_prepared(query, self.prepared, floor)
        return self.slot.search(query, self.search if floor == -math.inf else self.search._replace(floor=floor))


def plan_segment(view: SegmentView, place: int, search: Search, name: bytes | None = None) -> SegmentPlan | None:
    """Return what to ask of a segment; None when it cannot have hits. Raises BadInput for a vector of another size.

    `indexed_only` leaves out dense slots without a graph; the other kinds never have one.
    name   of the search's filter (masks.py), where it is known already
    """
    slot = view.segment.slot(search.slot)
    if slot is None or (search.params.indexed_only and not _is_indexed(slot) and slot.layout.kind is SlotKind.DENSE):
        return None
    check_size(slot.layout, search.vector)
    mask = mask_of(view, search.filter, name_of(search.filter) if name is None else name)
    if mask.matching == 0:
        return None
    asked = (search.slot, search.limit, search.full_scan_kb, place, search.params)
    plan: SegmentPlan | None = mask.plans.get(asked)
    if plan is None or not _is_current(plan, slot):
        plan = _planned(view, slot, place, search, mask)
        mask.keep_plan(asked, plan)
    return None if plan.search.matching == 0 else plan


def _is_current(plan: SegmentPlan, slot: AnyIndex) -> bool:
    if plan.slot is not slot:
        return False
    return plan.prepared is None or (isinstance(slot, SlotIndex) and slot.is_current(plan.prepared))


def _planned(view: SegmentView, slot: AnyIndex, place: int, search: Search, mask: Mask) -> SegmentPlan:
    """Write down what to search for, but for the query."""
    present = view.segment.present_words(search.slot)
    words, rows, matching = None, None, mask.matching
    scan_rows = _scan_rows(slot.layout, search.full_scan_kb)
    if _is_listed(view, slot, mask, scan_rows):
        rows = mask.rows
        if rows is not None and present is not None:
            rows = rows[bits.test(present, rows)]
            matching = len(rows)
    elif present is not None:
        words = mask.words & present[: len(mask.words)]
        matching = bits.count(words)
    elif not _is_indexed(slot) or matching < view.size:  # else every row of the slot passes and none can come
        words = mask.words
    options = _slot_search(search, words, rows, matching, scan_rows)
    return SegmentPlan(place, slot, options, slot.prepare(options) if isinstance(slot, SlotIndex) else None)


def _is_listed(view: SegmentView, slot: AnyIndex, mask: Mask, scan_rows: int) -> bool:
    """Return whether rows are few enough to be searched one by one: so few that no graph would be walked for them."""
    if not isinstance(slot, SlotIndex) or mask.matching == view.size or mask.matching > FEW_ROWS:
        return False
    return mask.matching <= (scan_rows if slot.groups is not None else max(scan_rows, SHARE_MIN * view.size))


def _is_indexed(slot: AnyIndex) -> bool:
    return slot.graph is not None or (isinstance(slot, SlotIndex) and slot.is_indexed)


def _slot_search(search: Search, words: Words | None, rows: Rows | None, matching: int, scan_rows: int) -> SlotSearch:
    params, codes = search.params, search.params.quantization
    limit = search.limit + 1 if params.exact else search.limit
    asked = SlotSearch(limit, words, matching, params.hnsw_ef or 0, params.exact, scan_rows, rows=rows)
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
