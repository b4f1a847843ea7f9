"""Facets over the shards of a collection: the most frequent values with exact counts, in at most three rounds.

1. Each shard gives its `limit` most frequent values. Where one shard answers, or none has more, that is all.
2. The sums so far give a count that `limit` values reach at least. A value that reaches it over s shards has an s-th of
   it in some shard: each shard gives all its values with that many points.
3. Each shard gives its counts of the values that came up, and these are added.

Source: TPUT, "Efficient top-k query calculation in distributed networks", Cao and Wang, PODC 2004.
"""

from msgspec.structs import replace

from services.api.needed_indexes import match_type
from services.api.shards import Asking, Shards
from services.api.validate.point_reads import FacetCall
from shared.query.merge import Counted, added, most_frequent
from shared.schema.collections import CollectionRecord
from shared.schema.queries import Facet, FacetReply


async def faceted(shards: Shards, record: CollectionRecord, call: FacetCall, asking: Asking) -> list[Counted]:
    """Return the most frequent values with their numbers of points. Raises BadInput and what asking raises."""
    index_type = match_type(record.config, call.key)
    facet = Facet(call.key, call.limit, call.filter, call.exact, index_type)
    parts = await _ask(shards, record, facet, asking)
    if len(parts) == 1:
        return parts[0]
    if any(len(part) >= call.limit for part in parts):
        reached = most_frequent(added(parts).items(), call.limit)
        floor = reached[-1][1] if len(reached) == call.limit else 1
        some = await _ask(shards, record, replace(facet, at_least=-(-floor // len(parts))), asking)
        among = list(added([*parts, *some]))
        parts = await _ask(shards, record, replace(facet, among=among), asking)
    return most_frequent(added(parts).items(), call.limit)


async def _ask(shards: Shards, record: CollectionRecord, facet: Facet, asking: Asking) -> list[list[Counted]]:
    return [reply.values for reply in await shards.ask_all(record, facet, FacetReply, asking)]
