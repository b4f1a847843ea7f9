"""Every condition of the reference in a body: narrowed, or refused with the status that the reference gives."""

from typing import Any

import msgspec
import pytest

from services.api.validate.filters import FilterLimits, WireFilter, parse_filter
from shared.errors import BadFormat, Invalid
from shared.schema.filters import (
    Condition,
    DatetimeRange,
    Filter,
    GeoBox,
    GeoPolygon,
    GeoRadius,
    HasVector,
    IsEmpty,
    IsNotNull,
    IsNull,
    MatchAny,
    MatchPhrase,
    MatchPrefix,
    MatchText,
    MatchTextAny,
    Nested,
    Range,
    Slice,
    ValuesCount,
)

LIMITS = FilterLimits(conditions_max=50, depth_max=5)
SQUARE = [{"lon": lon, "lat": lat} for lon, lat in ((0, 0), (0, 10), (10, 10), (10, 0), (0, 0))]
CORNERS = [(0.0, 0.0), (0.0, 10.0), (10.0, 10.0), (10.0, 0.0), (0.0, 0.0)]
TEN = {"lon": 10, "lat": 10.5}

NARROWED: list[tuple[dict[str, Any], Condition]] = [
    ({"key": "a", "match": {"text": "x"}}, MatchText("a", "x")),
    ({"key": "a", "match": {"text_any": ""}}, MatchTextAny("a", "")),
    ({"key": "a", "match": {"phrase": "x y"}}, MatchPhrase("a", "x y")),
    ({"key": "a", "match": {"prefix": ""}}, MatchPrefix("a", "")),
    ({"key": "a", "match": {"value": False}}, MatchAny("a", [False])),
    ({"key": "a", "range": {}}, Range("a")),
    (
        {"key": "a", "range": {"gte": "1970-01-01", "lt": "1970-01-01T00:00:01Z"}},
        DatetimeRange("a", gte=0, lt=1_000_000),
    ),
    (
        {"key": "a", "geo_bounding_box": {"top_left": {"lon": 170, "lat": 5}, "bottom_right": {"lon": -170, "lat": 1}}},
        GeoBox("a", left=170, top=5, right=-170, bottom=1),
    ),
    ({"key": "a", "geo_radius": {"center": TEN, "radius": 1}}, GeoRadius("a", (10, 10.5), 1)),
    ({"key": "a", "geo_polygon": {"exterior": {"points": SQUARE}}}, GeoPolygon("a", CORNERS)),
    (
        {"key": "a", "geo_polygon": {"exterior": {"points": SQUARE}, "interiors": [{"points": SQUARE}]}},
        GeoPolygon("a", CORNERS, [CORNERS]),
    ),
    ({"key": "a", "values_count": {"gt": 0, "lte": 3}}, ValuesCount("a", gt=0, lte=3)),
    ({"key": "a", "values_count": {}}, ValuesCount("a")),
    ({"is_null": {"key": "a"}}, IsNull("a")),
    ({"key": "a", "is_null": True}, IsNull("a")),
    ({"key": "a", "is_null": False}, Filter(must_not=[IsNull("a")])),
    ({"key": "a[]", "is_null": False}, IsNotNull("a[]")),
    ({"key": "a[].b", "is_empty": True}, ValuesCount("a[].b", lte=0)),
    ({"is_empty": {"key": "a[].b"}}, IsEmpty("a[].b")),
    ({"has_vector": ""}, HasVector("")),
    ({"slice": {"total": 2**32 - 1, "index": 7}}, Slice(2**32 - 1, 7)),
    (
        {"nested": {"key": "a[].b", "filter": {"must_not": {"is_null": {"key": "c"}}}}},
        Nested("a[].b", Filter(must_not=[IsNull("c")])),
    ),
    ({"nested": {"key": "a", "filter": {}}}, Nested("a", Filter())),
    (
        {"min_should": {"conditions": [{"has_vector": "v"}], "min_count": 2}},
        Filter(min_should=[HasVector("v")], min_count=2),
    ),
    # one condition with several tests
    ({"key": "a", "match": {"value": 1}, "is_empty": False, "values_count": {"gt": 1}}, ValuesCount("a", gt=1)),
    ({"key": "a", "match": {"value": 1}, "is_empty": True, "is_null": True}, IsEmpty("a")),
    ({"key": "a", "match": {"value": 1}, "is_null": True}, IsNull("a")),
    (
        {"key": "a", "range": {"gt": 1}, "geo_radius": {"center": TEN, "radius": 1}},
        Filter(should=[Range("a", gt=1), GeoRadius("a", (10, 10.5), 1)]),
    ),
]

