"""Search routes: the universal query and the old search, one by one and in batches."""

from collections.abc import Callable

from services.api.call import Answer, Call
from services.api.endpoint import Route
from services.api.params import read_timeout
from services.api.reads import Ranking
from services.api.render import render_ranking
from services.api.validate.limits import Limits
from services.api.validate.searches import (
    SearchCall,
    parse_query,
    parse_query_batch,
    parse_search,
    parse_search_batch,
)
from shared.schema.collections import CollectionRecord


async def search(call: Call) -> Answer:
    record, rankings = await _one(call, parse_search)
    return Answer(render_ranking(rankings[0], record.config))


async def search_batch(call: Call) -> Answer:
    record, rankings = await _many(call, parse_search_batch)
    return Answer([render_ranking(each, record.config) for each in rankings])


async def query(call: Call) -> Answer:
    record, rankings = await _one(call, parse_query)
    return Answer({"points": render_ranking(rankings[0], record.config)})


async def query_batch(call: Call) -> Answer:
    record, rankings = await _many(call, parse_query_batch)
    return Answer([{"points": render_ranking(each, record.config)} for each in rankings])


Found = tuple[CollectionRecord, list[Ranking]]


async def _one(call: Call, parse: Callable[[bytes, Limits], SearchCall]) -> Found:
    timeout_s = read_timeout(call.query)
    return await _run(call, [parse(await call.body(), call.services.limits)], timeout_s)


async def _many(call: Call, parse: Callable[[bytes, Limits], list[SearchCall]]) -> Found:
    timeout_s = read_timeout(call.query)
    return await _run(call, parse(await call.body(), call.services.limits), timeout_s)


async def _run(call: Call, calls: list[SearchCall], timeout_s: int | None) -> Found:
    asking = call.asking("Search", timeout_s)

    async def act(record: CollectionRecord) -> list[Ranking]:
        call.services.strict_reads.searches(record, calls, timeout_s)
        with call.services.turns.searching():
            return await call.services.reader.search(record, calls, asking)

    return await call.services.directory.run(call.names[0], act)


ROUTES = [
    Route("POST", "/collections/{}/points/query", query),
    Route("POST", "/collections/{}/points/query/batch", query_batch),
    Route("POST", "/collections/{}/points/search", search),
    Route("POST", "/collections/{}/points/search/batch", search_batch),
]
