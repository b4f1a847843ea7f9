"""Collection routes: list, info, exists, create, change, delete, optimizations."""

from services.api.call import Answer, Call
from services.api.described_config import config_warnings, warning_header
from services.api.description import describe
from services.api.endpoint import Route
from services.api.eras import collection_info as info_shape
from services.api.facts import gather_facts
from services.api.optimizations import Wanted, describe_jobs
from services.api.params import collection_timeout, texts
from services.api.validate.collection_changes import parse_change
from services.api.validate.collection_names import check_collection_name
from services.api.validate.collections import parse_create
from services.api.validate.init_from import parse_init_from
from shared.schema.collections import SealConfig


async def list_collections(call: Call) -> Answer:
    names = (await call.services.directory.reload()).names
    return Answer({"collections": [{"name": name} for name in sorted(names)]})


async def collection_info(call: Call) -> Answer:
    record = await call.services.directory.resolve_now(call.names[0])
    return Answer(describe(record, await gather_facts(call.services, record, indexed_points=True)))


async def collection_exists(call: Call) -> Answer:
    return Answer({"exists": await call.services.directory.find(call.names[0]) is not None})


async def create_collection(call: Call) -> Answer:
    timeout_s = collection_timeout(call.query)
    settings = call.services.settings
    seal = SealConfig(vector_bytes=settings.appendable_bytes, rows=settings.appendable_rows)
    body = await call.body()
    config = parse_create(body, call.services.defaults).model_copy(update={"seal": seal})
    await call.services.admin.create(check_collection_name(call.names[0]), config, timeout_s, parse_init_from(body))
    return Answer(True, warning_header(config_warnings(config)))


async def change_collection(call: Call) -> Answer:
    timeout_s = collection_timeout(call.query)
    change = parse_change(await call.body())
    if isinstance(change, str):
        await call.services.admin.rename(call.names[0], change, timeout_s)
        return Answer(True)
    record = await call.services.admin.change(call.names[0], lambda record: change.applied_to(record.config), timeout_s)
    return Answer(True, warning_header(config_warnings(record.config)))


async def delete_collection(call: Call) -> Answer:
    timeout_s = collection_timeout(call.query)
    return Answer(await call.services.admin.delete(call.names[0], timeout_s))


async def optimizations(call: Call) -> Answer:
    wanted = Wanted(texts(call.query))
    record = await call.services.directory.resolve_now(call.names[0])
    return Answer(describe_jobs(record, await gather_facts(call.services, record), wanted))


ROUTES = [
    Route("GET", "/collections", list_collections),
    Route("GET", "/collections/{}", collection_info, info_shape),
    Route("GET", "/collections/{}/exists", collection_exists),
    Route("GET", "/collections/{}/optimizations", optimizations),
    Route("PUT", "/collections/{}", create_collection),
    Route("PATCH", "/collections/{}", change_collection),
    Route("DELETE", "/collections/{}", delete_collection),
]
