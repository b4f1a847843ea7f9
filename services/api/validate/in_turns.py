"""Large upserts parsed and packed in pieces, with turns for others in between: a search must not wait for a load.

A first pass only finds where each point begins and ends; then a few points at a time are parsed. Bodies in any other
form than a list of points, and bodies with a mistake, are parsed as a whole: there is one parser, with its error texts.
Vectors are packed some points at a time in the same way.
"""

import asyncio
from collections.abc import Iterator

import msgspec

from services.api.validate.given import WireSparse, is_multi
from services.api.validate.upserts import (
    PackedPoints,
    Points,
    Vectors,
    join_packed,
    last_of_each_id,
    pack_points,
    parse_upsert,
)
from shared.errors import Rejected
from shared.schema.collections import CollectionConfig

WHOLE_BYTES = 2**17
"""A body up to this size is parsed in one go, in well under a millisecond."""
PIECE_BYTES = 2**16
"""About so much is parsed between two turns."""
PIECE_VALUES = 2**14
"""About so many numbers are packed between two turns."""
TURN_STEPS = 4
"""Passes of the loop in one turn: a search takes some from its request to the worker, and back to its answer."""


class _Outline(msgspec.Struct, forbid_unknown_fields=True):
    """A body with nothing but a list of points; other fields are rare."""

    points: list[msgspec.Raw]


_decoder = msgspec.json.Decoder(_Outline)


async def parse_upsert_in_turns(body: bytes, points_max: int) -> Points:
    """Return what `parse_upsert` returns."""
    if len(body) <= WHOLE_BYTES:
        return parse_upsert(body, points_max)
    try:
        outline = _decoder.decode(body)
        if not 0 < len(outline.points) <= points_max:
            return parse_upsert(body, points_max)
        found = Points([], [], [])
        for piece in _pieces(outline.points):
            await _turn()
            part = parse_upsert(piece, points_max)
            found.ids.extend(part.ids)
            found.vectors.extend(part.vectors)
            found.payloads.extend(part.payloads)
    except (Rejected, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return parse_upsert(body, points_max)
    return last_of_each_id(found)


async def pack_points_in_turns(points: Points, config: CollectionConfig) -> PackedPoints:
    """Return what `pack_points` returns."""
    sizes = list(map(_values_of, points.vectors))
    if sum(sizes) <= PIECE_VALUES:
        return pack_points(points, config)
    packed, first, size = [], 0, 0
    try:
        for last, each in enumerate(sizes, 1):
            size += each
            if size >= PIECE_VALUES or last == len(sizes):
                await _turn()
                piece = Points(points.ids[first:last], points.vectors[first:last], points.payloads[first:last])
                packed.append(pack_points(piece, config))
                first, size = last, 0
    except Rejected:
        return pack_points(points, config)  # a mistake is told as of the whole
    return join_packed(packed)


async def _turn() -> None:
    """Let other requests go on."""
    for _ in range(TURN_STEPS):
        await asyncio.sleep(0)


def _values_of(vectors: Vectors) -> int:
    """Return about how many numbers a point's vectors hold."""
    if isinstance(vectors, dict):
        return sum(map(_values_of, vectors.values()))
    if isinstance(vectors, WireSparse):
        return len(vectors.values)
    return len(vectors) * len(vectors[0]) if is_multi(vectors) else len(vectors)


def _pieces(points: list[msgspec.Raw]) -> Iterator[bytes]:
    """Return bodies of some points each, in order."""
    first = size = 0
    for place, point in enumerate(points, 1):
        size += len(memoryview(point))
        if size >= PIECE_BYTES or place == len(points):
            yield b'{"points":[' + b",".join(points[first:place]) + b"]}"
            first, size = place, 0
