"""Filters: the narrow types used inside Shoal. The api parses the wire's untagged forms into these.

A condition looks at the values at a payload path. A path that meets an array looks at each element: any may match.
"""

import msgspec

Scalar = str | int | bool


class MatchAny(msgspec.Struct, frozen=True, array_like=True, tag="match"):
    """Any value equals one of `values`. `match: {value}` is a list of one. `true` and 1 are different."""

    key: str
    values: list[Scalar]


class MatchExcept(msgspec.Struct, frozen=True, array_like=True, tag="except"):
    """Some value is none of `values`."""

    key: str
    values: list[Scalar]


class Range(msgspec.Struct, frozen=True, array_like=True, tag="range"):
    """Any number within the bounds; booleans and text never are."""

    key: str
    gt: float | None = None
    gte: float | None = None
    lt: float | None = None
    lte: float | None = None


class HasId(msgspec.Struct, frozen=True, array_like=True, tag="has_id"):
    """The point's id is one of `ids`."""

    ids: list[int | bytes]


class IsEmpty(msgspec.Struct, frozen=True, array_like=True, tag="is_empty"):
    """The key is missing, null or []."""

    key: str


class Filter(msgspec.Struct, frozen=True, array_like=True, tag="filter"):
    """All of `must`, none of `must_not`, at least one of `should` unless it is empty. An empty filter matches all."""

    must: list["Condition"] = []
    should: list["Condition"] = []
    must_not: list["Condition"] = []


Condition = MatchAny | MatchExcept | Range | HasId | IsEmpty | Filter
