"""Counting the points that a filter keeps. Always exact, whatever `exact` asks: it costs no more here.

A single condition over a segment without dead rows is counted by its column where that needs no look at the rows; else
the figure comes from bit words.
"""

from typing import get_args

from shared.query.filters import kept_words
from shared.query.view import Segments, SegmentView, View
from shared.schema.filters import FieldCondition, Filter
from shared.schema.queries import Count

_FIELD_CONDITIONS = get_args(FieldCondition)


def count_segments(segments: Segments, count: Count) -> int:
    """Return how many live points the filter keeps."""
    condition = only_condition(count.filter)
    return sum(_counted(one, count.filter, condition) for one in View.of(segments))


def _counted(view: SegmentView, wanted: Filter | None, condition: FieldCondition | None) -> int:
    if condition is not None and view.live == view.size == view.segment.count:
        found = view.segment.column(condition.key).count(condition)
        if found is not None:
            return found
    return kept_words(view, wanted)[1]


def only_condition(wanted: Filter | None) -> FieldCondition | None:
    """Return the condition of a filter that is nothing else."""
    if wanted is None or len(wanted.must) != 1 or wanted.should or wanted.must_not or wanted.min_should:
        return None
    [condition] = wanted.must
    return condition if isinstance(condition, _FIELD_CONDITIONS) and not wanted.min_count else None
