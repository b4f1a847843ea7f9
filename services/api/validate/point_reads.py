"""Bodies that read points without a query: retrieve, scroll, count, facet."""

from typing import NamedTuple

import msgspec

from services.api.validate.body import decode
from services.api.validate.filters import WireFilter, parse_filter
from services.api.validate.limits import Limits, check_limit
from services.api.validate.orders import OrderCall, WireOrderBy, parse_order
from services.api.validate.paths import check_path
from services.api.validate.selectors import (
    ALL_PAYLOAD,
    WirePayloadSelector,
    WireVectorSelector,
    parse_payload_selector,
    parse_vector_selector,
)
from services.api.validate.shard_keys import WireShardKey
from shared.errors import TooLarge
from shared.schema.filters import Filter
from shared.schema.points import PointId, parse_point_id
from shared.schema.queries import PayloadSelector, VectorSelector


class WireRetrieve(msgspec.Struct):
    ids: list[int | str]
    with_payload: WirePayloadSelector = None
    with_vector: WireVectorSelector = None
    with_vectors: WireVectorSelector = None
    shard_key: WireShardKey = None


class WireScroll(msgspec.Struct):
    offset: int | str | None = None
    limit: int | None = None
    filter: WireFilter | None = None
    with_payload: WirePayloadSelector = None
    with_vector: WireVectorSelector = None
    with_vectors: WireVectorSelector = None
    order_by: WireOrderBy | None = None
    shard_key: WireShardKey = None


class WireFacet(msgspec.Struct):
    key: str
    limit: int | None = None
    filter: WireFilter | None = None
    exact: bool | None = None
    shard_key: WireShardKey = None


class WireCount(msgspec.Struct):
    filter: WireFilter | None = None
    exact: bool | None = None
    shard_key: WireShardKey = None


class RetrieveCall(NamedTuple):
    """Points by id, in this order; an id may come twice."""

    ids: list[PointId]
    with_payload: PayloadSelector
    with_vector: VectorSelector
    shard_key: WireShardKey = None


class ScrollCall(NamedTuple):
    """A page of points by id, or by a payload value."""

    offset: PointId | None
    limit: int
    filter: Filter | None
    with_payload: PayloadSelector
    with_vector: VectorSelector
    order_by: OrderCall | None = None
    shard_key: WireShardKey = None


class CountCall(NamedTuple):
    """A number of points."""

    filter: Filter | None
    exact: bool
    shard_key: WireShardKey = None


class FacetCall(NamedTuple):
    """The most frequent values at a path."""

    key: str
    limit: int
    filter: Filter | None
    exact: bool
    shard_key: WireShardKey = None


_retrieve_decoder = msgspec.json.Decoder(WireRetrieve)
_scroll_decoder = msgspec.json.Decoder(WireScroll)
_facet_decoder = msgspec.json.Decoder(WireFacet)
_count_decoder = msgspec.json.Decoder(WireCount)


def parse_retrieve(body: bytes, limits: Limits) -> RetrieveCall:
    """Return what to retrieve; payload by default, no vectors."""
    wire = decode(_retrieve_decoder, body)
    if len(wire.ids) > limits.limit_max:
        raise TooLarge(f"{len(wire.ids)} ids in one request, at most {limits.limit_max} are taken")
    return RetrieveCall(
        [parse_point_id(each) for each in wire.ids],
        parse_payload_selector(wire.with_payload, ALL_PAYLOAD),
        parse_vector_selector(wire.with_vector if wire.with_vector is not None else wire.with_vectors),
        wire.shard_key,
    )


def parse_scroll(body: bytes, limits: Limits) -> ScrollCall:
    """Return the page to read; 10 points with payload by default."""
    wire = decode(_scroll_decoder, body)
    limit = 10 if wire.limit is None else wire.limit
    check_limit(limit, 0, "scroll_request.", limits)
    order_by = None if wire.order_by is None else parse_order(wire.order_by)
    return ScrollCall(
        None if wire.offset is None else parse_point_id(wire.offset),
        limit,
        parse_filter(wire.filter, limits.filter, "scroll_request.filter"),
        parse_payload_selector(wire.with_payload, ALL_PAYLOAD),
        parse_vector_selector(wire.with_vector if wire.with_vector is not None else wire.with_vectors),
        order_by,
        wire.shard_key,
    )


def parse_count(body: bytes, limits: Limits) -> CountCall:
    """Return what to count."""
    wire = decode(_count_decoder, body)
    kept = parse_filter(wire.filter, limits.filter, "count_request.filter")
    return CountCall(kept, wire.exact is not False, wire.shard_key)


def parse_facet(body: bytes, limits: Limits) -> FacetCall:
    """Return which values to count; the 10 most frequent by default."""
    wire = decode(_facet_decoder, body)
    limit = 10 if wire.limit is None else wire.limit
    check_limit(limit, 0, "facet_request.", limits)
    kept = parse_filter(wire.filter, limits.filter, "facet_request.filter")
    return FacetCall(check_path(wire.key), limit, kept, bool(wire.exact), wire.shard_key)
