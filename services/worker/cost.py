"""What a read will cost, in milliseconds of one core, told before it runs: short ones stay in the loop.

Only the order of magnitude counts: a wrong guess costs a hand-over (about 0.1 ms), or delays others for a while.
"""

from collections.abc import Sequence

from shared.query.filters import cold_rows
from shared.query.view import View
from shared.schema.filters import Filter
from shared.schema.queries import OrderBy, Search, Terms
from shared.segment.index.base import SlotIndex
from shared.segment.index.kinds import AnyIndex
from shared.segment.index.multi import MultiIndex
from shared.segment.index.sparse import SparseIndex

INLINE_MS = 3.0
"""Reads that are estimated longer leave the loop."""

RAW_BYTES_PER_MS = 5e6
"""Raw vectors scanned exactly."""
CODE_BYTES_PER_MS = 4e6
"""1-bit codes scanned, estimates and candidates included."""
WALK_MS = 0.3
"""A graph walk with the usual beam; a longer beam costs in proportion."""
WALK_EF = 100
PAIR_BYTES_PER_MS = 5e6
"""Pairs of sparse vectors read by rows."""
LISTED_SHARE = 0.05
"""Of all pairs, those in the lists of a usual query."""
LISTS_PAIRS_PER_MS = 1e4
"""Pairs sorted to build inverted lists."""
FILTER_ROWS_PER_MS = 1e6
"""Rows over which a condition is evaluated, once its column is built."""
VALUES_PER_MS = 2e5
"""Rows whose values are counted or put in order, at worst: where no order is kept."""
PAYLOADS_PER_MS = 2e3
"""Payloads parsed to build a column."""
HIT_MS = 0.002
"""Ids, payload and vector of one hit."""


def searches_ms(view: View, searches: Sequence[Search]) -> float:
    """Return the estimate for searches that run one after the other."""
    return sum(_search_ms(view, search) for search in searches)


def filter_ms(view: View, wanted: Filter | None) -> float:
    """Return the estimate for evaluating a filter over all rows."""
    conditions = _conditions(wanted)
    if not conditions:
        return 0.0
    return conditions * sum(one.size for one in view) / FILTER_ROWS_PER_MS + cold_rows(view, wanted) / PAYLOADS_PER_MS


def values_ms(view: View, key: str, order: OrderBy | None = None) -> float:
    """Return the estimate for counting the values at a path over all rows, or for the first of them in an order."""
    cold = sum(one.segment.column(key).cold_rows(order) for one in view)
    return sum(one.size for one in view) / VALUES_PER_MS + cold / PAYLOADS_PER_MS


def terms_ms(view: View, terms: Sequence[Terms]) -> float:
    """Return the estimate for counting terms."""
    found = 0.0
    for each in terms:
        slots = [one.segment.slot(each.slot) for one in view]
        found += filter_ms(view, each.corpus) + sum(_sparse_ms(slot) for slot in slots if isinstance(slot, SparseIndex))
    return found


def _search_ms(view: View, search: Search) -> float:
    found = search.limit * HIT_MS + filter_ms(view, search.filter)
    for one in view:
        slot = one.segment.slot(search.slot)
        if slot is not None:
            found += _slot_ms(slot, one.live, search)
    return found


def _slot_ms(slot: AnyIndex, live: int, search: Search) -> float:
    if isinstance(slot, SparseIndex):
        return _sparse_ms(slot, search.full_scan_kb)
    if isinstance(slot, MultiIndex):
        rows = len(search.vector) // (4 * slot.layout.dim)
        return rows * int(slot.offsets[slot.count]) * slot.layout.dim * 4 / RAW_BYTES_PER_MS
    return _dense_ms(slot, live, search)


def _dense_ms(slot: SlotIndex, live: int, search: Search) -> float:
    dim, is_exact = slot.layout.dim, search.params.exact
    if slot.is_indexed and not is_exact:
        return WALK_MS * max(search.params.hnsw_ef or 0, search.limit, WALK_EF) / WALK_EF
    if slot.codes.groups is not None and not is_exact:
        return slot.count * dim / 8 / CODE_BYTES_PER_MS
    return live * dim * slot.vectors.itemsize / RAW_BYTES_PER_MS


def _sparse_ms(slot: SparseIndex, scan_rows: int = 0) -> float:
    pairs = slot.pair_count
    if slot.builds_lists and slot.count > scan_rows:
        return pairs / LISTS_PAIRS_PER_MS
    return pairs * 8 / PAIR_BYTES_PER_MS * (LISTED_SHARE if slot.code_bytes else 1.0)


def _conditions(wanted: Filter | None) -> int:
    if wanted is None:
        return 0
    parts = (*wanted.must, *wanted.should, *wanted.must_not)
    return sum(_conditions(part) if isinstance(part, Filter) else 1 for part in parts)
