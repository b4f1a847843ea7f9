"""Filters over segments: which live rows pass, as bit words.

Conditions on payload come from columns, whole arrays at a time; those on ids, vectors and slices from the segment.
"""

from collections.abc import Iterator

from shared.query.view import Segments, SegmentView, View
from shared.schema.filters import (
    Condition,
    DatetimeRange,
    FieldCondition,
    Filter,
    GeoBox,
    GeoPolygon,
    GeoRadius,
    HasId,
    HasVector,
    MatchPhrase,
    MatchText,
    MatchTextAny,
    Nested,
    Slice,
    ValuesCount,
)
from shared.segment import bits
from shared.segment.base import Segment
from shared.segment.bits import Words
from shared.segment.columns.clauses import conditions_of, keeps_all, passing
from shared.segment.id_map import IdBatch

NESTED_COST = 4
"""Elements are about so many times the rows."""


def words_of(segment: Segment, wanted: Filter | None) -> tuple[Words, int]:
    """Return the live rows of a segment that the filter keeps, and how many they are. No filter keeps all."""
    return kept_words(SegmentView(segment, segment.live_words, segment.live_count, segment.count), wanted)


def kept_words(view: SegmentView, wanted: Filter | None) -> tuple[Words, int]:
    """Return the rows of a view that the filter keeps, and how many they are."""
    if wanted is None or matches_all(wanted):
        return view.words, view.live
    words = passing(wanted, view.words, lambda one: _satisfying(view, one), lambda one: _cost(view, one))
    return words, bits.count(words)


def matches_all(wanted: Filter) -> bool:
    """True for the empty filter."""
    return keeps_all(wanted)


def cold_rows(segments: Segments, wanted: Filter | None) -> int:
    """Return how many payloads a filter must parse first: about half a microsecond each, for the choice of a thread."""
    if wanted is None:
        return 0
    asked = {(condition.key, _family(condition)): condition for condition in _field_conditions(wanted)}
    columns = [
        (one.segment.column(condition.key), condition) for one in View.of(segments) for condition in asked.values()
    ]
    return sum(column.cold_rows(condition) for column, condition in columns)


def _field_conditions(wanted: Filter) -> Iterator[FieldCondition]:
    for condition in conditions_of(wanted):
        if isinstance(condition, Filter):
            yield from _field_conditions(condition)
        elif not isinstance(condition, HasId | HasVector | Slice):
            yield condition


def _family(condition: FieldCondition) -> object:
    """Return what conditions on one key have in common when one column answers them all."""
    return id(condition) if isinstance(condition, Nested) else _FAMILIES.get(type(condition))


_FAMILIES: dict[type, str] = {
    DatetimeRange: "dates",
    ValuesCount: "counts",
    **dict.fromkeys((GeoBox, GeoRadius, GeoPolygon), "geo"),
    **dict.fromkeys((MatchText, MatchTextAny, MatchPhrase), "text"),
}


def _satisfying(view: SegmentView, condition: Condition) -> Words:
    """Return the rows that satisfy a condition; those that are not live may or may not be among them."""
    segment, size = view.segment, len(view.words)
    match condition:
        case HasId(ids):
            rows = segment.rows_of(IdBatch.from_ids(ids))
            return bits.from_rows(rows[(rows >= 0) & (rows < view.size)], view.size)
        case HasVector(slot):
            present = segment.present_words(slot)
            return view.words if present is None else present[:size]
        case Slice(total, index):
            return segment.slice_words(total, index)[:size]
        case Filter():
            raise AssertionError("clauses take filters apart")
        case _:
            return segment.column(condition.key).matches(condition)[:size]


def _cost(view: SegmentView, condition: Condition) -> int:
    """Return about how many rows or elements are looked at for a condition."""
    match condition:
        case HasId(ids):
            return len(ids)
        case HasVector() | Slice() | Filter():
            return 0
        case Nested():
            return NESTED_COST * view.size
        case _:
            count = view.segment.column(condition.key).count(condition)
            return view.size if count is None else count
