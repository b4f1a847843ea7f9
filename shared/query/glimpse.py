"""A small page under a filter that is new: the first rows by id are asked one by one whether they pass.

Where they fill the page, no mask over all rows is made. Where they do not (the filter keeps few rows, or none so
early), or where columns cannot be asked about single rows, the caller makes the mask, and pages that follow find it.
"""

import numpy as np
import numpy.typing as npt

from shared.query.masks import FIELD_CONDITIONS
from shared.query.view import SegmentView
from shared.schema.filters import Condition, Filter, HasVector
from shared.schema.points import PointId
from shared.segment import bits
from shared.segment.bits import Rows, Words
from shared.segment.columns.clauses import keeps_all, passing

GLIMPSED_MAX = 64
"""Rows of a page, at most, for which the first rows by id are looked at one by one."""

GLIMPSE = 32
"""So many rows are looked at for each row of a page before all rows that a filter keeps are found."""


class _TakesAll(Exception):
    """A condition is answered over all rows only."""


def first_glimpsed(view: SegmentView, wanted: Filter | None, limit: int, offset: PointId | None) -> Rows | None:
    """Return the first `limit` live rows by id from the offset on that a filter keeps; None where that is unknown."""
    if wanted is None or keeps_all(wanted) or limit > GLIMPSED_MAX:
        return None
    rows = view.segment.sorted_ids(view.size).rows_from(offset)[: GLIMPSE * limit]
    if view.live < view.size:
        rows = rows[bits.test(view.words, rows)]
    if len(rows) < limit:
        return None
    try:
        passes = _passing(view, wanted, rows)
    except _TakesAll:
        return None
    first: Rows = rows[passes][:limit]
    return first if len(first) == limit else None


def _passing(view: SegmentView, wanted: Filter, rows: Rows) -> npt.NDArray[np.bool_]:
    """Return which of some rows a filter keeps. Raises _TakesAll."""
    if len(wanted.must) == 1 and not (wanted.should or wanted.must_not or wanted.min_count):
        [condition] = wanted.must
        if not isinstance(condition, Filter):
            return _satisfying(view, condition, rows)

    def leaf(condition: Condition) -> Words:
        return bits.from_bool(_satisfying(view, condition, rows))

    return bits.to_bool(passing(wanted, bits.full(len(rows)), leaf, lambda _: 0), len(rows))


def _satisfying(view: SegmentView, condition: Condition, rows: Rows) -> npt.NDArray[np.bool_]:
    """Return which of some rows satisfy a condition that is no filter. Raises _TakesAll."""
    if isinstance(condition, HasVector):
        present = view.segment.present_words(condition.slot)
        return np.ones(len(rows), np.bool_) if present is None else bits.test(present, rows)
    if not isinstance(condition, FIELD_CONDITIONS):
        raise _TakesAll
    holds = view.segment.column(condition.key).holds(condition, rows)
    if holds is None:
        raise _TakesAll
    return holds
