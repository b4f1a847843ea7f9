"""Upserts: list form and batch form to the operations of each shard, in two steps.

1. `parse_upsert` needs no collection: what does not parse or breaks a rule is refused before any name is looked up.
2. `pack_points` checks names and dimensions against a config and packs rows; `split_upsert` divides them over shards.
   Only this is done again when the config moves under the request.

Of points with the same id the last one wins: an operation's ids are distinct.
"""

from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from services.api.validate.body import decode, decode_object
from services.api.validate.payloads import payload_text
from services.api.validate.unsupported import refuse, refuse_given, refuse_vector_shape
from services.api.validate.vectors import Rows, pack_vector, slot_params, unit_rows
from shared.errors import BadFormat, BadRequest, Invalid, TooLarge
from shared.schema.collections import UNNAMED, CollectionConfig, Distance
from shared.schema.operations import SlotRows, Upsert
from shared.schema.points import PointId, parse_point_id, shard_of

OPERATION_BYTES = 2**19
"""About the most vector and payload bytes of one operation; a larger request becomes several, logged together.

A worker applies an operation without a pause, about 10 ms for this much, and searches wait meanwhile.
"""

Vectors = list[float] | dict[str, list[float]]


class WirePoint(msgspec.Struct):
    id: int | str
    vector: Vectors | None = None
    vectors: Vectors | None = None
    payload: dict[str, Any] | None = None


class WireBatch(msgspec.Struct):
    ids: list[int | str]
    vectors: list[list[float]] | dict[str, list[list[float]]]
    payloads: list[dict[str, Any] | None] | None = None


class WireUpsert(msgspec.Struct):
    points: list[WirePoint] | None = None
    batch: WireBatch | None = None
    shard_key: Any = None
    update_filter: Any = None
    update_mode: str | None = None


_decoder = msgspec.json.Decoder(WireUpsert)


class Points(NamedTuple):
    """Points of an upsert with distinct ids, vectors still as lists."""

    ids: list[PointId]
    vectors: list[Vectors]
    payloads: list[bytes]


class PackedSlot(NamedTuple):
    """Rows of one slot, in the order of the points; `present` None when every point carries it."""

    rows: Rows
    present: NDArray[np.bool_] | None


class PackedPoints(NamedTuple):
    """Points checked against a config."""

    ids: list[PointId]
    slots: dict[str, PackedSlot]
    payloads: list[bytes]


def parse_upsert(body: bytes, points_max: int) -> Points:
    """Return the points of a body, the last of those with the same id."""
    try:
        wire = decode(_decoder, body)
    except BadFormat:
        _refuse_shapes(body)
        raise
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
    _check_not_empty(points.vectors)
    return _last_of_each_id(points)


def pack_points(points: Points, config: CollectionConfig) -> PackedPoints:
    """Return the points with their vectors packed. Raises BadInput for unknown names and other dimensions."""
    gathered: dict[str, tuple[list[bytes], list[int]]] = {}
    dims = {name: params.size for name, params in config.vectors.items()}
    for place, vectors in enumerate(points.vectors):
        named = vectors if isinstance(vectors, dict) else {UNNAMED: vectors}
        for name, values in named.items():
            dim = dims.get(name) or slot_params(config, name).size
            rows, places = gathered.setdefault(name, ([], []))
            rows.append(pack_vector(values, name, dim))
            places.append(place)
    slots = {name: _pack_slot(name, *found, len(points.ids), config) for name, found in gathered.items()}
    return PackedPoints(points.ids, slots, points.payloads)


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
    row_bytes = sum(slot.rows.shape[1] * 4 for slot in packed.slots.values())
    sizes = np.fromiter((len(packed.payloads[place]) for place in places), np.int64, len(places)) + row_bytes
    parts = np.cumsum(sizes) // OPERATION_BYTES
    return [_operation(packed, places[parts == part]) for part in np.unique(parts)]


def _operation(packed: PackedPoints, places: NDArray[np.int64]) -> Upsert:
    slots = {name: _slot_rows(slot, places) for name, slot in packed.slots.items()}
    return Upsert(
        ids=[packed.ids[place] for place in places],
        slots={name: rows for name, rows in slots.items() if rows.rows},
        payloads=[packed.payloads[place] for place in places],
    )


def _slot_rows(slot: PackedSlot, places: NDArray[np.int64]) -> SlotRows:
    dim = slot.rows.shape[1]
    if slot.present is None:
        whole = len(places) == len(slot.rows)
        return SlotRows(dim, (slot.rows if whole else slot.rows[places]).tobytes())
    row_of = np.cumsum(slot.present) - 1
    present = slot.present[places]
    rows = slot.rows[row_of[places[present]]]
    return SlotRows(dim, rows.tobytes(), b"" if present.all() else present.astype(np.uint8).tobytes())


def _pack_slot(name: str, rows: list[bytes], places: list[int], count: int, config: CollectionConfig) -> PackedSlot:
    params = config.vectors[name]
    matrix = np.frombuffer(b"".join(rows), "<f4").reshape(len(rows), params.size)
    if params.distance is Distance.COSINE:
        matrix = unit_rows(matrix)
    if len(places) == count:
        return PackedSlot(matrix, None)
    present = np.zeros(count, np.bool_)
    present[places] = True
    return PackedSlot(matrix, present)


def _from_list(wire: list[WirePoint]) -> Points:
    ids, vectors, payloads = [], [], []
    for place, point in enumerate(wire):
        found = point.vector if point.vector is not None else point.vectors
        if found is None:
            raise BadFormat(f"points[{place}]: missing field `vector`")
        ids.append(parse_point_id(point.id))
        vectors.append(found)
        payloads.append(payload_text(point.payload))
    return Points(ids, vectors, payloads)


def _from_batch(wire: WireBatch) -> Points:
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


def _last_of_each_id(points: Points) -> Points:
    last = {point_id: place for place, point_id in enumerate(points.ids)}
    if len(last) == len(points.ids):
        return points
    places = sorted(last.values())
    return Points(
        [points.ids[place] for place in places],
        [points.vectors[place] for place in places],
        [points.payloads[place] for place in places],
    )


def _check_not_empty(vectors: list[Vectors]) -> None:
    for place, found in enumerate(vectors):
        if isinstance(found, list):
            if not found:
                raise Invalid(f"points[{place}].vector: dense vector must not be empty")
        elif not all(found.values()):
            raise Invalid(f"points[{place}].vector.?: dense vector must not be empty")


def _refuse_shapes(body: bytes) -> None:
    """Name the known shape that made a body unreadable, if it was one."""
    given = decode_object(body)
    points = given.get("points")
    batch = given.get("batch")
    if isinstance(points, list):
        for place, point in enumerate(points):
            if isinstance(point, dict):
                _refuse_shape(point.get("vector", point.get("vectors")), f"points[{place}].vector")
    elif isinstance(batch, dict):
        vectors = batch.get("vectors")
        lists = list(vectors.values()) if isinstance(vectors, dict) else [vectors]
        for rows in lists:
            for row in rows if isinstance(rows, list) else []:
                refuse_vector_shape(row, "batch.vectors")


def _refuse_shape(vector: Any, path: str) -> None:
    refuse_vector_shape(vector, path)
    if isinstance(vector, dict):
        for name, each in vector.items():
            refuse_vector_shape(each, f"{path}.{name}")
