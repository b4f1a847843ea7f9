"""Weights of sparse queries by inverse document frequency: how rare each index is over the whole collection.

The shards count first, each its own points; the counts are added up, and every shard then searches by the same weights:
w = q * ln((points - count + 0.5) / (count + 0.5) + 1), points and count over those that carry the slot and, where the
request names a corpus, pass its filter.
"""

from collections.abc import Sequence

import msgspec
import numpy as np

from services.api.shards import Asking, Shards
from services.api.validate.searches import SearchCall
from shared.errors import BadInput
from shared.schema.collections import CollectionConfig, CollectionRecord
from shared.schema.queries import Search, TermCounts, Terms, TermStats, TermStatsReply
from shared.schema.slots import Modifier


def check_idf(call: SearchCall, config: CollectionConfig) -> None:
    """Raise BadInput for a wish about frequencies where a slot does not use them."""
    if call.idf is not None and not _is_weighed(call.slot, config):
        raise BadInput(f"`params.idf` needs a sparse vector with the idf modifier, '{call.slot}' is none")


async def weighed(
    shards: Shards, record: CollectionRecord, searched: Sequence[tuple[SearchCall, Search]], asking: Asking
) -> list[Search]:
    """Return the searches, those of slots with the idf modifier by weighed vectors. Asks shards only for these."""
    terms = {
        place: Terms(call.slot, search.vector[: len(search.vector) // 2], call.idf.corpus if call.idf else None)
        for place, (call, search) in enumerate(searched)
        if search.vector and _is_weighed(call.slot, record.config)
    }
    searches = [search for _, search in searched]
    if not terms:
        return searches
    replies = await shards.ask_all(record, TermStats(list(terms.values())), TermStatsReply, asking)
    for at, place in enumerate(terms):
        vector = _weighed_vector(searches[place].vector, [reply.terms[at] for reply in replies])
        searches[place] = msgspec.structs.replace(searches[place], vector=vector)
    return searches


def frequency_weights(points: int, counts: Sequence[int]) -> list[float]:
    """Return the factor of each index: higher for rarer ones, never negative."""
    held = np.array(counts, np.float64)
    return np.log((points - held + 0.5) / (held + 0.5) + 1.0).tolist()  # type: ignore[no-any-return]  # a list of floats


def _is_weighed(slot: str, config: CollectionConfig) -> bool:
    params = config.sparse_vectors.get(slot)
    return params is not None and params.modifier is Modifier.IDF


def _weighed_vector(vector: bytes, counted: list[TermCounts]) -> bytes:
    half = len(vector) // 2
    points = sum(each.points for each in counted)
    counts = np.sum([each.counts for each in counted], axis=0)
    weights = np.frombuffer(vector, "<f4", offset=half) * np.array(frequency_weights(points, counts), np.float64)
    return vector[:half] + bytes(weights.astype("<f4").tobytes())
