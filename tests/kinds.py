"""Points of every kind of slot, as a request gives them, and what reads must give back of them."""

import random
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import orjson

from services.api.render import render_records
from services.api.validate.packing import pack_points, split_upsert
from services.api.validate.upserts import parse_upsert
from shared.query.retrieve import retrieve_points
from shared.query.view import Segments
from shared.schema.collections import CollectionConfig, SparseVectorParams, VectorParams
from shared.schema.operations import Upsert
from shared.schema.slots import Datatype, Distance, MultivectorConfig
from tests.builders import config, retrieve

MULTI = MultivectorConfig()
WirePoint = dict[str, Any]


def slot(size: int, distance: Distance, datatype: Datatype | None = None, *, multi: bool = False) -> VectorParams:
    """Return a dense slot, or one of multivectors."""
    return VectorParams(size=size, distance=distance, datatype=datatype, multivector_config=MULTI if multi else None)


MIXED = config(
    vectors={
        "": slot(4, Distance.DOT),
        "unit": slot(70, Distance.COSINE),
        "half": slot(5, Distance.COSINE, Datatype.FLOAT16),
        "bytes": slot(3, Distance.EUCLID, Datatype.UINT8),
        "angles": slot(3, Distance.COSINE, Datatype.UINT8),
        "many": slot(3, Distance.COSINE, multi=True),
        "many bytes": slot(2, Distance.MANHATTAN, Datatype.UINT8, multi=True),
    },
    sparse_vectors={"words": SparseVectorParams()},
)
"""A collection with every kind of slot and every datatype."""


def written(given: CollectionConfig, points: Sequence[WirePoint]) -> Upsert:
    """Return the operation that a request with these points becomes, in a collection of one shard."""
    packed = pack_points(parse_upsert(orjson.dumps({"points": points}), 100_000), given)
    (only,) = split_upsert(packed, 1)[0]
    return only


def read(segments: Segments, given: CollectionConfig, ids: Iterable[int]) -> dict[int, Any]:
    """Return the vectors of points as an answer shows them, plain lists; points that are not there are left out."""
    hits = retrieve_points(segments, retrieve(*ids))
    shown = orjson.loads(orjson.dumps(render_records(hits, given), option=orjson.OPT_SERIALIZE_NUMPY))
    return {point["id"]: point["vector"] for point in shown}


def random_point(source: random.Random, point_id: int, given: CollectionConfig = MIXED) -> WirePoint:
    """Return a point with some of the slots, perhaps with none."""
    names = [name for name in (*given.vectors, *given.sparse_vectors) if source.random() < 0.7]
    return {"id": point_id, "vector": {name: random_vector(source, name, given) for name in names}}


def random_vector(source: random.Random, name: str, given: CollectionConfig = MIXED) -> Any:
    """Return a vector that fits a slot; a sparse one may be empty, and comes in any order."""
    if name in given.sparse_vectors:
        indices = source.sample(range(40), source.randint(0, 6))
        return {"indices": indices, "values": [_number(source) for _ in indices]}
    params = given.vectors[name]
    if params.multivector_config is None:
        return [_number(source) for _ in range(params.size)]
    return [[_number(source) for _ in range(params.size)] for _ in range(source.randint(1, 4))]


def shown(point: WirePoint, given: CollectionConfig = MIXED) -> Any:
    """Return what a read must show of a point's vectors: rounded, truncated, normalised, sorted."""
    vectors = shown_by_slot(point, given)
    return vectors[""] if list(vectors) == [""] else vectors


def shown_by_slot(point: WirePoint, given: CollectionConfig = MIXED) -> dict[str, Any]:
    """Return the same by name, also where the unnamed slot is the only one."""
    return {name: _shown_vector(name, vector, given) for name, vector in point["vector"].items()}


def _shown_vector(name: str, vector: Any, given: CollectionConfig) -> Any:
    if name in given.sparse_vectors:
        pairs = sorted(zip(vector["indices"], vector["values"], strict=True))
        return {"indices": [one for one, _ in pairs], "values": [_float32(one) for _, one in pairs]}
    params = given.vectors[name]
    if params.multivector_config is None:
        return _shown_row(vector, params)
    return [_shown_row(row, params) for row in vector]


def _shown_row(row: list[float], params: VectorParams) -> list[float]:
    if params.datatype is Datatype.UINT8:
        return [float(min(max(int(value), 0), 255)) for value in row]
    values = np.array(row, np.float32).astype(np.float64)
    if params.distance is Distance.COSINE:
        values = values / np.sqrt((values**2).sum())
    stored = values.astype(np.float32).astype(np.float16 if params.datatype is Datatype.FLOAT16 else np.float32)
    return [_float32(value) for value in stored.tolist()]


def _float32(value: float) -> float:
    """Return the shortest decimal that a float32 is printed as."""
    return float(str(np.float32(value)))


def _number(source: random.Random) -> float:
    return round(source.uniform(-3, 300), 3)
