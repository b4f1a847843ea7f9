"""Large bodies of points parsed and packed in pieces, with turns for others in between: searches must not wait.

Each piece ends at a `},{`. One that lies within a point cannot be mistaken for the end of it: what precedes it does not
parse as whole points then, and the piece is made longer. Bodies in any other form than a list of points, and bodies
with a mistake, are parsed as a whole: there is one parser, with its error texts.
Vectors are packed some points at a time in the same way.
"""

import re
from collections.abc import Callable
from typing import NamedTuple

from services.api.turns import Turn, plain_turn
from services.api.validate.body import decode_object
from services.api.validate.filters import FilterLimits
from services.api.validate.given import WireSparse, is_multi
from services.api.validate.packing import (
    Choice,
    PackedPoints,
    Points,
    Vectors,
    join_packed,
    last_of_each_id,
    pack_points,
)
from services.api.validate.upserts import FILTERS, choice_of, decoded_points, parse_upsert
from services.api.validate.vector_updates import joined_vectors, parse_update_vectors
from shared.errors import Rejected
from shared.schema.collections import CollectionConfig

WHOLE_BYTES = 2**17
"""A body up to this size is parsed in one go, in well under a millisecond."""
PIECE_BYTES = 2**16
"""About so much is parsed between two turns."""
PIECE_VALUES = 2**14
"""About so many numbers are packed between two turns."""

_HEAD = re.compile(rb'\s*\{\s*"points"\s*:\s*\[')
_LIST_END = re.compile(rb"\}\s*\]")
_TAIL_BYTES = 4096
"""Where the end of the list is looked for; what a body says behind it, a filter for one, may be so long."""
LONGER_MAX = 64
"""How often the pieces of a body may be made longer before it is parsed as a whole."""


class _Form(NamedTuple):
    """A kind of body: how one is parsed whole, and what is made of points that were parsed in pieces."""

    parse: Callable[[bytes, int, FilterLimits], Points]
    join: Callable[[Points], Points]


_UPSERT = _Form(parse_upsert, last_of_each_id)
_VECTOR_UPDATE = _Form(parse_update_vectors, joined_vectors)


async def parse_upsert_in_turns(
    body: bytes, points_max: int, filters: FilterLimits = FILTERS, turn: Turn = plain_turn
) -> Points:
    """Return what `parse_upsert` returns."""
    return await _parse_in_turns(_UPSERT, body, points_max, filters, turn)


async def parse_update_vectors_in_turns(
    body: bytes, points_max: int, filters: FilterLimits = FILTERS, turn: Turn = plain_turn
) -> Points:
    """Return what `parse_update_vectors` returns."""
    return await _parse_in_turns(_VECTOR_UPDATE, body, points_max, filters, turn)


async def _parse_in_turns(form: _Form, body: bytes, points_max: int, filters: FilterLimits, turn: Turn) -> Points:
    if len(body) <= WHOLE_BYTES:
        return form.parse(body, points_max, filters)
    head, tail = _HEAD.match(body), _tail(body, filters)
    if head is None or tail is None:
        return form.parse(body, points_max, filters)
    found = Points([], [], [], tail.choice)
    first, end, longer = head.end(), tail.start, 0
    last = _piece_end(body, first, end)
    while first < end and longer < LONGER_MAX and len(found.ids) <= points_max:
        await turn()
        try:
            part = form.parse(b'{"points":[' + body[first:last] + b"]}", points_max, filters)
        except Rejected:
            if last == end:
                break
            longer += 1
            last = _piece_end(body, last, end, 1)
            continue
        found.ids.extend(part.ids)
        found.vectors.extend(part.vectors)
        found.payloads.extend(part.payloads)
        first = last + 1
        last = _piece_end(body, first, end)
    if first < end or len(found.ids) > points_max:
        return form.parse(body, points_max, filters)
    return form.join(found)


class _Tail(NamedTuple):
    """Where the list of points ends, and what the body says behind it."""

    start: int
    choice: Choice


def _tail(body: bytes, filters: FilterLimits) -> _Tail | None:
    """Return the tail of a body. Only behind the end of the list can it be the rest of a body without points."""
    for end in _LIST_END.finditer(body, len(body) - _TAIL_BYTES):
        start = end.end() - 1
        try:
            if not decode_object(b'{"":0' + body[end.end() :]).keys() & {"points", "batch"}:
                wire, _ = decoded_points(b'{"points":[' + body[start:])
                return _Tail(start, choice_of(wire, filters))
        except Rejected:
            continue
    return None


def _piece_end(body: bytes, first: int, end: int, least: int = PIECE_BYTES) -> int:
    """Return where a piece may end that begins at `first`: behind the `}` before another `{`, or at the list's end."""
    place = body.find(b"},{", first + least, end)
    return end if place < 0 else place + 1


async def pack_points_in_turns(points: Points, config: CollectionConfig, turn: Turn = plain_turn) -> PackedPoints:
    """Return what `pack_points` returns."""
    sizes = list(map(_values_of, points.vectors))
    if sum(sizes) <= PIECE_VALUES:
        return pack_points(points, config)
    packed, first, size = [], 0, 0
    try:
        for last, each in enumerate(sizes, 1):
            size += each
            if size >= PIECE_VALUES or last == len(sizes):
                await turn()
                packed.append(pack_points(_part(points, first, last), config))
                first, size = last, 0
    except Rejected:
        return pack_points(points, config)  # a mistake is told as of the whole
    return join_packed(packed)


def _part(points: Points, first: int, last: int) -> Points:
    """Return some of the points, chosen among in the same way."""
    return points._replace(
        ids=points.ids[first:last], vectors=points.vectors[first:last], payloads=points.payloads[first:last]
    )


def _values_of(vectors: Vectors) -> int:
    """Return about how many numbers a point's vectors hold."""
    if isinstance(vectors, dict):
        return sum(map(_values_of, vectors.values()))
    if isinstance(vectors, WireSparse):
        return len(vectors.values)
    return len(vectors) * len(vectors[0]) if is_multi(vectors) else len(vectors)
