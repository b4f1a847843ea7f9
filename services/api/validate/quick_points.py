"""The usual upsert, a list of points with dense vectors, read without an object per number.

simdjson gives each array of numbers as one buffer: a third of the time that decoding to lists takes. This reader takes
`{"points": [{"id", "vector", "payload"?}, …]}` with unnamed or named dense vectors, and nothing else. Whatever else it
meets, mistakes included, it leaves to the full parser of upserts.py, whose error texts count: a quick answer is always
the answer that the full parser gives.
"""

from typing import Any, NamedTuple

import numpy as np
import simdjson
from numpy.typing import NDArray

from services.api.validate.payloads import payload_text
from shared.errors import Rejected
from shared.schema.points import PointId, parse_point_id

Floats = NDArray[np.float64]

_ENVELOPE = frozenset({"points"})
_POINT_KEYS = frozenset({"id", "vector", "payload"})


class _Unusual(Exception):
    """The body is none of the usual ones."""


class QuickPoints(NamedTuple):
    """Points; their vectors are `Floats` that are not empty, or a dict of such by name; payloads are JSON text."""

    ids: list[PointId]
    vectors: list[Any]
    payloads: list[bytes]


def quick_points(body: bytes) -> QuickPoints | None:
    """Return the points of a usual body; None for any other, which may be right all the same."""
    try:
        found = _points(simdjson.Parser().parse(body))
    except (_Unusual, Rejected, ValueError, TypeError, KeyError, RuntimeError, RecursionError):
        return None
    return found if _arrays_in(found) == body.count(b"[") else None


def _arrays_in(found: QuickPoints) -> int:
    """Return how many `[` a body has that says just this: an array in a vector, which buffers flatten, is one more."""
    vectors = sum(len(each) if isinstance(each, dict) else 1 for each in found.vectors)
    return 1 + vectors + b"".join(found.payloads).count(b"[")


def _points(body: Any) -> QuickPoints:
    if not isinstance(body, simdjson.Object) or set(body) != _ENVELOPE or len(body) != 1:
        raise _Unusual
    points = body["points"]
    if not isinstance(points, simdjson.Array):
        raise _Unusual
    found = QuickPoints([], [], [])
    for point in points:
        if not isinstance(point, simdjson.Object):
            raise _Unusual
        keys = list(point)
        if not _POINT_KEYS.issuperset(keys) or len(set(keys)) != len(keys):
            raise _Unusual
        found.ids.append(parse_point_id(point["id"]))
        found.vectors.append(_vectors(point["vector"]))
        found.payloads.append(_payload(point["payload"]) if "payload" in keys else b"")
    return found


def _vectors(given: Any) -> Floats | dict[str, Floats]:
    if not isinstance(given, simdjson.Object):
        return _floats(given)
    named = {name: _floats(each) for name, each in given.items()}
    if len(named) != len(given):
        raise _Unusual
    return named


def _floats(given: Any) -> Floats:
    if not isinstance(given, simdjson.Array) or not len(given):
        raise _Unusual
    return np.frombuffer(given.as_buffer(of_type="d"), np.float64)


def _payload(given: Any) -> bytes:
    if given is None:
        return b""
    if not isinstance(given, simdjson.Object):
        raise _Unusual
    return payload_text(given.as_dict())
