"""Searches: `/points/search`, `/points/query` and their batches, narrowed to one `SearchCall`.

A call has a vector, or the id of the point whose vector it uses, or neither: then it lists points by id.
"""

from typing import Any, Literal, NamedTuple, TypeVar

import msgspec

from services.api.validate.body import convert, decode, decode_object
from services.api.validate.filters import WireFilter, parse_filter
from services.api.validate.given import Given, WireList, WireSparse, refuse_inference
from services.api.validate.limits import Limits, check_limit
from services.api.validate.query_vectors import check_query
from services.api.validate.selectors import (
    NO_PAYLOAD,
    WirePayloadSelector,
    WireVectorSelector,
    parse_payload_selector,
    parse_vector_selector,
)
from services.api.validate.shard_keys import WireShardKey
from services.api.validate.unsupported import refuse, refuse_given
from shared.errors import BadFormat, BadRequest, Invalid, TooLarge
from shared.schema.collections import UNNAMED
from shared.schema.filters import Filter
from shared.schema.points import PointId, parse_point_id
from shared.schema.queries import PayloadSelector, QuantizationParams, SearchParams, VectorSelector


class WireAcorn(msgspec.Struct):
    enable: bool = False


class WireIdfCorpus(msgspec.Struct):
    corpus: WireFilter


class WireQuantization(msgspec.Struct):
    ignore: bool | None = None
    rescore: bool | None = None
    oversampling: float | None = None


class WireParams(msgspec.Struct):
    hnsw_ef: int | None = None
    exact: bool | None = None
    indexed_only: bool | None = None
    quantization: WireQuantization | None = None
    acorn: WireAcorn | None = None
    idf: Literal["global"] | WireIdfCorpus | None = None


class _WireCommon(msgspec.Struct):
    filter: WireFilter | None = None
    params: WireParams | None = None
    offset: int | None = None
    score_threshold: float | None = None
    with_payload: WirePayloadSelector = None
    with_vector: WireVectorSelector = None
    with_vectors: WireVectorSelector = None
    shard_key: WireShardKey = None


class WireNamedVector(msgspec.Struct):
    name: str
    vector: WireList | WireSparse


class WireSearch(_WireCommon, kw_only=True):
    vector: WireList | WireNamedVector
    limit: int | None = None
    top: int | None = None


class WireQuery(_WireCommon):
    query: WireList | int | str | dict[str, Any] | None = None
    using: str | None = None
    limit: int | None = None
    prefetch: Any = None
    lookup_from: Any = None


class WireSearchBatch(msgspec.Struct):
    searches: list[WireSearch]


class WireQueryBatch(msgspec.Struct):
    searches: list[WireQuery]


class Idf(NamedTuple):
    """Among which points inverse document frequencies are counted: those of a filter, or all."""

    corpus: Filter | None


class SearchCall(NamedTuple):
    """One search as the edge understood it; names and dimensions are checked later, against the collection."""

    slot: str
    vector: Given | None
    like: PointId | None
    limit: int
    offset: int
    filter: Filter | None
    score_threshold: float | None
    params: SearchParams
    with_payload: PayloadSelector
    with_vector: VectorSelector
    idf: Idf | None = None
    """Only where the request speaks of it."""
    shard_key: WireShardKey = None


_search_decoder = msgspec.json.Decoder(WireSearch)
_query_decoder = msgspec.json.Decoder(WireQuery)
_search_batch_decoder = msgspec.json.Decoder(WireSearchBatch)
_query_batch_decoder = msgspec.json.Decoder(WireQueryBatch)

_DEFAULT_PARAMS = SearchParams()
_QUERIES = ("recommend", "discover", "context", "order_by", "fusion", "rrf", "formula", "sample", "relevance_feedback")

HNSW_EF_MAX = 2**32 - 1

W = TypeVar("W")


class _Aim(NamedTuple):
    """What is searched for: a vector, a point's vector, or nothing."""

    slot: str
    vector: Given | None = None
    like: PointId | None = None


class _Bounds(NamedTuple):
    """The limits, and how paths of this search begin in error texts."""

    limits: Limits
    prefix: str


def parse_search(body: bytes, limits: Limits) -> SearchCall:
    """Return the call behind an old search body."""
    return _narrow_search(_decode(_search_decoder, body, "vector"), _Bounds(limits, "search_request."))


def parse_search_batch(body: bytes, limits: Limits) -> list[SearchCall]:
    """Return the calls behind an old batch."""
    wire = _decode(_search_batch_decoder, body, "vector").searches
    _check_batch(len(wire), limits)
    return [
        _narrow_search(each, _Bounds(limits, f"searches[{place}].search_request.")) for place, each in enumerate(wire)
    ]


def parse_query(body: bytes, limits: Limits) -> SearchCall:
    """Return the call behind a universal query."""
    return _narrow_query(_decode(_query_decoder, body, "query"), _Bounds(limits, "internal."))


def parse_query_batch(body: bytes, limits: Limits) -> list[SearchCall]:
    """Return the calls behind a batch of universal queries."""
    wire = _decode(_query_batch_decoder, body, "query").searches
    _check_batch(len(wire), limits)
    return [_narrow_query(each, _Bounds(limits, f"searches[{place}].internal.")) for place, each in enumerate(wire)]


