"""Payload index routes: declare an index on a payload path, drop it."""

from typing import Any

from services.api.call import Answer, Call
from services.api.described_config import warning_header
from services.api.described_indexes import index_warnings
from services.api.endpoint import Route
from services.api.eras import update_result
from services.api.params import WriteParams, write_params
from services.api.validate.paths import check_path
from services.api.validate.payload_indexes import parse_payload_index
from shared.schema.collections import CollectionRecord


async def create_index(call: Call) -> Answer:
    params = write_params(call.query)
    wanted = parse_payload_index(await call.body())
    record = await call.services.payload_indexes.create(call.names[0], wanted, params.timeout_s)
    result = await _result(call, record, wanted.path, params)
    return Answer(result, warning_header(index_warnings(record.config)))


async def delete_index(call: Call) -> Answer:
    params = write_params(call.query)
    collection, name = call.names
    path = check_path(name, "path parameters")
    record = await call.services.payload_indexes.delete(collection, path, params.timeout_s)
    return Answer(await _result(call, record, path, params))


async def _result(call: Call, record: CollectionRecord, path: str, params: WriteParams) -> dict[str, Any]:
    """Return an update's result; it has no `operation_id`, because each shard's leader logs the change by itself."""
    if not params.wait:
        return {"status": "acknowledged"}
    timeout_s = call.services.settings.write_wait_s if params.timeout_s is None else float(params.timeout_s)
    is_ready = await call.services.payload_indexes.is_ready(record, path, timeout_s)
    return {"status": "completed" if is_ready else "wait_timeout"}


ROUTES = [
    Route("PUT", "/collections/{}/index", create_index, update_result),
    Route("DELETE", "/collections/{}/index/{}", delete_index, update_result),
]
