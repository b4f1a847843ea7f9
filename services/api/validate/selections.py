"""Bodies that choose points without a query: delete, set payload, retrieve, scroll, count."""

from typing import Any, NamedTuple

import msgspec

from services.api.validate.body import decode
from services.api.validate.filters import FilterLimits, WireFilter, parse_filter
from services.api.validate.payloads import payload_text
from services.api.validate.selectors import (
    ALL_PAYLOAD,
    WirePayloadSelector,
    WireVectorSelector,
    parse_payload_selector,
    parse_vector_selector,
)
from services.api.validate.unsupported import refuse, refuse_given
from shared.errors import BadFormat, BadRequest, Invalid, TooLarge
from shared.schema.filters import Filter
from shared.schema.points import PointId, parse_point_id
from shared.schema.queries import PayloadSelector, VectorSelector


class Limits(NamedTuple):
    """Bounds of what one request may ask for."""

    points_max: int
    limit_max: int
    searches_max: int
    filter: FilterLimits


class WireDelete(msgspec.Struct):
    points: list[int | str] | None = None
    filter: Any = None
    shard_key: Any = None


class WireSetPayload(msgspec.Struct):
    payload: dict[str, Any]
    points: list[int | str] | None = None
    filter: Any = None
    key: str | None = None
    shard_key: Any = None


class WireRetrieve(msgspec.Struct):
    ids: list[int | str]
    with_payload: WirePayloadSelector = None
    with_vector: WireVectorSelector = None
    with_vectors: WireVectorSelector = None
    shard_key: Any = None


class WireScroll(msgspec.Struct):
    offset: int | str | None = None
    limit: int | None = None
    filter: WireFilter | None = None
    with_payload: WirePayloadSelector = None
    with_vector: WireVectorSelector = None
    with_vectors: WireVectorSelector = None
    order_by: Any = None
    shard_key: Any = None


class WireCount(msgspec.Struct):
    filter: WireFilter | None = None
    exact: bool | None = None
    shard_key: Any = None


class SetPayloadCall(NamedTuple):
    """Payload keys to merge into some points."""

    ids: list[PointId]
    payload: bytes


class RetrieveCall(NamedTuple):
    """Points by id, in this order; an id may come twice."""

    ids: list[PointId]
    with_payload: PayloadSelector
    with_vector: VectorSelector


class ScrollCall(NamedTuple):
    """A page of points by id."""

    offset: PointId | None
    limit: int
    filter: Filter | None
    with_payload: PayloadSelector
    with_vector: VectorSelector


class CountCall(NamedTuple):
    """A number of points."""

    filter: Filter | None
    exact: bool


_delete_decoder = msgspec.json.Decoder(WireDelete)
_set_payload_decoder = msgspec.json.Decoder(WireSetPayload)
_retrieve_decoder = msgspec.json.Decoder(WireRetrieve)
_scroll_decoder = msgspec.json.Decoder(WireScroll)
_count_decoder = msgspec.json.Decoder(WireCount)


def parse_delete(body: bytes, limits: Limits) -> list[PointId]:
    """Return the distinct ids to delete."""
    wire = decode(_delete_decoder, body)
    refuse_given(wire, ("shard_key",))
    if wire.filter is not None:
        refuse("deleting by `filter`")
    if wire.points is None:
        raise BadFormat("a delete needs `points` or `filter`")
    return _ids(wire.points, limits)


def parse_set_payload(body: bytes, limits: Limits) -> SetPayloadCall:
    """Return the distinct ids and the canonical payload text."""
    wire = decode(_set_payload_decoder, body)
    refuse_given(wire, ("shard_key", "key"))
    if wire.filter is not None:
        refuse("setting payload by `filter`")
    if wire.points is None:
        raise BadRequest("No filter or points provided")
    return SetPayloadCall(_ids(wire.points, limits), payload_text(wire.payload) or b"{}")


def parse_retrieve(body: bytes, limits: Limits) -> RetrieveCall:
    """Return what to retrieve; payload by default, no vectors."""
    wire = decode(_retrieve_decoder, body)
    refuse_given(wire, ("shard_key",))
    if len(wire.ids) > limits.limit_max:
        raise TooLarge(f"{len(wire.ids)} ids in one request, at most {limits.limit_max} are taken")
    return RetrieveCall(
        [parse_point_id(each) for each in wire.ids],
        parse_payload_selector(wire.with_payload, ALL_PAYLOAD),
        parse_vector_selector(wire.with_vector if wire.with_vector is not None else wire.with_vectors),
    )


def parse_scroll(body: bytes, limits: Limits) -> ScrollCall:
    """Return the page to read; 10 points with payload by default."""
    wire = decode(_scroll_decoder, body)
    refuse_given(wire, ("shard_key", "order_by"))
    limit = 10 if wire.limit is None else wire.limit
    check_limit(limit, 0, "scroll_request.", limits)
    return ScrollCall(
        None if wire.offset is None else parse_point_id(wire.offset),
        limit,
        parse_filter(wire.filter, limits.filter, "scroll_request.filter"),
        parse_payload_selector(wire.with_payload, ALL_PAYLOAD),
        parse_vector_selector(wire.with_vector if wire.with_vector is not None else wire.with_vectors),
    )


def parse_count(body: bytes, limits: Limits) -> CountCall:
    """Return what to count."""
    wire = decode(_count_decoder, body)
    refuse_given(wire, ("shard_key",))
    return CountCall(parse_filter(wire.filter, limits.filter, "count_request.filter"), wire.exact is not False)


def check_limit(limit: int, offset: int, prefix: str, limits: Limits) -> None:
    """Raise for a limit below 1 or above what one answer may hold, and for an offset below 0."""
    if limit < 0 or offset < 0:
        raise BadFormat(f"invalid value: integer `{min(limit, offset)}`, expected a whole number that is not negative")
    if limit < 1:
        raise Invalid(f"{prefix}limit: value {limit} invalid, must be 1 or larger")
    if limit + offset > limits.limit_max:
        raise BadRequest(
            f'Limit exceeded {limit + offset} > {limits.limit_max} for "limit" + "offset". Help: Ask for fewer points'
        )


def _ids(wire: list[int | str], limits: Limits) -> list[PointId]:
    if len(wire) > limits.points_max:
        raise TooLarge(f"{len(wire)} points in one request, at most {limits.points_max} are taken")
    return list(dict.fromkeys(parse_point_id(each) for each in wire))
