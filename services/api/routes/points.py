"""Point routes: upsert, delete, set payload; get one, get many, scroll, count."""

from collections.abc import Awaitable, Callable
from typing import Any

from services.api.call import Answer, Call
from services.api.endpoint import Route
from services.api.eras import update_result
from services.api.params import WriteParams, read_timeout, write_params
from services.api.positions import HEADER, encode_token, merge_tokens
from services.api.reads import Page
from services.api.render import render_page, render_records
from services.api.shards import Asking
from services.api.validate.in_turns import pack_points_in_turns, parse_upsert_in_turns
from services.api.validate.selections import (
    RetrieveCall,
    parse_count,
    parse_delete,
    parse_retrieve,
    parse_scroll,
    parse_set_payload,
)
from services.api.validate.selectors import ALL_PAYLOAD, ALL_VECTORS
from services.api.validate.upserts import split_upsert
from services.api.writes import Admission, Parts, Split
from shared.errors import BadFormat, BadInput, NotFound
from shared.schema.collections import CollectionConfig, CollectionRecord
from shared.schema.operations import Delete, Operation, SetPayload
from shared.schema.points import PointId, format_point_id, parse_point_id, shard_of
from shared.schema.queries import Hit


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


async def get_point(call: Call) -> Answer:
    timeout_s = read_timeout(call.query)
    name, text = call.names
    point_id = _path_id(text)
    asking = call.asking("Get point", timeout_s)
    wanted = RetrieveCall([point_id], ALL_PAYLOAD, ALL_VECTORS)
    record, points = await call.services.directory.run(name, _retrieving(call, wanted, timeout_s, asking))
    if not points:
        raise NotFound(f"Point with id {format_point_id(point_id)} does not exists!")
    return Answer(render_records(points, record.config)[0])


async def get_points(call: Call) -> Answer:
    timeout_s = read_timeout(call.query)
    wanted = parse_retrieve(await call.body(), call.services.limits)
    asking = call.asking("Get points", timeout_s)
    record, points = await call.services.directory.run(call.names[0], _retrieving(call, wanted, timeout_s, asking))
    return Answer(render_records(points, record.config))


async def scroll(call: Call) -> Answer:
    timeout_s = read_timeout(call.query)
    wanted = parse_scroll(await call.body(), call.services.limits)
    asking = call.asking("Scroll", timeout_s)

    async def act(record: CollectionRecord) -> Page:
        call.services.strict_reads.scroll(record, wanted, timeout_s)
        return await call.services.reader.scroll(record, wanted, asking)

    record, page = await call.services.directory.run(call.names[0], act)
    return Answer(render_page(page, record.config))


async def count(call: Call) -> Answer:
    timeout_s = read_timeout(call.query)
    wanted = parse_count(await call.body(), call.services.limits)
    asking = call.asking("Count", timeout_s)

    async def act(record: CollectionRecord) -> int:
        call.services.strict_reads.count(record, wanted, timeout_s)
        return await call.services.reader.count(record, wanted, asking)

    _, found = await call.services.directory.run(call.names[0], act)
    return Answer({"count": found})


def _retrieving(
    call: Call, wanted: RetrieveCall, timeout_s: int | None, asking: Asking
) -> Callable[[CollectionRecord], Awaitable[list[Hit]]]:
    """Return how points are read by id from the collection that the name stands for."""

    async def act(record: CollectionRecord) -> list[Hit]:
        call.services.strict_reads.retrieve(record, wanted, timeout_s)
        return await call.services.reader.retrieve(record, wanted, asking)

    return act


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


def _path_id(text: str) -> PointId:
    try:
        return parse_point_id(int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else text)
    except BadFormat as error:
        raise BadInput(f'Can not recognize "{text}" as point id') from error


ROUTES = [
    Route("PUT", "/collections/{}/points", upsert, update_result),
    Route("POST", "/collections/{}/points", get_points),
    Route("GET", "/collections/{}/points/{}", get_point),
    Route("POST", "/collections/{}/points/delete", delete, update_result),
    Route("POST", "/collections/{}/points/payload", set_payload, update_result),
    Route("POST", "/collections/{}/points/scroll", scroll),
    Route("POST", "/collections/{}/points/count", count),
]
