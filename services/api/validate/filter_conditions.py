"""The conditions on one payload key, narrowed to shared.schema.filters.

One that carries several tests is read as the reference's engine reads it: `values_count` decides alone where it is
given, else `is_empty`, else `is_null`; of the others any may hold.
"""

from services.api.validate.filter_wire import (
    WireCondition,
    WireCounts,
    WireMatch,
    WirePoint,
    WirePolygon,
    WireRange,
    WireRing,
)
from shared.errors import BadFormat
from shared.schema.dates import micros_of
from shared.schema.filters import (
    Condition,
    DatetimeRange,
    Filter,
    GeoBox,
    GeoPolygon,
    GeoRadius,
    IsEmpty,
    IsNotNull,
    IsNull,
    LonLat,
    MatchAny,
    MatchExcept,
    MatchPhrase,
    MatchPrefix,
    MatchText,
    MatchTextAny,
    Range,
    Scalar,
    ValuesCount,
)

FIELD_TESTS = ("match", "range", "geo_bounding_box", "geo_radius", "geo_polygon", "values_count")
"""What only a condition with a `key` has, beside `is_empty` and `is_null` as booleans."""

RING_POINTS_MIN = 4

_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1


def field_condition(key: str, wire: WireCondition) -> Condition | None:
    """Return the condition on a key; None when there is no test. Raises BadFormat."""
    if wire.values_count is not None:
        return _counts(key, wire.values_count)
    if isinstance(wire.is_empty, bool):
        return _empty(key, wire.is_empty)
    if isinstance(wire.is_null, bool):
        return _null(key, wire.is_null)
    tests: list[Condition] = []
    if wire.match is not None:
        tests.append(_match(key, wire.match))
    if wire.range is not None:
        tests.append(_range(key, wire.range))
    if wire.geo_bounding_box is not None:
        (left, top), (right, bottom) = map(
            _lon_lat, (wire.geo_bounding_box.top_left, wire.geo_bounding_box.bottom_right)
        )
        tests.append(GeoBox(key, left=left, top=top, right=right, bottom=bottom))
    if wire.geo_radius is not None:
        tests.append(GeoRadius(key, _lon_lat(wire.geo_radius.center), wire.geo_radius.radius))
    if wire.geo_polygon is not None:
        tests.append(_polygon(key, wire.geo_polygon))
    if not tests:
        return None
    return tests[0] if len(tests) == 1 else Filter(should=tests)


def _counts(key: str, wire: WireCounts) -> ValuesCount:
    return ValuesCount(key, gt=wire.gt, gte=wire.gte, lt=wire.lt, lte=wire.lte)


def _empty(key: str, wanted: bool) -> Condition:
    """Of the things that a path with `[]` selects `true` wants any to be empty; {is_empty: {key}} wants all."""
    if not wanted:
        return Filter(must_not=[IsEmpty(key)])
    return ValuesCount(key, lte=0) if "[]" in key else IsEmpty(key)


def _null(key: str, wanted: bool) -> Condition:
    if wanted:
        return IsNull(key)
    return IsNotNull(key) if "[]" in key else Filter(must_not=[IsNull(key)])


def _match(key: str, wire: WireMatch) -> Condition:
    given = [name for name in wire.__struct_fields__ if getattr(wire, name) is not None]
    if len(given) != 1:
        raise BadFormat(
            "Expected some form of condition: `match` needs one of `value`, `any`, `except`, `text`, `text_any`, "
            f"`phrase` and `prefix`, got {len(given)} of them"
        )
    if wire.value is not None:
        return MatchAny(key, [_scalar(wire.value)])
    if wire.any is not None:
        return MatchAny(key, _scalars(wire.any))
    if wire.except_ is not None:
        return MatchExcept(key, _scalars(wire.except_))
    if wire.text is not None:
        return MatchText(key, wire.text)
    if wire.text_any is not None:
        return MatchTextAny(key, wire.text_any)
    return MatchPhrase(key, wire.phrase) if wire.phrase is not None else MatchPrefix(key, wire.prefix or "")


def _scalars(values: list[str | int]) -> list[Scalar]:
    if any(isinstance(each, str) for each in values) and any(isinstance(each, int) for each in values):
        raise BadFormat("a list to match holds either strings or integers, not both")
    return [_scalar(each) for each in values]


def _scalar(value: Scalar) -> Scalar:
    if isinstance(value, int) and not _INT_MIN <= value <= _INT_MAX:
        raise BadFormat(f"value {value} to match is not a 64-bit integer")
    return value


def _range(key: str, wire: WireRange) -> Range | DatetimeRange:
    numbers: dict[str, float] = {}
    dates: dict[str, int] = {}
    for name in wire.__struct_fields__:
        bound = getattr(wire, name)
        if isinstance(bound, str):
            dates[name] = _date(bound)
        elif bound is not None:
            numbers[name] = bound
    if dates and numbers:
        raise BadFormat("Expected some form of condition: `range` has either numbers or dates as bounds, not both")
    return DatetimeRange(key, **dates) if dates else Range(key, **numbers)


def _date(text: str) -> int:
    micros = micros_of(text)
    if micros is None:
        raise BadFormat(
            f"Expected some form of condition: '{text}' in `range` is not a date such as 2015-10-21T07:28:00Z"
        )
    return micros


def _polygon(key: str, wire: WirePolygon) -> GeoPolygon:
    return GeoPolygon(key, _ring(wire.exterior), [_ring(interior) for interior in wire.interiors or ()])


def _ring(wire: WireRing) -> list[LonLat]:
    points = [_lon_lat(point) for point in wire.points]
    if len(points) < RING_POINTS_MIN:
        raise BadFormat(f"polygon invalid, the size must be at least {RING_POINTS_MIN}, got {len(points)}")
    if points[0] != points[-1]:
        raise BadFormat("polygon invalid, the first and the last points should be the same to form a closed line")
    return points


def _lon_lat(wire: WirePoint) -> LonLat:
    if not (-90 <= wire.lat <= 90 and -180 <= wire.lon <= 180):
        raise BadFormat(
            f"Wrong format of GeoPoint payload: expected `lat` = {wire.lat} within [-90;90] "
            f"and `lon` = {wire.lon} within [-180;180]"
        )
    return wire.lon, wire.lat