UNPARSABLE: list[dict[str, Any]] = [
    {"key": "a", "match": {"text": None}},
    {"key": "a", "match": {"text": "x", "prefix": "x"}},
    {"key": "a", "match": {"value": 1.5}},
    {"key": "a", "match": {"any": [True]}},
    {"key": "a", "range": {"gt": 1, "lt": "1970-01-01"}},
    {"key": "a", "range": {"gt": "20150201"}},
    {"key": "a", "range": {"gt": True}},
    {"key": "a", "values_count": {"gt": -1}},
    {"key": "a", "values_count": {"gt": 1.5}},
    {"key": "a", "geo_radius": {"center": {"lon": 181, "lat": 0}, "radius": 1}},
    {"key": "a", "geo_radius": {"center": {"lon": 0, "lat": -90.1}, "radius": 1}},
    {"key": "a", "geo_radius": {"center": {"lon": 0}, "radius": 1}},
    {"key": "a", "geo_bounding_box": {"top_left": TEN}},
    {"key": "a", "geo_polygon": {"exterior": {"points": SQUARE[:4]}}},
    {"key": "a", "geo_polygon": {"exterior": {"points": [SQUARE[0]] * 3}}},
    {"key": "a", "geo_polygon": {"exterior": {"points": SQUARE}, "interiors": [{"points": SQUARE[:2]}]}},
    {"slice": {"total": 0, "index": 0}},
    {"slice": {"total": 2}},
    {"slice": {"total": 2**32, "index": 0}},
    {"slice": {"total": 2, "index": -1}},
    {"nested": {"key": "a"}},
    {"nested": {"key": "a[", "filter": {}}},
    {"nested": {"filter": {}}},
    {"min_should": {"conditions": []}},
    {"min_should": {"min_count": 1}},
    {"min_should": {"conditions": [], "min_count": -1}},
    {"has_vector": None, "has_id": [1], "is_null": {"key": "a"}},
    {"is_null": True},
    {"is_empty": {}},
    {"is_null": {"key": "a", "more": 1}},
    {"slice": {"total": 2, "index": 0}, "key": "a", "match": {"value": 1}},
    {"geo_radius": {"center": TEN, "radius": 1}},
]


def narrow(condition: Any) -> Condition:
    try:
        wire = msgspec.convert({"must": [condition]}, WireFilter)
    except msgspec.ValidationError as error:
        raise BadFormat(str(error)) from error
    parsed = parse_filter(wire, LIMITS)
    assert parsed is not None
    return parsed.must[0]


@pytest.mark.parametrize(("condition", "narrowed"), NARROWED, ids=str)
def test_condition_is_narrowed(condition: Any, narrowed: Condition) -> None:
    assert narrow(condition) == narrowed


@pytest.mark.parametrize("condition", UNPARSABLE, ids=str)
def test_condition_that_does_not_parse_is_a_format_error(condition: Any) -> None:
    with pytest.raises(BadFormat):
        narrow(condition)


@pytest.mark.parametrize(
    ("condition", "text"),
    [
        ({"key": "a"}, "At least one field condition must be specified"),
        ({"key": "a", "match": None, "is_null": None}, "At least one field condition must be specified"),
        ({"slice": {"total": 2, "index": 2}}, "index must be less than total"),
        ({"min_should": {"conditions": [], "min_count": 0}}, "min_count must be greater than 0"),
        ({"nested": {"key": "a", "filter": {"must": {"key": "b"}}}}, "At least one field condition must be specified"),
    ],
    ids=str,
)
def test_condition_that_breaks_a_rule_is_invalid(condition: Any, text: str) -> None:
    with pytest.raises(Invalid, match=text):
        narrow(condition)


def test_filter_of_min_should_alone_keeps_not_everything() -> None:
    wire = msgspec.convert({"min_should": {"conditions": [], "min_count": 1}}, WireFilter)

    assert parse_filter(wire, LIMITS) == Filter(min_count=1)
