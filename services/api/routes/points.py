"""Routes that change points: upsert, delete, vectors, payloads, and several changes at once."""

from collections.abc import Awaitable, Callable, Sequence
from typing import Any

from aiohttp import web

from services.api.call import Answer, Call, Handler
from services.api.endpoint import Route
from services.api.eras import update_result, update_results
from services.api.ingest import REVISION
from services.api.params import WriteParams, write_params
from services.api.point_changes import Change, selection_of, upsert_of, vector_update_of
from services.api.positions import HEADER, encode_token, merge_tokens
from services.api.strict.refusals import limits_of
from services.api.validate import selections
from services.api.validate.batches import parse_batch
from services.api.validate.in_turns import parse_update_vectors_in_turns, parse_upsert_in_turns
from services.api.validate.limits import Limits
from services.api.writes import Admission, Written
from shared.schema.collections import CollectionRecord

Read = Callable[[Call, bytes, WriteParams], Awaitable[Change]]
"""Reads a body into a change."""


async def _upsert(call: Call, body: bytes, params: WriteParams) -> Change:
    limits, turn = call.services.limits, call.services.turns.take
    points = await parse_upsert_in_turns(body, limits.points_max, limits.filter, turn)
    return upsert_of(points, call.services.strict_writes, params.timeout_s, turn)


async def _update_vectors(call: Call, body: bytes, params: WriteParams) -> Change:
    limits, turn = call.services.limits, call.services.turns.take
    points = await parse_update_vectors_in_turns(body, limits.points_max, limits.filter, turn)
    return vector_update_of(points, call.services.strict_writes, params.timeout_s, turn)


def _selection(parse: Callable[[bytes, Limits], selections.Changes]) -> Read:
    async def read(call: Call, body: bytes, params: WriteParams) -> Change:
        changes = parse(body, call.services.limits)
        return selection_of(changes, call.services.strict_writes, params.timeout_s)

    return read


READERS: dict[str, Read] = {
    "upsert": _upsert,
    "delete": _selection(selections.parse_delete),
    "set_payload": _selection(selections.parse_set_payload),
    "overwrite_payload": _selection(selections.parse_overwrite_payload),
    "delete_payload": _selection(selections.parse_delete_payload),
    "clear_payload": _selection(selections.parse_clear_payload),
    "update_vectors": _update_vectors,
    "delete_vectors": _selection(selections.parse_delete_vectors),
}
"""By the names that changes have in a batch."""


async def batch(call: Call) -> Answer:
    """Change points in several ways: read and validated as a whole, then logged and applied in order."""
    params = write_params(call.query)
    items = parse_batch(await call.body())
    changes = [await READERS[item.kind](call, item.body, params) for item in items]
    written = await _written(call, params, changes)
    return Answer([_result(one) for one in written], _token(call, written))


def _passed_on(here: Handler) -> Handler:
    """Return a handler that passes large bodies on to the ingest process, and does the others here.

    Rates are counted in each process for itself, so where a collection has one, all its writes are done in one place.
    """

    async def write(call: Call) -> Answer | web.Response:
        services = call.services
        if services.settings.listen_socket:
            await services.directory.reach(int(call.request.headers.get(REVISION, 0)))
        elif services.ingest.takes(call.request) and not _is_rated(call):
            await call.invite_body()
            answer = await services.ingest.pass_on(call.request, services.catalog.revision)
            if answer is not None:
                return answer
        return await here(call)

    return write


def _is_rated(call: Call) -> bool:
    record = call.services.catalog.resolve(call.names[0])
    limits = None if record is None else limits_of(record)
    return limits is not None and limits.write_rate_limit is not None


def _one(kind: str) -> Handler:
    async def write(call: Call) -> Answer:
        params = write_params(call.query)
        change = await READERS[kind](call, await call.body(), params)
        written = await _written(call, params, [change])
        return Answer(_result(written[0]), _token(call, written))

    return _passed_on(write)


async def _written(call: Call, params: WriteParams, changes: Sequence[Change]) -> list[Written]:
    async def check(record: CollectionRecord) -> None:
        for change in changes:
            await change.check(record)

    call.positions()
    admission = Admission(check, call.services.strict_writes.charge)
    return await call.services.writer.write(call.names[0], [change.split for change in changes], params, admission)


def _result(written: Written) -> dict[str, Any]:
    operation_id = written.operation_id
    return (
        {"status": written.status}
        if operation_id is None
        else {
            "status": written.status,
            "operation_id": operation_id,
        }
    )


def _token(call: Call, written: Sequence[Written]) -> dict[str, str] | None:
    positions = call.positions()
    for one in written:
        positions = merge_tokens(positions, one.positions)
    return {HEADER: encode_token(positions)} if positions else None


_POINTS = "/collections/{}/points"

ROUTES = [
    Route("PUT", _POINTS, _one("upsert"), update_result),
    Route("POST", f"{_POINTS}/delete", _one("delete"), update_result),
    Route("POST", f"{_POINTS}/payload", _one("set_payload"), update_result),
    Route("PUT", f"{_POINTS}/payload", _one("overwrite_payload"), update_result),
    Route("POST", f"{_POINTS}/payload/delete", _one("delete_payload"), update_result),
    Route("POST", f"{_POINTS}/payload/clear", _one("clear_payload"), update_result),
    Route("PUT", f"{_POINTS}/vectors", _one("update_vectors"), update_result),
    Route("POST", f"{_POINTS}/vectors/delete", _one("delete_vectors"), update_result),
    Route("POST", f"{_POINTS}/batch", _passed_on(batch), update_results),
]