def _narrow_search(wire: WireSearch, bounds: _Bounds) -> SearchCall:
    limit = wire.limit if wire.limit is not None else wire.top
    if limit is None:
        raise BadFormat("missing field `limit`")
    named = wire.vector
    aim = _Aim(named.name, named.vector) if isinstance(named, WireNamedVector) else _Aim(UNNAMED, named)
    return _call(wire, aim, limit, bounds)


def _narrow_query(wire: WireQuery, bounds: _Bounds) -> SearchCall:
    if wire.prefetch is not None or wire.lookup_from is not None:
        refuse_given(wire, ("prefetch", "lookup_from"))
    if wire.query is None and wire.score_threshold is not None:
        raise BadRequest(
            "A query is needed to use the score_threshold. Can't have score_threshold without defining a query."
        )
    limit = 10 if wire.limit is None else wire.limit
    return _call(wire, _aim(wire.query, wire.using or UNNAMED), limit, bounds)


def _call(wire: _WireCommon, aim: _Aim, limit: int, bounds: _Bounds) -> SearchCall:
    limits, prefix = bounds
    offset = wire.offset or 0
    check_limit(limit, offset, prefix, limits)
    if aim.vector is not None:
        check_query(aim.vector, prefix + "vector")
    return SearchCall(
        slot=aim.slot,
        vector=aim.vector,
        like=aim.like,
        limit=limit,
        offset=offset,
        filter=parse_filter(wire.filter, limits.filter, prefix + "filter"),
        score_threshold=wire.score_threshold,
        params=_DEFAULT_PARAMS if wire.params is None else _params(wire.params, prefix),
        with_payload=parse_payload_selector(wire.with_payload, NO_PAYLOAD),
        with_vector=parse_vector_selector(wire.with_vector if wire.with_vector is not None else wire.with_vectors),
        idf=None if wire.params is None else _idf(wire.params.idf, bounds),
        shard_key=wire.shard_key,
    )


def _aim(query: WireList | int | str | dict[str, Any] | None, slot: str) -> _Aim:
    if query is None:
        return _Aim(slot)
    if isinstance(query, list):
        return _Aim(slot, vector=query)
    if isinstance(query, int | str):
        return _Aim(slot, like=parse_point_id(query))
    for name in _QUERIES:
        if name in query:
            refuse(f"query `{name}`")
    refuse_inference(query, "query")
    if "nearest" not in query:
        return _Aim(slot, vector=_sparse(query, "query"))
    if query.get("mmr") is not None:
        refuse("query `mmr`")
    nearest = query["nearest"]
    refuse_inference(nearest, "query.nearest")
    if nearest is None:
        raise BadFormat("query.nearest: expected a vector or a point id, got null")
    if isinstance(nearest, dict):
        return _Aim(slot, vector=_sparse(nearest, "query.nearest"))
    return _aim(convert(nearest, WireList | int | str, "query.nearest"), slot)  # type: ignore[arg-type]


def _sparse(query: dict[str, Any], path: str) -> WireSparse:
    if query.keys() != {"indices", "values"}:
        raise BadFormat(f"{path}: data did not match any variant of a query")
    return convert(query, WireSparse, path)


def _idf(wire: Literal["global"] | WireIdfCorpus | None, bounds: _Bounds) -> Idf | None:
    if wire is None:
        return None
    if isinstance(wire, str):
        return Idf(None)
    return Idf(parse_filter(wire.corpus, bounds.limits.filter, bounds.prefix + "params.idf.corpus"))


def _params(wire: WireParams, prefix: str) -> SearchParams:
    if wire.acorn is not None and wire.acorn.enable:
        refuse("`params.acorn`")
    if wire.hnsw_ef is not None and not 0 <= wire.hnsw_ef <= HNSW_EF_MAX:
        raise BadFormat(f"params.hnsw_ef: expected a whole number up to {HNSW_EF_MAX}, got {wire.hnsw_ef}")
    if wire.hnsw_ef == 0:
        raise Invalid(f"{prefix}params.hnsw_ef: value {wire.hnsw_ef} invalid, must be 1 or larger")
    codes = _codes(wire.quantization, prefix)
    return SearchParams(wire.hnsw_ef, bool(wire.exact), bool(wire.indexed_only), codes)


def _codes(wire: WireQuantization | None, prefix: str) -> QuantizationParams:
    """Return how quantized codes are used; raw vectors have the last word unless `rescore` is false."""
    if wire is None:
        return QuantizationParams()
    times = 1.0 if wire.oversampling is None else wire.oversampling
    if times < 1:
        raise Invalid(f"{prefix}params.quantization.oversampling: value {times} invalid, must be 1.0 or larger")
    return QuantizationParams(bool(wire.ignore), wire.rescore is not False, times)


def _check_batch(count: int, limits: Limits) -> None:
    if count > limits.searches_max:
        raise TooLarge(f"{count} searches in one request, at most {limits.searches_max} are taken")


def _decode(decoder: msgspec.json.Decoder[W], body: bytes, vector_field: str) -> W:
    try:
        return decode(decoder, body)
    except BadFormat:
        given = decode_object(body)
        searches = given.get("searches", [given])
        for search in searches if isinstance(searches, list) else []:
            if isinstance(search, dict):
                _refuse_shape(search.get(vector_field), vector_field)
        raise


def _refuse_shape(vector: Any, path: str) -> None:
    refuse_inference(vector, path)
    if isinstance(vector, dict):
        refuse_inference(vector.get("vector"), f"{path}.vector")
