"""Alias routes: change several at once, list those of one collection, list all."""

from services.api.aliases import Alias
from services.api.call import Answer, Call
from services.api.endpoint import Route
from services.api.params import collection_timeout
from services.api.validate.aliases import parse_alias_actions


async def change_aliases(call: Call) -> Answer:
    timeout_s = collection_timeout(call.query)
    await call.services.aliases.change(parse_alias_actions(await call.body()), timeout_s)
    return Answer(True)


async def all_aliases(call: Call) -> Answer:
    return _described(await call.services.aliases.listed())


async def collection_aliases(call: Call) -> Answer:
    return _described(await call.services.aliases.of(call.names[0]))


def _described(aliases: list[Alias]) -> Answer:
    return Answer({"aliases": [{"alias_name": each.alias, "collection_name": each.collection} for each in aliases]})


ROUTES = [
    Route("POST", "/collections/aliases", change_aliases),
    Route("GET", "/aliases", all_aliases),
    Route("GET", "/collections/{}/aliases", collection_aliases),
]
