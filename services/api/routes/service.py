"""Service routes: `/`, the probes, `/metrics`. Without an envelope."""

from aiohttp import web

from services.api import envelope
from services.api.call import Call
from services.api.endpoint import Route
from services.api.facts import gather_facts
from services.api.metrics import CollectionFacts
from services.api.shards import together
from services.api.version import COMMIT, REFERENCE_VERSION, SHOAL_VERSION


async def root(call: Call) -> web.Response:
    """A title and version that the official clients accept, and our own."""
    return envelope.bare(
        {
            "title": "qdrant - vector search engine",
            "version": REFERENCE_VERSION,
            "commit": COMMIT,
            "name": "shoal",
            "shoal_version": SHOAL_VERSION,
        }
    )


async def alive(call: Call) -> web.Response:
    return envelope.plain("healthz check passed")


async def ready(call: Call) -> web.Response:
    """200 once every shard of every collection answers."""
    services = call.services
    described = await together([services.shards.describe(each) for each in services.catalog.by_uuid.values()])
    if any(shard is None for shards in described for shard in shards):
        return envelope.plain("some shards are not ready", 503)
    return envelope.plain("all shards are ready")


async def metrics(call: Call) -> web.Response:
    services = call.services
    records = sorted(services.catalog.by_uuid.values(), key=lambda record: record.name)
    facts = await together([gather_facts(services, record) for record in records])
    collections = [CollectionFacts(record, each) for record, each in zip(records, facts, strict=True)]
    text = services.metrics.text(collections, SHOAL_VERSION)
    return web.Response(body=text, headers={"Content-Type": "text/plain; version=0.0.4; charset=utf-8"})


ROUTES = [
    Route("GET", "/", root),
    Route("GET", "/healthz", alive),
    Route("GET", "/livez", alive),
    Route("GET", "/readyz", ready),
    Route("GET", "/metrics", metrics),
]
