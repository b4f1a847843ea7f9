"""Short ways to make the things that tests are given: points, operations, filters, reads, configs.

Everything has a default, so a test names only what its claim is about.
"""

import json
from collections.abc import Iterable, Mapping, Sequence
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from shared.schema.collections import UNNAMED, CollectionConfig, Distance, SealConfig, VectorParams
from shared.schema.filters import Condition, Filter, HasId, IsEmpty, MatchAny, MatchExcept, Range, Scalar
from shared.schema.operations import Delete, SetPayload, SlotRows, Upsert
from shared.schema.points import PointId
from shared.schema.queries import Count, PayloadSelector, Retrieve, Scroll, Search, SearchParams, VectorSelector

DIM = 4
Vector = npt.ArrayLike
WHOLE_PAYLOAD = PayloadSelector(enabled=True)
ALL_VECTORS = VectorSelector(enabled=True)


class Point(NamedTuple):
    """A point as a test speaks of it."""

    id: PointId
    vectors: dict[str, npt.NDArray[np.float32]]
    payload: dict[str, Any]


def point(
    point_id: PointId = 1,
    vector: Vector | Mapping[str, Vector] | None = None,
    payload: Mapping[str, Any] | None = None,
    *,
    dim: int = DIM,
) -> Point:
    """Return a point. A list is the unnamed vector; without one it is made from the id, always the same."""
    if vector is None:
        vector = _vector_of(point_id, dim)
    named = vector if isinstance(vector, Mapping) else {UNNAMED: vector}
    return Point(point_id, {name: np.asarray(row, np.float32) for name, row in named.items()}, dict(payload or {}))


def points(count: int, *, first: int = 1, dim: int = DIM, payload: Mapping[str, Any] | None = None) -> list[Point]:
    """Return `count` points with ids from `first` on."""
    return [point(first + place, payload=payload, dim=dim) for place in range(count)]


def uuid_id(number: int) -> bytes:
    """Return a UUID as a point id; higher numbers sort later."""
    return number.to_bytes(16, "big")


def vectors(count: int, dim: int = DIM, seed: int = 0) -> npt.NDArray[np.float32]:
    """Return random normal rows (count, dim)."""
    return np.random.default_rng(seed).standard_normal((count, dim)).astype(np.float32)


def unit(rows: npt.ArrayLike) -> npt.NDArray[np.float32]:
    """Return rows at length one, as Cosine wants them."""
    given = np.asarray(rows, np.float32)
    return given / np.maximum(np.linalg.norm(given, axis=-1, keepdims=True), 1e-12)


def upsert(*given: Point | Sequence[Point]) -> Upsert:
    """Return the operation that writes points; takes points or lists of points."""
    every = [one for part in given for one in ([part] if isinstance(part, Point) else part)]
    slots = {name: slot_rows(every, name) for name in sorted({name for one in every for name in one.vectors})}
    return Upsert([one.id for one in every], slots, [payload_text(one.payload) for one in every])


def slot_rows(given: Sequence[Point], name: str) -> SlotRows:
    """Return the vectors of one slot for points of which some may lack it."""
    carried = [one.vectors[name] for one in given if name in one.vectors]
    present = bytes(name in one.vectors for one in given)
    rows = np.stack(carried).astype("<f4").tobytes()
    return SlotRows(len(carried[0]), rows, b"" if all(present) else present)


def payload_text(payload: Mapping[str, Any]) -> bytes:
    """Return a payload as the log carries it: JSON text, nothing when empty."""
    return json.dumps(payload, ensure_ascii=False, separators=(",", ":")).encode() if payload else b""


def delete(*ids: PointId) -> Delete:
    """Return the operation that deletes points."""
    return Delete(list(ids))


def set_payload(ids: Iterable[PointId], payload: Mapping[str, Any]) -> SetPayload:
    """Return the operation that merges keys into payloads."""
    return SetPayload(list(ids), payload_text(payload) or b"{}")


def filter(  # noqa: A001  # tests read builders.filter(...)
    must: Sequence[Condition] = (), should: Sequence[Condition] = (), must_not: Sequence[Condition] = ()
) -> Filter:
    """Return a filter."""
    return Filter(list(must), list(should), list(must_not))


def match(key: str, *values: Scalar) -> MatchAny:
    """Return the condition that some value is one of these."""
    return MatchAny(key, list(values))


def match_except(key: str, *values: Scalar) -> MatchExcept:
    """Return the condition that some value is none of these."""
    return MatchExcept(key, list(values))


def within(key: str, **bounds: float) -> Range:
    """Return a range condition: gt, gte, lt, lte."""
    return Range(key, **bounds)


def is_empty(key: str) -> IsEmpty:
    """Return the condition that a key has no value."""
    return IsEmpty(key)


def has_id(*ids: PointId) -> HasId:
    """Return the condition that the id is one of these."""
    return HasId(list(ids))


def search(vector: Vector, limit: int = 10, *, slot: str = UNNAMED, exact: bool = False, **more: Any) -> Search:
    """Return a search; further fields by their names."""
    raw = np.asarray(vector, "<f4").tobytes()
    params = more.pop("params", SearchParams(exact=exact))
    return Search(slot, raw, limit, params=params, **more)


def scroll(limit: int = 10, offset: PointId | None = None, wanted: Filter | None = None) -> Scroll:
    """Return a scroll with payloads and vectors."""
    return Scroll(offset, limit, wanted, WHOLE_PAYLOAD, ALL_VECTORS)


def retrieve(*ids: PointId) -> Retrieve:
    """Return a retrieve with payloads and vectors."""
    return Retrieve(list(ids), WHOLE_PAYLOAD, ALL_VECTORS)


def count(wanted: Filter | None = None) -> Count:
    """Return a count."""
    return Count(wanted)


SEAL = SealConfig(vector_bytes=2**30, rows=64)


def config(dim: int = DIM, distance: Distance = Distance.DOT, **more: Any) -> CollectionConfig:
    """Return a collection's config with one unnamed vector; `vectors` in `more` replaces it. Segments are small."""
    given = {"vectors": {UNNAMED: VectorParams(size=dim, distance=distance)}, "seal": SEAL, **more}
    return CollectionConfig(**given)


def _vector_of(point_id: PointId, dim: int) -> npt.NDArray[np.float32]:
    number = point_id if isinstance(point_id, int) else int.from_bytes(point_id, "big")
    return vectors(1, dim, seed=number)[0]
