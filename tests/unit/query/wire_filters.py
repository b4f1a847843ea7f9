"""Our narrow filters as clients write them in JSON: to put the same question to the official client's local mode."""

import uuid
from datetime import UTC, datetime, timedelta

from shared.schema.filters import (
    DatetimeRange,
    Filter,
    GeoBox,
    GeoPolygon,
    GeoRadius,
    HasId,
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

_MATCHES = {MatchText: "text", MatchTextAny: "text_any", MatchPhrase: "phrase", MatchPrefix: "prefix"}


def wire_filter(wanted):
    """Return a filter as JSON."""
    clauses = {name: [wire_condition(one) for one in getattr(wanted, name)] for name in ("must", "should", "must_not")}
    if wanted.min_count:
        conditions = [wire_condition(one) for one in wanted.min_should]
        return clauses | {"min_should": {"conditions": conditions, "min_count": wanted.min_count}}
    return clauses


def wire_condition(condition):
    """Return a condition as JSON."""
    match condition:
        case Filter():
            return wire_filter(condition)
        case HasId(ids):
            return {"has_id": [one if isinstance(one, int) else str(uuid.UUID(bytes=one)) for one in ids]}
        case HasVector(slot):
            return {"has_vector": slot}
        case Slice(total, index):
            return {"slice": {"total": total, "index": index}}
        case Nested(key, inner):
            return {"nested": {"key": key, "filter": wire_filter(inner)}}
        case IsEmpty(key):
            return {"is_empty": {"key": key}}
        case IsNull(key):
            return {"is_null": {"key": key}}
    return {"key": condition.key} | _test(condition)


def _test(condition):
    match condition:
        case MatchAny(_, [value]):
            return {"match": {"value": value}}
        case MatchAny(_, values):
            return {"match": {"any": values}}
        case MatchExcept(_, values):
            return {"match": {"except": values}}
        case MatchText(_, text) | MatchTextAny(_, text) | MatchPhrase(_, text) | MatchPrefix(_, text):
            return {"match": {_MATCHES[type(condition)]: text}}
        case Range():
            return {"range": _bounds(condition)}
        case DatetimeRange():
            return {"range": {name: _date(bound) for name, bound in _bounds(condition).items()}}
        case ValuesCount():
            return {"values_count": _bounds(condition)}
        case IsNotNull():
            return {"is_null": False}
        case GeoBox(_, left, top, right, bottom):
            return {"geo_bounding_box": {"top_left": _place((left, top)), "bottom_right": _place((right, bottom))}}
        case GeoRadius(_, center, radius_m):
            return {"geo_radius": {"center": _place(center), "radius": radius_m}}
        case GeoPolygon(_, exterior, interiors):
            return {"geo_polygon": {"exterior": _ring(exterior), "interiors": [_ring(hole) for hole in interiors]}}
    raise AssertionError(f"no client writes {condition}")


def _bounds(condition):
    bounds = {name: getattr(condition, name) for name in ("gt", "gte", "lt", "lte")}
    return {name: bound for name, bound in bounds.items() if bound is not None}


def _date(micros):
    return (datetime(1970, 1, 1, tzinfo=UTC) + timedelta(microseconds=micros)).isoformat()


def _place(lon_lat):
    return {"lon": lon_lat[0], "lat": lon_lat[1]}


def _ring(points):
    return {"points": [_place(point) for point in points]}
