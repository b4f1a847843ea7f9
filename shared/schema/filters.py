"""Filters: the narrow types used inside Shoal. The api parses the wire's untagged forms into these.

A condition looks at the values at a payload path. A path that meets an array looks at each element: any may match.
Source: features.md section 8, qdrant-client's local mode; shared/query/README.md says where they differ.
"""

import msgspec

from shared.schema.payload_index import FieldType

Scalar = str | int | bool
LonLat = tuple[float, float]


class MatchAny(msgspec.Struct, frozen=True, array_like=True, tag="match"):
    """Any value equals one of `values`. `match: {value}` is a list of one. `true` and 1 are different."""

    key: str
    values: list[Scalar]


class MatchExcept(msgspec.Struct, frozen=True, array_like=True, tag="except"):
    """Some value is none of `values`."""

    key: str
    values: list[Scalar]


class MatchText(msgspec.Struct, frozen=True, array_like=True, tag="text"):
    """The texts hold all tokens of `text`; where the path has no text index, one text holds all of its words."""

    key: str
    text: str


class MatchTextAny(msgspec.Struct, frozen=True, array_like=True, tag="text_any"):
    """Some text holds any token of `text`; without a text index: any of its words."""

    key: str
    text: str


class MatchPhrase(msgspec.Struct, frozen=True, array_like=True, tag="phrase"):
    """Some text holds the tokens of `phrase` side by side, in order."""

    key: str
    phrase: str


class MatchPrefix(msgspec.Struct, frozen=True, array_like=True, tag="prefix"):
    """Some text begins with `prefix`; "" begins all."""

    key: str
    prefix: str


class Range(msgspec.Struct, frozen=True, array_like=True, tag="range"):
    """Any number within the bounds; booleans and text never are."""

    key: str
    gt: float | None = None
    gte: float | None = None
    lt: float | None = None
    lte: float | None = None


class DatetimeRange(msgspec.Struct, frozen=True, array_like=True, tag="datetime_range"):
    """Any text that is a date within the bounds, which are microseconds since 1970 in UTC."""

    key: str
    gt: int | None = None
    gte: int | None = None
    lt: int | None = None
    lte: int | None = None


class GeoBox(msgspec.Struct, frozen=True, array_like=True, tag="geo_box"):
    """Any point strictly inside. Degrees. Where `left` is above `right` the box goes over the antimeridian."""

    key: str
    left: float
    top: float
    right: float
    bottom: float


class GeoRadius(msgspec.Struct, frozen=True, array_like=True, tag="geo_radius"):
    """Any point nearer than `radius_m` metres to the centre, by haversine."""

    key: str
    center: LonLat
    radius_m: float


class GeoPolygon(msgspec.Struct, frozen=True, array_like=True, tag="geo_polygon"):
    """Any point inside the closed ring `exterior` and in none of the closed rings `interiors`."""

    key: str
    exterior: list[LonLat]
    interiors: list[list[LonLat]] = []


class ValuesCount(msgspec.Struct, frozen=True, array_like=True, tag="values_count"):
    """What the path selects has a number of values within the bounds.

    An array has as many as it has elements, nulls among them; null has none, anything else one. A path with `[]`
    selects several things, of which any may count; where it selects nothing the number is 0.
    """

    key: str
    gt: int | None = None
    gte: int | None = None
    lt: int | None = None
    lte: int | None = None


class IsEmpty(msgspec.Struct, frozen=True, array_like=True, tag="is_empty"):
    """The key is missing, null or []; a path with `[]`: so is everything that it selects."""

    key: str


class IsNull(msgspec.Struct, frozen=True, array_like=True, tag="is_null"):
    """The key is there and null, or has a null among its elements."""

    key: str


class IsNotNull(msgspec.Struct, frozen=True, array_like=True, tag="is_not_null"):
    """Something that the path selects is neither null nor an array with a null in it; or it selects nothing.

    The negation of IsNull unless the path has a `[]`: only then can it select several things.
    """

    key: str


class HasType(msgspec.Struct, frozen=True, array_like=True, tag="has_type"):
    """Any value is one that a payload index of this type takes. Ours alone: behind the points that an index shows.

    Integers are also floats, and whole floats integers; a text index takes texts that have a token.
    """

    key: str
    field_type: FieldType


class HasId(msgspec.Struct, frozen=True, array_like=True, tag="has_id"):
    """The point's id is one of `ids`."""

    ids: list[int | bytes]


class HasVector(msgspec.Struct, frozen=True, array_like=True, tag="has_vector"):
    """The point carries the slot."""

    slot: str


class Slice(msgspec.Struct, frozen=True, array_like=True, tag="slice"):
    """SipHash-2-4 under a zero key of the id's bytes (8 little-endian, or a UUID's 16) modulo `total` is `index`."""

    total: int
    index: int


class Nested(msgspec.Struct, frozen=True, array_like=True, tag="nested"):
    """One and the same element of the array at `key` satisfies the whole filter; its keys are paths in the element.

    Only objects are elements. Of an element no condition on ids, vectors or slices holds.
    """

    key: str
    filter: "Filter"


class Filter(msgspec.Struct, frozen=True, array_like=True, tag="filter"):
    """All of `must`, none of `must_not`, at least one of `should` unless it is empty. An empty filter matches all.

    Of `min_should` at least `min_count` hold.
    """

    must: list["Condition"] = []
    should: list["Condition"] = []
    must_not: list["Condition"] = []
    min_should: list["Condition"] = []
    min_count: int = 0


FieldCondition = (
    MatchAny
    | MatchExcept
    | MatchText
    | MatchTextAny
    | MatchPhrase
    | MatchPrefix
    | Range
    | DatetimeRange
    | GeoBox
    | GeoRadius
    | GeoPolygon
    | ValuesCount
    | IsEmpty
    | IsNull
    | IsNotNull
    | HasType
    | Nested
)
"""Conditions on the values at one payload path: each has a `key`."""

Condition = FieldCondition | HasId | HasVector | Slice | Filter
