"""What a read will cost, in milliseconds of one core, told before it runs: short ones stay in the loop.

Only the order of magnitude counts: a wrong guess costs a hand-over (about 0.1 ms), or delays others for a while.
"""

from collections.abc import Sequence

from shared.query.filters import cold_rows
from shared.query.view import View
from shared.schema.filters import Filter
from shared.schema.queries import Search

INLINE_MS = 3.0
"""Reads that are estimated longer leave the loop."""

RAW_BYTES_PER_MS = 5e6
"""Raw vectors scanned exactly."""
CODE_BYTES_PER_MS = 4e6
"""1-bit codes scanned, estimates and candidates included."""
WALK_MS = 0.3
"""A graph walk with the usual beam; a longer beam costs in proportion."""
WALK_EF = 100
FILTER_ROWS_PER_MS = 1e6
"""Rows over which a condition is evaluated, once its column is built."""
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


def _search_ms(view: View, search: Search) -> float:
    dim = len(search.vector) >> 2
    found = search.limit * HIT_MS + filter_ms(view, search.filter)
    for one in view:
        slot = one.segment.slot(search.slot)
        if slot is None:
            continue
        if slot.graph is not None and not search.params.exact:
            found += WALK_MS * max(search.params.hnsw_ef or 0, search.limit, WALK_EF) / WALK_EF
        elif slot.codes.groups is not None and not search.params.exact:
            found += one.segment.count * dim / 8 / CODE_BYTES_PER_MS
        else:
            found += one.live * dim * 4 / RAW_BYTES_PER_MS
    return found


def _conditions(wanted: Filter | None) -> int:
    if wanted is None:
        return 0
    parts = (*wanted.must, *wanted.should, *wanted.must_not)
    return sum(_conditions(part) if isinstance(part, Filter) else 1 for part in parts)
