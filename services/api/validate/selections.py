"""Bodies that choose points to change: delete, set payload."""

from typing import Any, NamedTuple

import msgspec

from services.api.validate.body import decode
from services.api.validate.limits import Limits
from services.api.validate.payloads import payload_text
from services.api.validate.unsupported import refuse, refuse_given
from shared.errors import BadFormat, BadRequest, TooLarge
from shared.schema.points import PointId, parse_point_id


class WireDelete(msgspec.Struct):
    points: list[int | str] | None = None
    filter: Any = None
    shard_key: Any = None


class WireSetPayload(msgspec.Struct):
    payload: dict[str, Any]
    points: list[int | str] | None = None
    filter: Any = None
    key: str | None = None
    shard_key: Any = None


class SetPayloadCall(NamedTuple):
    """Payload keys to merge into some points."""

    ids: list[PointId]
    payload: bytes


_delete_decoder = msgspec.json.Decoder(WireDelete)
_set_payload_decoder = msgspec.json.Decoder(WireSetPayload)


def parse_delete(body: bytes, limits: Limits) -> list[PointId]:
    """Return the distinct ids to delete."""
    wire = decode(_delete_decoder, body)
    refuse_given(wire, ("shard_key",))
    if wire.filter is not None:
        refuse("deleting by `filter`")
    if wire.points is None:
        raise BadFormat("a delete needs `points` or `filter`")
    return _ids(wire.points, limits)


def parse_set_payload(body: bytes, limits: Limits) -> SetPayloadCall:
    """Return the distinct ids and the canonical payload text."""
    wire = decode(_set_payload_decoder, body)
    refuse_given(wire, ("shard_key", "key"))
    if wire.filter is not None:
        refuse("setting payload by `filter`")
    if wire.points is None:
        raise BadRequest("No filter or points provided")
    return SetPayloadCall(_ids(wire.points, limits), payload_text(wire.payload) or b"{}")


def _ids(wire: list[int | str], limits: Limits) -> list[PointId]:
    if len(wire) > limits.points_max:
        raise TooLarge(f"{len(wire)} points in one request, at most {limits.points_max} are taken")
    return list(dict.fromkeys(parse_point_id(each) for each in wire))
