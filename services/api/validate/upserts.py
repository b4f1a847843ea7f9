"""Upserts: list form and batch form, parsed and narrowed without looking at any collection.

What does not parse or breaks a rule is refused before any name is looked up; packing.py does the rest.
"""

from typing import Any, Generic, TypeVar

import msgspec

from services.api.validate.body import decode, decode_object
from services.api.validate.filter_wire import WireFilter
from services.api.validate.filters import FilterLimits, parse_filter
from services.api.validate.given import Given, WireList, WireSparse, check_given, refuse_inference
from services.api.validate.packing import Choice, Points, Vectors, last_of_each_id
from services.api.validate.payloads import payload_text
from services.api.validate.quick_points import quick_points
from services.api.validate.shard_keys import WireShardKey
from shared.errors import BadFormat, BadRequest, Invalid, TooLarge
from shared.schema.collections import UNNAMED
from shared.schema.operations import UpdateMode
from shared.schema.points import parse_point_id

FILTERS = FilterLimits(conditions_max=1024, depth_max=32)
"""Bounds of an `update_filter` where nothing else is said."""

V = TypeVar("V")
"""What an unnamed vector may be."""
N = TypeVar("N")
"""What a named one may be."""


class WirePoint(msgspec.Struct, Generic[V, N]):
    id: int | str
    vector: V | dict[str, N] | None = None
    vectors: V | dict[str, N] | None = None
    payload: dict[str, Any] | None = None


class WireBatch(msgspec.Struct, Generic[V, N]):
    ids: list[int | str]
    vectors: list[V] | dict[str, list[N]]
    payloads: list[dict[str, Any] | None] | None = None


class WireUpsert(msgspec.Struct, Generic[V, N]):
    points: list[WirePoint[V, N]] | None = None
    batch: WireBatch[V, N] | None = None
    shard_key: WireShardKey = None
    update_filter: WireFilter | None = None
    update_mode: UpdateMode | None = None


AnyUpsert = WireUpsert[Any, Any]
_dense_decoder: msgspec.json.Decoder[AnyUpsert] = msgspec.json.Decoder(WireUpsert[list[float], list[float]])
"""Tried first: it knows numbers only, and is the quicker one."""
_decoder: msgspec.json.Decoder[AnyUpsert] = msgspec.json.Decoder(WireUpsert[WireList, WireList | WireSparse])


def parse_upsert(body: bytes, points_max: int, filters: FilterLimits = FILTERS) -> Points:
    """Return the points of a body, the last of those with the same id."""
    quick = quick_points(body)
    if quick is not None and 0 < len(quick.ids) <= points_max:
        return last_of_each_id(Points(*quick))
    return parse_any_upsert(body, points_max, filters)


def parse_any_upsert(body: bytes, points_max: int, filters: FilterLimits = FILTERS) -> Points:
    """Return the points of a body of any form. Raises what is wrong with it."""
    wire, is_dense = decoded_points(body)
    if wire.points is not None:
        points = _from_list(wire.points)
    elif wire.batch is not None:
        points = _from_batch(wire.batch)
    else:
        raise BadFormat("an upsert needs `points` or `batch`")
    if not points.ids:
        raise BadRequest("Empty update request")
    check_number(len(points.ids), points_max)
    check_vectors(points.vectors, is_dense=is_dense)
    return last_of_each_id(points._replace(choice=choice_of(wire, filters)))


def choice_of(wire: AnyUpsert, filters: FilterLimits) -> Choice:
    """Return which points a body means to write. A filter that keeps everything is none."""
    update_filter = parse_filter(wire.update_filter, filters, "update_filter")
    return Choice(update_filter, wire.update_mode or UpdateMode.UPSERT, wire.shard_key)


def check_number(count: int, points_max: int) -> None:
    """Raise TooLarge for more points than one request may hold."""
    if count > points_max:
        raise TooLarge(f"{count} points in one request, at most {points_max} are taken")


def _from_list(wire: list[WirePoint[Any, Any]]) -> Points:
    ids, vectors, payloads = [], [], []
    for place, point in enumerate(wire):
        found = point.vector if point.vector is not None else point.vectors
        if found is None:
            raise BadFormat(f"points[{place}]: missing field `vector`")
        ids.append(parse_point_id(point.id))
        vectors.append(found)
        payloads.append(payload_text(point.payload))
    return Points(ids, vectors, payloads)


def _from_batch(wire: WireBatch[Any, Any]) -> Points:
    count = len(wire.ids)
    named = wire.vectors if isinstance(wire.vectors, dict) else {UNNAMED: wire.vectors}
    for rows in named.values():
        if len(rows) != count:
            raise Invalid(f"batch: number of ids and vectors must be equal ({count} != {len(rows)})")
    if wire.payloads is not None and len(wire.payloads) != count:
        raise Invalid(f"batch: number of ids and payloads must be equal ({count} != {len(wire.payloads)})")
    vectors: list[Vectors] = (
        list(wire.vectors)
        if isinstance(wire.vectors, list)
        else [{name: rows[place] for name, rows in named.items()} for place in range(count)]
    )
    payloads = [payload_text(each) for each in wire.payloads] if wire.payloads is not None else [b""] * count
    return Points([parse_point_id(each) for each in wire.ids], vectors, payloads)


def check_vectors(vectors: list[Vectors], *, is_dense: bool) -> None:
    """Refuse what no slot takes. In a body of dense vectors only an empty one can be wrong."""
    for place, found in enumerate(vectors):
        if is_dense and found and not isinstance(found, dict):
            continue
        for where, given in _each(found, f"points[{place}].vector"):
            if not (is_dense and given):
                check_given(given, where)


def _each(vectors: Vectors, path: str) -> list[tuple[str, Given]]:
    """Return each vector of a point with its path in error texts."""
    if isinstance(vectors, dict):
        return [(f"{path}.?", given) for given in vectors.values()]
    return [(path, vectors)]


def decoded_points(body: bytes) -> tuple[AnyUpsert, bool]:
    """Return the body, and whether all its vectors are lists of numbers. Raises BadFormat."""
    try:
        return _dense_decoder.decode(body), True
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        pass
    try:
        return decode(_decoder, body), False
    except BadFormat:
        _refuse_shapes(body)
        raise


def _refuse_shapes(body: bytes) -> None:
    """Name the known shape that made a body unreadable, if it was one: something to be embedded."""
    given = decode_object(body)
    points, batch = given.get("points"), given.get("batch")
    if isinstance(points, list):
        for place, point in enumerate(points):
            if isinstance(point, dict):
                _refuse_shape(point.get("vector", point.get("vectors")), f"points[{place}].vector")
    elif isinstance(batch, dict):
        vectors = batch.get("vectors")
        lists = list(vectors.values()) if isinstance(vectors, dict) else [vectors]
        for rows in lists:
            for row in rows if isinstance(rows, list) else []:
                refuse_inference(row, "batch.vectors")


def _refuse_shape(vector: Any, path: str) -> None:
    refuse_inference(vector, path)
    if isinstance(vector, dict):
        for name, each in vector.items():
            refuse_inference(each, f"{path}.{name}")
