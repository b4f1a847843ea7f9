"""Filters: the wire's untagged conditions narrowed to shared.schema.filters, and the limits on a whole filter."""

import msgspec

from services.api.validate.filter_conditions import FIELD_TESTS, field_condition
from services.api.validate.filter_wire import WireCondition, WireFilter, WireKey, WireMinShould, WireSlice
from services.api.validate.paths import check_path
from shared.errors import BadFormat, BadRequest, Invalid
from shared.schema.filters import Condition, Filter, HasId, HasVector, IsEmpty, IsNull, Nested, Slice
from shared.schema.points import parse_point_id

__all__ = ["FilterLimits", "WireFilter", "parse_filter"]


class FilterLimits(msgspec.Struct, frozen=True):
    """Most conditions of one filter, nested ones included, and its deepest nesting."""

    conditions_max: int
    depth_max: int


def parse_filter(wire: WireFilter | None, limits: FilterLimits, path: str = "filter") -> Filter | None:
    """Return the narrow filter; None when it keeps everything. `path` names it in a 422."""
    if wire is None:
        return None
    parsed = _Parser(limits, path).clauses(wire, 1)
    return None if parsed == Filter() else parsed


class _Parser:
    """Parses one filter and counts its conditions."""

    def __init__(self, limits: FilterLimits, path: str) -> None:
        self._limits = limits
        self._path = path
        self._seen = 0

    def clauses(self, wire: WireFilter | WireCondition, depth: int) -> Filter:
        if depth > self._limits.depth_max:
            raise BadRequest(f"Filter nesting limit reached ({depth} > {self._limits.depth_max})")
        least = wire.min_should
        return Filter(
            must=self._list(wire.must, depth),
            should=self._list(wire.should, depth),
            must_not=self._list(wire.must_not, depth),
            min_should=[] if least is None else self._list(least.conditions, depth),
            min_count=0 if least is None else self._min_count(least),
        )

    def _min_count(self, wire: WireMinShould) -> int:
        if not wire.min_count:
            raise Invalid(f"{self._path}.min_should.min_count: min_count must be greater than 0")
        return wire.min_count

    def _list(self, wire: WireCondition | list[WireCondition] | None, depth: int) -> list[Condition]:
        if wire is None:
            return []
        conditions = wire if isinstance(wire, list) else [wire]
        self._seen += len(conditions)
        if self._seen > self._limits.conditions_max:
            raise BadRequest(f"Filter condition limit reached ({self._seen} > {self._limits.conditions_max})")
        return [self._condition(each, depth) for each in conditions]

    def _condition(self, wire: WireCondition, depth: int) -> Condition:
        if _forms(wire) > 1:
            raise BadFormat("Expected some form of condition, got a mixture of several")
        if wire.key is not None:
            return self._field(wire.key, wire)
        if any(getattr(wire, name) is not None for name in FIELD_TESTS) or bool in map(
            type, (wire.is_empty, wire.is_null)
        ):
            raise BadFormat("Expected some form of condition, a field condition needs a `key`")
        if wire.has_id is not None:
            return HasId([parse_point_id(each) for each in wire.has_id])
        if isinstance(wire.is_empty, WireKey):
            return IsEmpty(check_path(wire.is_empty.key))
        if isinstance(wire.is_null, WireKey):
            return IsNull(check_path(wire.is_null.key))
        if wire.has_vector is not None:
            return HasVector(wire.has_vector)
        if wire.slice is not None:
            return self._slice(wire.slice)
        if wire.nested is not None:
            return Nested(check_path(wire.nested.key), self.clauses(wire.nested.filter, depth + 1))
        return self.clauses(wire, depth + 1)

    def _field(self, key: str, wire: WireCondition) -> Condition:
        condition = field_condition(check_path(key), wire)
        if condition is None:
            raise Invalid(f"{self._path}: At least one field condition must be specified")
        return condition

    def _slice(self, wire: WireSlice) -> Slice:
        if wire.index >= wire.total:
            raise Invalid(f"{self._path}.slice.index: index must be less than total")
        return Slice(wire.total, wire.index)


def _forms(wire: WireCondition) -> int:
    """Return how many of the kinds of condition, of which each excludes the others, a condition looks like."""
    alone = (wire.key, wire.has_id, wire.has_vector, wire.slice, wire.nested)
    keyed = isinstance(wire.is_empty, WireKey) + isinstance(wire.is_null, WireKey)
    clauses = (wire.must, wire.should, wire.must_not, wire.min_should)
    is_filter = any(clause is not None for clause in clauses)
    return sum(form is not None for form in alone) + keyed + is_filter
