"""Point ids: an unsigned 64-bit integer or a UUID.

Inside Shoal a `PointId` is an `int`, or the 16 bytes of a UUID in network order. Numbers sort before UUIDs, numbers by
value and UUIDs by bytes: `id_order` is that key, and the tie-break of every ranking.
"""

import hashlib
from uuid import UUID

from shared.errors import BadFormat

PointId = int | bytes
"""u64, or the 16 bytes of a UUID."""

ID_MAX = 2**64 - 1


def parse_point_id(wire: object) -> PointId:
    """Return the id behind a JSON value: an integer in u64, or any textual form of a UUID. Raises BadFormat."""
    if isinstance(wire, int) and not isinstance(wire, bool) and 0 <= wire <= ID_MAX:
        return wire
    if isinstance(wire, str):
        try:
            return UUID(wire).bytes
        except ValueError:
            pass
    raise BadFormat(f"value {wire!r} is not a valid point ID, valid values are either an unsigned integer or a UUID")


def format_point_id(point_id: PointId) -> int | str:
    """Return the JSON form: the integer, or the hyphenated lower-case UUID."""
    return point_id if isinstance(point_id, int) else str(UUID(bytes=point_id))


def id_order(point_id: PointId) -> tuple[bool, int | bytes]:
    """Return the sort key of an id: numbers before UUIDs."""
    return isinstance(point_id, bytes), point_id


def shard_of(point_id: PointId, shard_number: int) -> int:
    """Return the shard of a point. Stable for ever: blake2b of the id's bytes (8 little-endian, or 16), modulo."""
    if shard_number == 1:
        return 0
    raw = point_id.to_bytes(8, "little") if isinstance(point_id, int) else point_id
    return int.from_bytes(hashlib.blake2b(raw, digest_size=8).digest(), "little") % shard_number
