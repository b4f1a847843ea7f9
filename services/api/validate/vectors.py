"""Dense vectors: from lists of floats to float32 rows, checked and, under Cosine, of unit length.

Every vector that reaches a log entry or a search went through here, so stored rows and queries are normalised by the
same arithmetic, float64 inside: zero vectors stay zero, rows of unit length (to 1e-6) stay as they are.
"""

import math
import struct
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray

from shared.errors import BadFormat, BadInput
from shared.schema.collections import CollectionConfig, Distance, VectorParams

Rows = NDArray[np.float32]

_UNIT_TOLERANCE = 1e-6


@lru_cache(maxsize=512)
def _packer(dim: int) -> struct.Struct:
    return struct.Struct(f"<{dim}f")


def slot_params(config: CollectionConfig, name: str) -> VectorParams:
    """Return the parameters of a slot. Raises BadInput when the collection has no such slot."""
    params = config.vectors.get(name)
    if params is None:
        raise BadInput(f"Not existing vector name error: {name}")
    return params


def pack_vector(values: list[float], name: str, dim: int) -> bytes:
    """Return float32 bytes. Raises BadInput for another length, BadFormat for a value beyond float32."""
    if len(values) != dim:
        where = f" for vector '{name}'" if name else ""
        raise BadInput(f"Vector dimension error: expected dim: {dim}, got {len(values)}{where}")
    try:
        return _packer(dim).pack(*values)
    except OverflowError as error:
        raise BadFormat("a vector holds a value that is not a finite float32") from error


def query_vector(values: list[float], name: str, config: CollectionConfig) -> bytes:
    """Return the float32 bytes of a query, normalised under Cosine."""
    params = slot_params(config, name)
    packed = pack_vector(values, name, params.size)
    return unit_vector(packed) if params.distance is Distance.COSINE else packed


def unit_vector(packed: bytes) -> bytes:
    """Return the float32 bytes of one vector of unit length: `unit_rows` for a single row, in a third of its time."""
    row = np.frombuffer(packed, "<f4").astype(np.float64)
    square = float(row.dot(row))
    if square == 0.0 or abs(square - 1.0) <= _UNIT_TOLERANCE:
        return packed
    row *= 1.0 / math.sqrt(square)
    return row.astype("<f4").tobytes()


def unit_rows(rows: Rows) -> Rows:
    """Return rows of unit length; zero rows stay zero.

    rows   float32 (n, dim)
    """
    squares = np.einsum("ij,ij->i", rows, rows, dtype=np.float64)
    squares[(squares == 0.0) | (np.abs(squares - 1.0) <= _UNIT_TOLERANCE)] = 1.0
    units = np.empty(rows.shape, np.float32)
    np.multiply(rows, (1.0 / np.sqrt(squares))[:, None], out=units, casting="same_kind")
    return units
