"""Filters: one wide wire struct for every condition, narrowed to shared.schema.filters.

A condition is what its keys say it is. A field condition with several tests holds when any of them does, as in the
reference. Unknown keys are refused.
"""

from typing import Any

import msgspec

from services.api.validate.paths import check_path
from services.api.validate.unsupported import refuse, refuse_given
from shared.errors import BadFormat, BadRequest, Invalid
from shared.schema.filters import Condition, Filter, HasId, IsEmpty, MatchAny, MatchExcept, Range, Scalar
from shared.schema.points import parse_point_id

_INT_MIN, _INT_MAX = -(2**63), 2**63 - 1


class WireMatch(msgspec.Struct, forbid_unknown_fields=True):
    value: str | int | bool | None = None
    any: list[str | int] | None = None
    except_: list[str | int] | None = msgspec.field(default=None, name="except")
    text: Any = None
    text_any: Any = None
    phrase: Any = None
    prefix: Any = None


class WireRange(msgspec.Struct, forbid_unknown_fields=True):
    gt: float | str | None = None
    gte: float | str | None = None
    lt: float | str | None = None
    lte: float | str | None = None


class WireKey(msgspec.Struct, forbid_unknown_fields=True):
    key: str


class WireCondition(msgspec.Struct, forbid_unknown_fields=True):
    """Every key that any condition of the reference has."""

    key: str | None = None
    match: WireMatch | None = None
    range: WireRange | None = None
    is_empty: WireKey | bool | None = None
    has_id: list[int | str] | None = None
    must: "WireCondition | list[WireCondition] | None" = None
    should: "WireCondition | list[WireCondition] | None" = None
    must_not: "WireCondition | list[WireCondition] | None" = None
    min_should: Any = None
    geo_bounding_box: Any = None
    geo_radius: Any = None
    geo_polygon: Any = None
    values_count: Any = None
    is_null: Any = None
    has_vector: Any = None
    slice: Any = None
    nested: Any = None


class WireFilter(msgspec.Struct, forbid_unknown_fields=True):
    must: WireCondition | list[WireCondition] | None = None
    should: WireCondition | list[WireCondition] | None = None
    must_not: WireCondition | list[WireCondition] | None = None
    min_should: Any = None


_UNBUILT = (
    "geo_bounding_box",
    "geo_radius",
    "geo_polygon",
    "values_count",
    "is_null",
    "has_vector",
    "slice",
    "nested",
    "min_should",
)


class FilterLimits(msgspec.Struct, frozen=True):
    """Most conditions of one filter, nested ones included, and its deepest nesting."""

    conditions_max: int
    depth_max: int


def parse_filter(wire: WireFilter | None, limits: FilterLimits, path: str = "filter") -> Filter | None:
    """Return the narrow filter; None when it keeps everything."""
    if wire is None:
        return None
    if wire.min_should is not None:
        refuse("filter clause `min_should`")
    parsed = _Parser(limits, path).clauses(wire, 1)
    return parsed if parsed.must or parsed.should or parsed.must_not else None


class _Parser:
    """Parses one filter and counts its conditions."""

    def __init__(self, limits: FilterLimits, path: str) -> None:
        self._limits = limits
        self._path = path
        self._seen = 0

    def clauses(self, wire: "WireFilter | WireCondition", depth: int) -> Filter:
        if depth > self._limits.depth_max:
            raise BadRequest(f"Filter nesting limit reached ({depth} > {self._limits.depth_max})")
        return Filter(
            must=self._list(wire.must, depth),
            should=self._list(wire.should, depth),
            must_not=self._list(wire.must_not, depth),
        )

    def _list(self, wire: "WireCondition | list[WireCondition] | None", depth: int) -> list[Condition]:
        if wire is None:
            return []
        conditions = wire if isinstance(wire, list) else [wire]
        self._seen += len(conditions)
        if self._seen > self._limits.conditions_max:
            raise BadRequest(f"Filter condition limit reached ({self._seen} > {self._limits.conditions_max})")
        return [self._condition(each, depth) for each in conditions]

    def _condition(self, wire: WireCondition, depth: int) -> Condition:
        refuse_given(wire, _UNBUILT, "filter condition ")
        is_filter = wire.must is not None or wire.should is not None or wire.must_not is not None
        forms = (wire.key is not None) + (wire.has_id is not None) + isinstance(wire.is_empty, WireKey) + is_filter
        if forms > 1:
            raise BadFormat("Expected some form of condition, got a mixture of several")
        if wire.key is not None:
            return self._field(wire.key, wire)
        if wire.match is not None or wire.range is not None or isinstance(wire.is_empty, bool):
            raise BadFormat("Expected some form of condition, a field condition needs a `key`")
        if wire.has_id is not None:
            return HasId([parse_point_id(each) for each in wire.has_id])
        if isinstance(wire.is_empty, WireKey):
            return IsEmpty(check_path(wire.is_empty.key))
        return self.clauses(wire, depth + 1)

    def _field(self, key: str, wire: WireCondition) -> Condition:
        check_path(key)
        tests: list[Condition] = []
        if wire.match is not None:
            tests.append(_match(key, wire.match))
        if wire.range is not None:
            tests.append(_range(key, wire.range))
        if isinstance(wire.is_empty, bool):
            tests.append(IsEmpty(key) if wire.is_empty else Filter(must_not=[IsEmpty(key)]))
        if not tests:
            raise Invalid(f"{self._path}: At least one field condition must be specified")
        return tests[0] if len(tests) == 1 else Filter(should=tests)


def _match(key: str, wire: WireMatch) -> Condition:
    refuse_given(wire, ("text", "text_any", "phrase", "prefix"), "filter condition match.")
    if wire.value is not None:
        return MatchAny(key, [_scalar(wire.value)])
    if wire.any is not None:
        return MatchAny(key, _scalars(wire.any))
    if wire.except_ is not None:
        return MatchExcept(key, _scalars(wire.except_))
    raise BadFormat("Expected some form of condition: `match` needs `value`, `any` or `except`")


def _scalars(values: list[str | int]) -> list[Scalar]:
    if any(isinstance(each, str) for each in values) and any(isinstance(each, int) for each in values):
        raise BadFormat("a list to match holds either strings or integers, not both")
    return [_scalar(each) for each in values]


def _scalar(value: Scalar) -> Scalar:
    if isinstance(value, int) and not _INT_MIN <= value <= _INT_MAX:
        raise BadFormat(f"value {value} to match is not a 64-bit integer")
    return value


def _range(key: str, wire: WireRange) -> Range:
    bounds: dict[str, float | None] = {}
    for name in ("gt", "gte", "lt", "lte"):
        bound = getattr(wire, name)
        if isinstance(bound, str):
            refuse("filter condition `range` over dates")
        bounds[name] = bound
    return Range(key, **bounds)
