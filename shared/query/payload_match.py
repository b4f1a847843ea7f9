"""A filter on one decoded payload, in plain Python: the definition that columns must agree with.

Used where a single point is asked about, and as the twin of filters.py in tests.
"""

import math
from typing import Any

from shared.schema.filters import Condition, Filter, HasId, IsEmpty, MatchAny, MatchExcept, Range
from shared.schema.points import PointId
from shared.segment.columns.bounds import HIGH, LOW
from shared.segment.columns.parse import rounded
from shared.segment.columns.paths import flat_values, is_blank, parse_path, select


def payload_matches(wanted: Filter | None, point_id: PointId, payload: dict[str, Any]) -> bool:
    """Return whether the filter keeps a point."""
    if wanted is None:
        return True
    return (
        all(_satisfies(condition, point_id, payload) for condition in wanted.must)
        and not any(_satisfies(condition, point_id, payload) for condition in wanted.must_not)
        and (not wanted.should or any(_satisfies(condition, point_id, payload) for condition in wanted.should))
    )


def _satisfies(condition: Condition, point_id: PointId, payload: dict[str, Any]) -> bool:
    match condition:
        case Filter():
            return payload_matches(condition, point_id, payload)
        case HasId(ids):
            return point_id in ids
        case IsEmpty(key):
            return all(is_blank(selected) for selected in select(payload, parse_path(key)))
        case MatchAny(key, values):
            return any(_is_among(value, values) for value in _values(payload, key))
        case MatchExcept(key, values):
            return any(not _is_among(value, values) for value in _values(payload, key))
        case Range(key):
            return any(_is_within(value, condition) for value in _values(payload, key))
        case _:
            raise NotImplementedError(f"condition {type(condition).__name__}")


def _values(payload: dict[str, Any], key: str) -> list[Any]:
    """Return the values at a path: elements of arrays one level deep, no nulls."""
    selected = select(payload, parse_path(key))
    return [value for part in selected for value in flat_values(part) if value is not None]


def _is_among(value: Any, wanted: list[str | int | bool]) -> bool:
    kind = type(value)
    if kind not in (str, int, bool):
        return False
    return any(type(other) is kind and other == value for other in wanted)


def _is_within(value: Any, bounds: Range) -> bool:
    if type(value) is int:
        value = value if LOW <= value <= HIGH else rounded(value)
    elif type(value) is not float:
        return False
    return bool(
        (bounds.gt is None or value > bounds.gt)
        and (bounds.gte is None or value >= bounds.gte)
        and (bounds.lt is None or value < bounds.lt)
        and (bounds.lte is None or value <= bounds.lte)
        and not math.isnan(value)
    )
