"""A filter on one decoded payload, in plain Python: the definition that columns must agree with.

Used where a single point is asked about, and as the twin of filters.py in tests.
"""

import math
from collections.abc import Callable, Collection
from typing import Any, NamedTuple

from shared.schema.dates import micros_of
from shared.schema.filters import (
    Condition,
    DatetimeRange,
    Filter,
    GeoBox,
    GeoPolygon,
    GeoRadius,
    HasId,
    HasType,
    HasVector,
    IsEmpty,
    IsNotNull,
    IsNull,
    MatchAny,
    MatchExcept,
    MatchPhrase,
    MatchPrefix,
    MatchText,
    MatchTextAny,
    Nested,
    Range,
    Slice,
    ValuesCount,
)
from shared.schema.payload_index import TextAnalysis
from shared.schema.points import PointId
from shared.segment.analysis import text_matches
from shared.segment.columns.bounds import HIGH, LOW
from shared.segment.columns.geo import point_of
from shared.segment.columns.geo_shapes import is_within
from shared.segment.columns.nested import elements_path
from shared.segment.columns.parse import rounded
from shared.segment.columns.paths import Path, flat_values, has_null, is_blank, parse_path, select
from shared.segment.id_slices import hash_of_id

AnalysisOf = Callable[[Path], TextAnalysis | None]
"""How texts at a path are cut into terms: that of the text index declared on it, if one is."""


class MatchedPoint(NamedTuple):
    """A point as conditions see it. One of an element has no id, and no vectors."""

    payload: Any
    id: PointId | None = None
    vectors: Collection[str] = ()


def payload_matches(
    wanted: Filter | None, point_id: PointId, payload: dict[str, Any], analysis_of: AnalysisOf = lambda path: None
) -> bool:
    """Return whether the filter keeps a point, of whose vectors nothing is asked."""
    return wanted is None or point_matches(wanted, MatchedPoint(payload, point_id), analysis_of)


def point_matches(wanted: Filter, point: MatchedPoint, analysis_of: AnalysisOf = lambda path: None) -> bool:
    """Return whether the filter keeps a point."""

    def holds(condition: Condition) -> bool:
        return _satisfies(condition, point, analysis_of)

    return (
        all(map(holds, wanted.must))
        and not any(map(holds, wanted.must_not))
        and (not wanted.should or any(map(holds, wanted.should)))
        and sum(map(holds, wanted.min_should)) >= wanted.min_count
    )


def _satisfies(condition: Condition, point: MatchedPoint, analysis_of: AnalysisOf) -> bool:
    match condition:
        case Filter():
            return point_matches(condition, point, analysis_of)
        case HasId(ids):
            return point.id in ids
        case HasVector(slot):
            return slot in point.vectors
        case Slice(total, index):
            return point.id is not None and hash_of_id(point.id) % total == index
        case Nested(key, inner):
            return _has_element(elements_path(key), inner, point, analysis_of)
    selected = list(select(point.payload, parse_path(condition.key)))
    values = [value for part in selected for value in flat_values(part) if value is not None]
    match condition:
        case IsEmpty():
            return all(map(is_blank, selected))
        case IsNull():
            return any(map(has_null, selected))
        case IsNotNull():
            return not selected or not all(map(has_null, selected))
        case ValuesCount():
            return any(_is_within(_count(part), condition) for part in selected or [None])
        case MatchText() | MatchTextAny() | MatchPhrase():
            return text_matches(condition, values, analysis_of(parse_path(condition.key)))
        case _:
            return any(_fits(value, condition) for value in values)


def _has_element(path: Path, inner: Filter, point: MatchedPoint, analysis_of: AnalysisOf) -> bool:
    def analysis_below(below: Path) -> TextAnalysis | None:
        return analysis_of(path + below)

    elements = [element for element in select(point.payload, path) if isinstance(element, dict)]
    return any(point_matches(inner, MatchedPoint(element), analysis_below) for element in elements)


def _fits(value: Any, condition: Condition) -> bool:
    """Return whether one value satisfies a condition that any value may."""
    match condition:
        case MatchAny(_, values):
            return _is_among(value, values)
        case MatchExcept(_, values):
            return not _is_among(value, values)
        case MatchPrefix(_, prefix):
            return isinstance(value, str) and value.startswith(prefix)
        case Range():
            number = _number(value)
            return number is not None and _is_within(number, condition)
        case DatetimeRange():
            moment = micros_of(value) if isinstance(value, str) else None
            return moment is not None and _is_within(moment, condition)
        case GeoBox() | GeoRadius() | GeoPolygon():
            point = point_of(value)
            return point is not None and is_within(condition, *point)
        case _:
            assert isinstance(condition, HasType), "every other condition is answered before"
            raise NotImplementedError("no filter of a client asks for a type")


def _is_among(value: Any, wanted: list[str | int | bool]) -> bool:
    kind = type(value)
    if kind not in (str, int, bool):
        return False
    return any(type(other) is kind and other == value for other in wanted)


def _number(value: Any) -> float | None:
    """Return a number to compare: integers as they are where columns hold them, beyond that as float64."""
    if type(value) is int:
        return value if LOW <= value <= HIGH else rounded(value)
    return value if type(value) is float and not math.isnan(value) else None


def _is_within(value: float, bounds: Range | DatetimeRange | ValuesCount) -> bool:
    return bool(
        (bounds.gt is None or value > bounds.gt)
        and (bounds.gte is None or value >= bounds.gte)
        and (bounds.lt is None or value < bounds.lt)
        and (bounds.lte is None or value <= bounds.lte)
    )


def _count(selected: Any) -> int:
    if isinstance(selected, list):
        return len(selected)
    return 0 if selected is None else 1
