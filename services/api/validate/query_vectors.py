"""Vectors that are searched for: dense, multivectors, sparse; from the wire's shapes to the bytes of a `Search`.

What breaks a rule of its own shape is refused while the body is parsed, before any collection is looked at; what does
not fit the slot is refused once the collection is known.
"""

import struct
from typing import Any

import numpy as np

from services.api.validate.given import Given, WireSparse, check_given, is_multi
from services.api.validate.vectors import pack_vector, sorted_pairs, unit_rows, unit_vector
from shared.errors import BadFormat, BadInput
from shared.schema.collections import CollectionConfig, Distance, VectorParams
from shared.schema.slots import Datatype

FULL_SCAN_VECTORS_DEFAULT = 5000
"""Sparse vectors, up to so many of which are scanned without inverted lists (features.md section 3)."""


def check_query(given: Given, path: str) -> None:
    """Refuse a vector that breaks a rule of its shape. Raises Invalid, BadFormat.

    path   how its place in the body is called in error texts
    """
    if isinstance(given, WireSparse) or not given or isinstance(given[0], list):
        check_given(given, path)  # a list among numbers shows when they are packed: no look at each of 1,536 floats


def distance_of(config: CollectionConfig, slot: str) -> Distance:
    """Return what the scores of a slot are. Raises BadInput when the collection has no such slot."""
    params = config.vectors.get(slot)
    if params is not None:
        return params.distance
    if slot in config.sparse_vectors:
        return Distance.DOT
    raise BadInput(f"Not existing vector name error: {slot}")


def full_scan_of(config: CollectionConfig, slot: str) -> int:
    """Return the full-scan threshold of a slot: in kB, of a sparse one in vectors."""
    dense = config.vectors.get(slot)
    if dense is not None:
        hnsw = config.hnsw_config if dense.hnsw_config is None else config.hnsw_of(slot)
        return hnsw.full_scan_threshold
    index = config.sparse_vectors[slot].index
    threshold = None if index is None else index.full_scan_threshold
    return FULL_SCAN_VECTORS_DEFAULT if threshold is None else threshold


def packed_query(given: Given, slot: str, config: CollectionConfig) -> bytes:
    """Return the bytes that shards search a slot by. Raises BadInput for another kind or size, BadFormat."""
    params = config.vectors.get(slot)
    if params is None:
        distance_of(config, slot)
    if isinstance(given, WireSparse) is not (params is None):
        raise BadInput("Conversion between sparse and regular vectors failed")
    if isinstance(given, WireSparse):
        indices, values = sorted_pairs(given)
        return indices.tobytes() + values.tobytes()
    assert params is not None, "only sparse slots have none"
    if not is_multi(given):
        return as_searched(_packed(given, slot, params.size), params)
    if params.multivector_config is None:
        raise BadInput("Conversion between multi and regular vectors failed")
    return as_searched(b"".join(_packed(row, slot, params.size) for row in given), params)


def as_searched(packed: bytes, params: VectorParams) -> bytes:
    """Return float32 rows as they are compared: bytes without fraction where the slot stores bytes, unit under Cosine.

    Takes vectors of requests and of stored points alike.
    """
    if params.datatype is Datatype.UINT8:
        packed = np.trunc(np.clip(np.frombuffer(packed, "<f4"), 0, 255)).tobytes()
    if params.distance is not Distance.COSINE:
        return packed
    if len(packed) == 4 * params.size:
        return unit_vector(packed)
    return unit_rows(np.frombuffer(packed, "<f4").reshape(-1, params.size)).tobytes()


def _packed(values: Any, slot: str, dim: int) -> bytes:
    try:
        return pack_vector(values, slot, dim)
    except struct.error as error:
        raise BadFormat("a vector holds both numbers and lists") from error
