"""Filters as a body gives them. The reference's conditions carry no tag: one wide struct takes them all.

A condition is what its keys say it is (filters.py, filter_conditions.py). Unknown keys are refused.
"""

from typing import Annotated

import msgspec

_Count = Annotated[int, msgspec.Meta(ge=0, le=2**63 - 1)]
_Slices = Annotated[int, msgspec.Meta(ge=1, le=2**32 - 1)]
_Slice = Annotated[int, msgspec.Meta(ge=0, le=2**32 - 1)]


class WireMatch(msgspec.Struct, forbid_unknown_fields=True):
    """One of these."""

    value: str | int | bool | None = None
    any: list[str | int] | None = None
    except_: list[str | int] | None = msgspec.field(default=None, name="except")
    text: str | None = None
    text_any: str | None = None
    phrase: str | None = None
    prefix: str | None = None


class WireRange(msgspec.Struct, forbid_unknown_fields=True):
    """All numbers, or all dates."""

    gt: float | str | None = None
    gte: float | str | None = None
    lt: float | str | None = None
    lte: float | str | None = None


class WireCounts(msgspec.Struct, forbid_unknown_fields=True):
    gt: _Count | None = None
    gte: _Count | None = None
    lt: _Count | None = None
    lte: _Count | None = None


class WirePoint(msgspec.Struct, forbid_unknown_fields=True):
    lon: float
    lat: float


class WireBox(msgspec.Struct, forbid_unknown_fields=True):
    top_left: WirePoint
    bottom_right: WirePoint


class WireRadius(msgspec.Struct, forbid_unknown_fields=True):
    center: WirePoint
    radius: float


class WireRing(msgspec.Struct, forbid_unknown_fields=True):
    points: list[WirePoint]


class WirePolygon(msgspec.Struct, forbid_unknown_fields=True):
    exterior: WireRing
    interiors: list[WireRing] | None = None


class WireKey(msgspec.Struct, forbid_unknown_fields=True):
    key: str


class WireSlice(msgspec.Struct, forbid_unknown_fields=True):
    total: _Slices
    index: _Slice


class WireNested(msgspec.Struct, forbid_unknown_fields=True):
    key: str
    filter: "WireFilter"


class WireMinShould(msgspec.Struct, forbid_unknown_fields=True):
    conditions: "list[WireCondition]"
    min_count: _Count


class WireCondition(msgspec.Struct, forbid_unknown_fields=True):
    """Every key that any condition of the reference has."""

    key: str | None = None
    match: WireMatch | None = None
    range: WireRange | None = None
    geo_bounding_box: WireBox | None = None
    geo_radius: WireRadius | None = None
    geo_polygon: WirePolygon | None = None
    values_count: WireCounts | None = None
    is_empty: WireKey | bool | None = None
    is_null: WireKey | bool | None = None
    has_id: list[int | str] | None = None
    has_vector: str | None = None
    slice: WireSlice | None = None
    nested: WireNested | None = None
    must: "WireCondition | list[WireCondition] | None" = None
    should: "WireCondition | list[WireCondition] | None" = None
    must_not: "WireCondition | list[WireCondition] | None" = None
    min_should: WireMinShould | None = None


class WireFilter(msgspec.Struct, forbid_unknown_fields=True):
    """The four clauses; of `should`, `must` and `must_not` each a condition or a list."""

    must: WireCondition | list[WireCondition] | None = None
    should: WireCondition | list[WireCondition] | None = None
    must_not: WireCondition | list[WireCondition] | None = None
    min_should: WireMinShould | None = None
