"""Counting the points that a filter keeps. Always exact, whatever `exact` asks: it costs no more here.

A single condition over a segment without dead rows is counted by its column where that needs no look at the rows; else
the figure comes from bit words.
"""

from shared.query.masks import mask_of, name_of, only_condition
from shared.query.view import Segments, SegmentView, View
from shared.schema.filters import FieldCondition
from shared.schema.queries import Count
from shared.segment.kept_masks import FEW_ROWS


def count_segments(segments: Segments, count: Count) -> int:
    """Return how many live points the filter keeps."""
    name, condition = name_of(count.filter), only_condition(count.filter)
    return sum(_counted(one, count, name, condition) for one in View.of(segments))


def _counted(view: SegmentView, count: Count, name: bytes, condition: FieldCondition | None) -> int:
    mask = view.segment.masks.get(name, view.words)
    if mask is not None:
        return mask.matching
    if condition is not None and view.live == view.size == view.segment.count:
        found = view.segment.column(condition.key).count(condition)
        if found is not None and (found > FEW_ROWS or not view.segment.masks.is_known(name)):
            return found  # few rows of a filter that comes again are kept as a list: the next count finds it
    return mask_of(view, count.filter, name).matching
