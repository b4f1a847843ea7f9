"""Vectors against a collection: names, kinds and dimensions checked, rows packed as their slot stores them.

Every vector that reaches a log entry or a search went through here, so stored rows and queries are normalised by the
same arithmetic, float64 inside: zero vectors stay zero, rows of unit length (to 1e-6) stay as they are. Under Cosine
each row of a multivector is normalised; bytes are not, since they would all become zero (shared/segment/elements.py).
"""

import math
import struct
from collections.abc import Sequence
from functools import lru_cache
from typing import Any, cast

import numpy as np
from numpy.typing import NDArray

from services.api.validate.given import Given, WireSparse, is_multi
from shared.errors import BadFormat, BadInput
from shared.schema.collections import CollectionConfig, Distance
from shared.schema.slots import SlotKind
from shared.segment.batches import Batch, MultiBatch, Present, SlotBatch, SparseBatch, offsets_of
from shared.segment.elements import Stored, keeps_length, narrowed
from shared.segment.layout import SlotLayout, slot_layout

Rows = NDArray[np.float32]

_UNIT_TOLERANCE = 1e-6
_NOT_FLOAT32 = "a vector holds a value that is not a finite float32"


@lru_cache(maxsize=512)
def _packer(dim: int) -> struct.Struct:
    return struct.Struct(f"<{dim}f")


def known_layout(config: CollectionConfig, name: str) -> SlotLayout:
    """Return the layout of a slot of any kind. Raises BadInput when the collection has no such slot."""
    layout = slot_layout(config, name)
    if layout is None:
        raise BadInput(f"Not existing vector name error: {name}")
    return layout


def pack_vector(values: Sequence[float], name: str, dim: int) -> bytes:
    """Return float32 bytes. Raises BadInput for another length, BadFormat for a value beyond float32."""
    if len(values) != dim:
        where = f" for vector '{name}'" if name else ""
        raise BadInput(f"Vector dimension error: expected dim: {dim}, got {len(values)}{where}")
    try:
        return _packer(dim).pack(*values)
    except OverflowError as error:
        raise BadFormat(_NOT_FLOAT32) from error


def pack_batch(given: Sequence[Given], name: str, layout: SlotLayout, present: Present) -> Batch:
    """Return the checked vectors of one slot as rows to be stored.

    given     those of the points that carry the slot, in order
    present   bool (n,): which of the points these are; None: all
    Raises    BadInput for another kind or dimension, BadFormat for values beyond the slot's type
    """
    for one in given:
        _check_kind(one, layout)
    if layout.kind is SlotKind.SPARSE:
        return _sparse_batch(given, present)
    if layout.kind is SlotKind.DENSE:
        return _dense_batch(_stored_rows(given, name, layout), present)
    lists: list[Sequence[Any]] = [one if is_multi(one) else [one] for one in cast("Sequence[Sequence[Any]]", given)]
    rows = _stored_rows([row for each in lists for row in each], name, layout)
    return MultiBatch(rows, _offsets([len(each) for each in lists], present), present)


def sorted_pairs(given: WireSparse) -> tuple[NDArray[np.uint32], NDArray[np.float32]]:
    """Return little-endian indices, ascending, and their values. Raises BadFormat for a value beyond float32."""
    indices = np.array(given.indices, "<u4")
    with np.errstate(over="ignore"):
        values = np.array(given.values, np.float64).astype("<f4")
    if not np.isfinite(values).all():
        raise BadFormat(_NOT_FLOAT32)
    order = np.argsort(indices)
    return indices[order], values[order]


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


def _check_kind(given: Given, layout: SlotLayout) -> None:
    """Refuse a vector of a kind that the slot does not take: a multivector slot takes a dense one as its one row."""
    if isinstance(given, WireSparse) is not (layout.kind is SlotKind.SPARSE):
        raise BadInput("Conversion between sparse and regular vectors failed")
    if layout.kind is SlotKind.DENSE and is_multi(given):
        raise BadInput("Conversion between multi and regular vectors failed")


def _stored_rows(rows: Sequence[Any], name: str, layout: SlotLayout) -> Stored:
    """Return dense rows (n, dim) as the slot stores them."""
    matrix = _matrix(rows, name, layout.dim)
    if layout.distance is Distance.COSINE and not keeps_length(layout):
        matrix = unit_rows(matrix)
    try:
        return narrowed(layout, matrix)
    except OverflowError as error:
        raise BadFormat("a vector holds a value that is not a finite float16") from error


def _matrix(rows: Sequence[Any], name: str, dim: int) -> Rows:
    """Return float32 (n, dim) of lists of numbers, or of float64 arrays."""
    if any(len(row) != dim for row in rows):
        pack_vector(next(row for row in rows if len(row) != dim), name, dim)
    if not isinstance(rows[0], np.ndarray):
        packed = b"".join([pack_vector(row, name, dim) for row in rows])
        return np.frombuffer(packed, "<f4").reshape(len(rows), dim)
    with np.errstate(over="ignore"):
        matrix = np.concatenate(rows).astype("<f4").reshape(len(rows), dim)
    if not np.isfinite(matrix).all():
        raise BadFormat(_NOT_FLOAT32)
    return matrix


def _dense_batch(rows: Stored, present: Present) -> SlotBatch:
    if present is None:
        return SlotBatch(rows, None)
    spread = np.zeros((len(present), rows.shape[1]), rows.dtype)
    spread[present] = rows
    return SlotBatch(spread, present)


def _sparse_batch(given: Sequence[Any], present: Present) -> SparseBatch:
    pairs = [sorted_pairs(one) for one in given]
    indices = np.concatenate([np.empty(0, np.uint32), *(one for one, _ in pairs)])
    values = np.concatenate([np.empty(0, np.float32), *(one for _, one in pairs)])
    return SparseBatch(indices, values, _offsets([len(one) for one, _ in pairs], present), present)


def _offsets(counts: Sequence[int], present: Present) -> NDArray[np.int64]:
    if present is None:
        return offsets_of(np.array(counts, np.int64))
    lengths = np.zeros(len(present), np.int64)
    lengths[present] = counts
    return offsets_of(lengths)
