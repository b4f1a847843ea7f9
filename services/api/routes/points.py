"""Routes that change points: upsert, delete, set payload."""

from collections.abc import Awaitable, Callable
from typing import Any

from services.api.call import Answer, Call
from services.api.endpoint import Route
from services.api.eras import update_result
from services.api.params import WriteParams, write_params
from services.api.positions import HEADER, encode_token, merge_tokens
from services.api.validate.in_turns import pack_points_in_turns, parse_upsert_in_turns
from services.api.validate.selections import parse_delete, parse_set_payload
from services.api.validate.upserts import split_upsert
from services.api.writes import Admission, Parts, Split
from shared.schema.collections import CollectionConfig, CollectionRecord
from shared.schema.operations import Delete, Operation, SetPayload
from shared.schema.points import PointId, shard_of


async def upsert(call: Call) -> Answer:
    params = write_params(call.query)
    points = await parse_upsert_in_turns(await call.body(), call.services.settings.batch_points_max)
    guard = call.services.strict_writes

    async def split(config: CollectionConfig) -> Parts:
        return split_upsert(await pack_points_in_turns(points, config), config.shard_number)

    return await _write(call, params, split, lambda record: guard.upsert(record, points, params.timeout_s))


async def delete(call: Call) -> Answer:
    params = write_params(call.query)
    ids = parse_delete(await call.body(), call.services.limits)
    guard = call.services.strict_writes
    return await _write(call, params, _by_shard(ids, Delete), lambda record: guard.delete(record, params.timeout_s))


async def set_payload(call: Call) -> Answer:
    params = write_params(call.query)
    wanted = parse_set_payload(await call.body(), call.services.limits)
    guard = call.services.strict_writes
    split = _by_shard(wanted.ids, lambda ids: SetPayload(ids, wanted.payload))
    return await _write(call, params, split, lambda record: guard.set_payload(record, params.timeout_s))


async def _write(
    call: Call, params: WriteParams, split: Split, check: Callable[[CollectionRecord], Awaitable[None]]
) -> Answer:
    seen = call.positions()
    admission = Admission(check, call.services.strict_writes.charge)
    written = await call.services.writer.write(call.names[0], split, params, admission)
    result: dict[str, Any] = {"status": written.status}
    if written.operation_id is not None:
        result["operation_id"] = written.operation_id
    token = encode_token(merge_tokens(seen, written.positions))
    return Answer(result, {HEADER: token} if token else None)


def _by_shard(ids: list[PointId], operation: Callable[[list[PointId]], Operation]) -> Split:
    """Return how an operation on ids is split over shards."""

    def split(config: CollectionConfig) -> dict[int, list[Operation]]:
        parts: dict[int, list[PointId]] = {}
        for point_id in ids:
            parts.setdefault(shard_of(point_id, config.shard_number), []).append(point_id)
        return {shard: [operation(part)] for shard, part in parts.items()}

    return split


ROUTES = [
    Route("PUT", "/collections/{}/points", upsert, update_result),
    Route("POST", "/collections/{}/points/delete", delete, update_result),
    Route("POST", "/collections/{}/points/payload", set_payload, update_result),
]
