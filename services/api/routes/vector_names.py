"""Vector name routes: add a slot to a live collection, remove one."""

from typing import Any

from services.api.call import Answer, Call
from services.api.endpoint import Route
from services.api.params import WriteParams, write_params
from services.api.validate.vector_names import parse_vector_name
from shared.schema.collections import CollectionRecord


async def add_vector_name(call: Call) -> Answer:
    params = write_params(call.query)
    collection, name = call.names
    slot = parse_vector_name(name, await call.body())
    record = await call.services.vector_names.add(collection, name, slot, params.timeout_s)
    return Answer(await _result(call, record, params))


async def remove_vector_name(call: Call) -> Answer:
    params = write_params(call.query)
    collection, name = call.names
    record = await call.services.vector_names.remove(collection, name, params.timeout_s)
    return Answer(await _result(call, record, params))


async def _result(call: Call, record: CollectionRecord, params: WriteParams) -> dict[str, Any]:
    """Return an update's result; it has no `operation_id`, because each shard's leader logs the change by itself."""
    if not params.wait:
        return {"status": "acknowledged"}
    timeout_s = call.services.settings.write_wait_s if params.timeout_s is None else float(params.timeout_s)
    return {"status": "completed" if await call.services.shards.settled(record, timeout_s) else "wait_timeout"}


ROUTES = [
    Route("PUT", "/collections/{}/vectors/{}", add_vector_name),
    Route("DELETE", "/collections/{}/vectors/{}", remove_vector_name),
]
