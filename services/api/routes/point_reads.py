"""Routes that read points: one and many by id, scroll, count, facet."""

from collections.abc import Awaitable, Callable

from services.api.call import Answer, Call
from services.api.endpoint import Route
from services.api.params import read_timeout
from services.api.reads import Page
from services.api.render import render_page, render_records
from services.api.shards import Asking
from services.api.validate.point_reads import RetrieveCall, parse_count, parse_facet, parse_retrieve, parse_scroll
from services.api.validate.selectors import ALL_PAYLOAD, ALL_VECTORS
from shared.errors import BadFormat, BadInput, NotFound
from shared.query.merge import Counted
from shared.schema.collections import CollectionRecord
from shared.schema.points import PointId, format_point_id, parse_point_id
from shared.schema.queries import Hit


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


async def facet(call: Call) -> Answer:
    timeout_s = read_timeout(call.query)
    wanted = parse_facet(await call.body(), call.services.limits)
    asking = call.asking("Facet", timeout_s)

    async def act(record: CollectionRecord) -> list[Counted]:
        call.services.strict_reads.facet(record, wanted, timeout_s)
        return await call.services.reader.facet(record, wanted, asking)

    _, found = await call.services.directory.run(call.names[0], act)
    return Answer({"hits": [{"value": value, "count": count} for value, count in found]})


def _retrieving(
    call: Call, wanted: RetrieveCall, timeout_s: int | None, asking: Asking
) -> Callable[[CollectionRecord], Awaitable[list[Hit]]]:
    """Return how points are read by id from the collection that the name stands for."""

    async def act(record: CollectionRecord) -> list[Hit]:
        call.services.strict_reads.retrieve(record, wanted, timeout_s)
        return await call.services.reader.retrieve(record, wanted, asking)

    return act


def _path_id(text: str) -> PointId:
    try:
        return parse_point_id(int(text) if text.isascii() and text.isdigit() and len(text) <= 20 else text)
    except BadFormat as error:
        raise BadInput(f'Can not recognize "{text}" as point id') from error


ROUTES = [
    Route("POST", "/collections/{}/points", get_points),
    Route("GET", "/collections/{}/points/{}", get_point),
    Route("POST", "/collections/{}/points/scroll", scroll),
    Route("POST", "/collections/{}/points/count", count),
    Route("POST", "/collections/{}/facet", facet),
]
