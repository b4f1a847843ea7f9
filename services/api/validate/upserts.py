"""Upserts: list form and batch form to the operations of each shard, in two steps.

1. `parse_upsert` needs no collection: what does not parse or breaks a rule is refused before any name is looked up.
2. `pack_points` checks names and dimensions against a config and packs rows; `split_upsert` divides them over shards.
   Only this is done again when the config moves under the request.

Of points with the same id the last one wins: an operation's ids are distinct.
"""

from collections.abc import Sequence
from typing import Any, Generic, NamedTuple, TypeVar

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.api.validate.body import decode, decode_object
from services.api.validate.given import Given, WireList, WireSparse, check_given, refuse_inference
from services.api.validate.payloads import payload_text
from services.api.validate.quick_points import quick_points
from services.api.validate.unsupported import refuse, refuse_given
from services.api.validate.vectors import known_layout, pack_batch
from shared.errors import BadFormat, BadRequest, Invalid, TooLarge
from shared.schema.collections import UNNAMED, CollectionConfig
from shared.schema.operations import Upsert
from shared.schema.points import PointId, parse_point_id, shard_of
from shared.segment.batches import Batch, Present, absent_batch, carried, joined_batches, row_bytes
from shared.segment.layout import Layout, SlotLayout
from shared.segment.rows import slot_rows

OPERATION_BYTES = 2**19
"""About the most vector and payload bytes of one operation; a larger request becomes several, logged together.

A worker applies an operation without a pause, about 10 ms for this much, and searches wait meanwhile.
"""

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
    shard_key: Any = None
    update_filter: Any = None
    update_mode: str | None = None


_AnyUpsert = WireUpsert[Any, Any]
_dense_decoder: msgspec.json.Decoder[_AnyUpsert] = msgspec.json.Decoder(WireUpsert[list[float], list[float]])
"""Tried first: it knows numbers only, and is the quicker one."""
_decoder: msgspec.json.Decoder[_AnyUpsert] = msgspec.json.Decoder(WireUpsert[WireList, WireList | WireSparse])

Vectors = Given | dict[str, Given]
"""The vectors of a point: the unnamed one, or vectors by name."""


class Points(NamedTuple):
    """Points of an upsert with distinct ids; vectors are checked, and still as the body gave them (or all float64)."""

    ids: list[PointId]
    vectors: list[Vectors]
    payloads: list[bytes]


class PackedPoints(NamedTuple):
    """Points checked against a config; each slot's batch has a row for every point."""

    ids: list[PointId]
    slots: dict[str, Batch]
    layout: Layout
    payloads: list[bytes]


def parse_upsert(body: bytes, points_max: int) -> Points:
    """Return the points of a body, the last of those with the same id."""
    quick = quick_points(body)
    if quick is not None and 0 < len(quick.ids) <= points_max:
        return last_of_each_id(Points(*quick))
    return parse_any_upsert(body, points_max)


def parse_any_upsert(body: bytes, points_max: int) -> Points:
    """Return the points of a body of any form. Raises what is wrong with it."""
    wire, is_dense = _decoded(body)
    refuse_given(wire, ("shard_key", "update_filter"))
    if wire.update_mode not in (None, "upsert"):
        refuse("`update_mode` other than upsert")
    if wire.points is not None:
        points = _from_list(wire.points)
    elif wire.batch is not None:
        points = _from_batch(wire.batch)
    else:
        raise BadFormat("an upsert needs `points` or `batch`")
    if not points.ids:
        raise BadRequest("Empty update request")
    if len(points.ids) > points_max:
        raise TooLarge(f"{len(points.ids)} points in one request, at most {points_max} are taken")
    _check_vectors(points.vectors, is_dense=is_dense)
    return last_of_each_id(points)


def pack_points(points: Points, config: CollectionConfig) -> PackedPoints:
    """Return the points with their vectors packed. Raises BadInput for unknown names, other kinds and dimensions."""
    gathered: dict[str, tuple[list[Given], list[int]]] = {}
    for place, vectors in enumerate(points.vectors):
        named = vectors if isinstance(vectors, dict) else {UNNAMED: vectors}
        for name, given in named.items():
            some, places = gathered.setdefault(name, ([], []))
            some.append(given)
            places.append(place)
    layout = {name: known_layout(config, name) for name in gathered}
    count = len(points.ids)
    slots = {
        name: pack_batch(some, name, layout[name], _present(places, count)) for name, (some, places) in gathered.items()
    }
    return PackedPoints(points.ids, slots, layout, points.payloads)


def join_packed(pieces: Sequence[PackedPoints]) -> PackedPoints:
    """Return the points of several pieces, packed against one config, as if they had been packed together."""
    layout: dict[str, SlotLayout] = {}
    for piece in pieces:
        layout.update(piece.layout)
    slots = {
        name: joined_batches(
            [piece.slots[name] if name in piece.slots else absent_batch(slot, len(piece.ids)) for piece in pieces]
        )
        for name, slot in layout.items()
    }
    ids = [point_id for piece in pieces for point_id in piece.ids]
    return PackedPoints(ids, slots, layout, [payload for piece in pieces for payload in piece.payloads])


def split_upsert(packed: PackedPoints, shard_number: int) -> dict[int, list[Upsert]]:
    """Return the operations of each shard that holds some of the points.

    One operation, or several where one would be larger than OPERATION_BYTES: a replica answers searches between two
    operations, so none may take long to apply.
    """
    count = len(packed.ids)
    if shard_number == 1:
        return {0: _operations(packed, np.arange(count))}
    shards = np.fromiter((shard_of(each, shard_number) for each in packed.ids), np.int64, count)
    return {int(shard): _operations(packed, np.flatnonzero(shards == shard)) for shard in np.unique(shards)}


def _operations(packed: PackedPoints, places: NDArray[np.int64]) -> list[Upsert]:
    sizes = np.fromiter((len(packed.payloads[place]) for place in places), np.int64, len(places))
    for batch in packed.slots.values():
        sizes += row_bytes(batch)[places]
    parts = np.cumsum(sizes) // OPERATION_BYTES
    return [_operation(packed, places[parts == part]) for part in np.unique(parts)]


def _operation(packed: PackedPoints, places: NDArray[np.int64]) -> Upsert:
    is_whole = len(places) == len(packed.ids)
    slots = {name: batch if is_whole else batch.taken(places) for name, batch in packed.slots.items()}
    return Upsert(
        ids=[packed.ids[place] for place in places],
        slots={name: slot_rows(batch, packed.layout[name]) for name, batch in slots.items() if carried(batch)},
        payloads=[packed.payloads[place] for place in places],
    )


def _present(places: list[int], count: int) -> Present:
    if len(places) == count:
        return None
    present = np.zeros(count, np.bool_)
    present[places] = True
    return present


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


def last_of_each_id(points: Points) -> Points:
    """Return the points without those whose id comes again."""
    last = {point_id: place for place, point_id in enumerate(points.ids)}
    if len(last) == len(points.ids):
        return points
    places = sorted(last.values())
    return Points(
        [points.ids[place] for place in places],
        [points.vectors[place] for place in places],
        [points.payloads[place] for place in places],
    )


def _check_vectors(vectors: list[Vectors], *, is_dense: bool) -> None:
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


def _decoded(body: bytes) -> tuple[_AnyUpsert, bool]:
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
