"""Bodies that change points chosen by id or by filter: delete, payload operations, delete vectors.

Where both ids and a filter are given, ids count and the filter does not, as in the reference; only the deletion of
vectors takes both.
"""

from typing import Any, NamedTuple

import msgspec

from services.api.validate.body import decode
from services.api.validate.filter_wire import WireFilter
from services.api.validate.filters import parse_filter
from services.api.validate.limits import Limits
from services.api.validate.paths import check_path
from services.api.validate.payloads import payload_text
from services.api.validate.shard_keys import WireShardKey
from shared.errors import BadFormat, BadRequest, Invalid, TooLarge
from shared.schema.filters import Filter
from shared.schema.operations import ClearPayload, Delete, DeletePayload, DeleteVectors, OverwritePayload, SetPayload
from shared.schema.points import PointId, parse_point_id

KEY_STEPS_MAX = 32
"""Objects that `key` may make on its way, at most: payloads nest to a bounded depth."""

Chosen = Delete | SetPayload | OverwritePayload | DeletePayload | ClearPayload | DeleteVectors
"""Operations on points by ids, or by `filter` and no ids."""


class WireSelector(msgspec.Struct):
    points: list[int | str] | None = None
    filter: WireFilter | None = None
    shard_key: WireShardKey = None


class WireSetPayload(WireSelector, kw_only=True):
    payload: dict[str, Any]
    key: str | None = None


class WireDeletePayload(WireSelector, kw_only=True):
    keys: list[str]


class WireDeleteVectors(WireSelector, kw_only=True):
    vector: list[str] | None = None
    vectors: list[str] | None = None


class Changes(NamedTuple):
    """What a body asks for, as operations in order. `shard_key` is still to be refused."""

    operations: list[Chosen]
    shard_key: WireShardKey

    @property
    def names(self) -> list[str]:
        """The vectors that it names."""
        return [name for each in self.operations if isinstance(each, DeleteVectors) for name in each.names]


_selector_decoder = msgspec.json.Decoder(WireSelector)
_set_payload_decoder = msgspec.json.Decoder(WireSetPayload)
_delete_payload_decoder = msgspec.json.Decoder(WireDeletePayload)
_delete_vectors_decoder = msgspec.json.Decoder(WireDeleteVectors)


def parse_delete(body: bytes, limits: Limits) -> Changes:
    """Return what deletes points."""
    wire = decode(_selector_decoder, body)
    return Changes([Delete(*_one_choice(wire, limits))], wire.shard_key)


def parse_clear_payload(body: bytes, limits: Limits) -> Changes:
    """Return what removes whole payloads."""
    wire = decode(_selector_decoder, body)
    return Changes([ClearPayload(*_one_choice(wire, limits))], wire.shard_key)


def parse_set_payload(body: bytes, limits: Limits) -> Changes:
    """Return what merges a payload, at the top level or at `key`."""
    wire = decode(_set_payload_decoder, body)
    ids, wanted = _choice(wire, limits)
    key = "" if wire.key is None else _checked_key(wire.key)
    return Changes([SetPayload(ids, payload_text(wire.payload) or b"{}", wanted, key)], wire.shard_key)


def parse_overwrite_payload(body: bytes, limits: Limits) -> Changes:
    """Return what replaces whole payloads. The reference takes `key` here, and does not look at it."""
    wire = decode(_set_payload_decoder, body)
    ids, wanted = _choice(wire, limits)
    if wire.key is not None:
        _checked_key(wire.key)
    return Changes([OverwritePayload(ids, payload_text(wire.payload), wanted)], wire.shard_key)


def parse_delete_payload(body: bytes, limits: Limits) -> Changes:
    """Return what removes the values at payload paths."""
    wire = decode(_delete_payload_decoder, body)
    ids, wanted = _choice(wire, limits)
    keys = list(dict.fromkeys(check_path(key) for key in wire.keys))
    return Changes([DeletePayload(ids, keys, wanted)], wire.shard_key)


def parse_delete_vectors(body: bytes, limits: Limits) -> Changes:
    """Return what removes vectors: of the points that a filter keeps, and then of those named by id."""
    wire = decode(_delete_vectors_decoder, body)
    given = wire.vector if wire.vector is not None else wire.vectors
    if given is None:
        raise BadFormat("missing field `vector`")
    if not given:
        raise Invalid("vector: must specify vector names to delete")
    names = list(dict.fromkeys(given))
    found: list[Chosen] = []
    if wire.filter is not None:
        found.append(DeleteVectors([], names, _filter(wire.filter, limits)))
    if wire.points is not None:
        found.append(DeleteVectors(_ids(wire.points, limits), names))
    if not found:
        raise BadRequest("No filter or points provided")
    return Changes(found, wire.shard_key)


def _one_choice(wire: WireSelector, limits: Limits) -> tuple[list[PointId], Filter | None]:
    """Return the choice of a body that is nothing but one. Raises BadFormat without one."""
    if wire.points is None and wire.filter is None:
        raise BadFormat("data did not match any variant of untagged enum PointsSelector: give `points` or `filter`")
    return _choice(wire, limits)


def _choice(wire: WireSelector, limits: Limits) -> tuple[list[PointId], Filter | None]:
    """Return distinct ids, or no ids and a filter."""
    if wire.points is not None:
        return _ids(wire.points, limits), None
    if wire.filter is None:
        raise BadRequest("No filter or points provided")
    return [], _filter(wire.filter, limits)


def _filter(wire: WireFilter, limits: Limits) -> Filter:
    return parse_filter(wire, limits.filter) or Filter()


def _ids(wire: list[int | str], limits: Limits) -> list[PointId]:
    if len(wire) > limits.points_max:
        raise TooLarge(f"{len(wire)} points in one request, at most {limits.points_max} are taken")
    return list(dict.fromkeys(parse_point_id(each) for each in wire))


def _checked_key(key: str) -> str:
    if check_path(key).count(".") + key.count("[") >= KEY_STEPS_MAX:
        raise BadFormat(f"a payload path of at most {KEY_STEPS_MAX} steps was expected as `key`")
    return key
