"""Parsing of large upserts in pieces, with turns for other requests in between: a search must not wait for a load.

A first pass only finds where each point begins and ends; then a few points at a time are parsed. Bodies in any other
form than a list of points, and bodies with a mistake, are parsed as a whole: there is one parser, with its error texts.
"""

import asyncio
from collections.abc import Iterator

import msgspec

from services.api.validate.upserts import Points, last_of_each_id, parse_upsert
from shared.errors import Rejected

WHOLE_BYTES = 2**17
"""A body up to this size is parsed in one go, in well under a millisecond."""
PIECE_BYTES = 2**16
"""About so much is parsed between two turns."""


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
            await asyncio.sleep(0)
            part = parse_upsert(piece, points_max)
            found.ids.extend(part.ids)
            found.vectors.extend(part.vectors)
            found.payloads.extend(part.payloads)
    except (Rejected, msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
        return parse_upsert(body, points_max)
    return last_of_each_id(found)


def _pieces(points: list[msgspec.Raw]) -> Iterator[bytes]:
    """Return bodies of some points each, in order."""
    first = size = 0
    for place, point in enumerate(points, 1):
        size += len(memoryview(point))
        if size >= PIECE_BYTES or place == len(points):
            yield b'{"points":[' + b",".join(points[first:place]) + b"]}"
            first, size = place, 0
