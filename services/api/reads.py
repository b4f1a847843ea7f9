"""Reads of one collection: asks its shards, merges their answers. One call per shard and request, a batch in one.

Scores inside Shoal are higher for nearer points; here, at the edge, they stay so, and `render.py` turns the sign.
"""

from typing import NamedTuple

import numpy as np

from services.api.facets import faceted
from services.api.idf import check_idf, weighed
from services.api.ordered import ordered
from services.api.shards import Asking, Shards, together
from services.api.validate.point_reads import CountCall, FacetCall, RetrieveCall, ScrollCall
from services.api.validate.query_vectors import as_searched, distance_of, full_scan_of, packed_query
from services.api.validate.searches import SearchCall
from services.api.validate.selectors import NO_PAYLOAD, check_vector_names
from services.api.validate.shard_keys import refuse_shard_key
from shared.errors import NotFound
from shared.query.merge import Counted, merge_hits, merge_points
from shared.schema.collections import CollectionConfig, CollectionRecord, Distance
from shared.schema.filters import Filter, HasId
from shared.schema.points import PointId, format_point_id, shard_of
from shared.schema.queries import (
    Count,
    CountReply,
    Hit,
    PayloadSelector,
    PointsReply,
    Retrieve,
    Scroll,
    Search,
    SearchBatch,
    SearchReply,
    VectorSelector,
)


class Ranking(NamedTuple):
    """Hits of one search. `distance` is the metric of their scores; None when nothing was ranked."""

    hits: list[Hit]
    distance: Distance | None


class Page(NamedTuple):
    """Points of a scroll and the id that the next page begins with."""

    points: list[Hit]
    next_offset: PointId | None


_FLOAT32_MAX = float(np.finfo(np.float32).max)

LikeVectors = dict[tuple[str, PointId], bytes]
"""(slot, point id) to the bytes of its vector."""


class Reader:
    """Takes parsed reads, gives merged hits."""

    def __init__(self, shards: Shards) -> None:
        self._shards = shards

    async def search(self, record: CollectionRecord, calls: list[SearchCall], asking: Asking) -> list[Ranking]:
        """Return one ranking for each call. Raises BadInput, NotFound and what asking raises."""
        config = record.config
        for call in calls:
            refuse_shard_key(call.shard_key)
            if call.with_vector.names is not None:
                check_vector_names(call.with_vector, config)
            check_idf(call, config)
        likes = await self._like_vectors(record, calls, asking)
        searched = [(call, _search(call, config, likes)) for call in calls if not _is_listing(call)]
        searches = await weighed(self._shards, record, searched, asking)
        ranked = iter(await self._ranked(record, searches, asking) if searches else [])
        rankings = []
        for call in calls:
            if _is_listing(call):
                rankings.append(Ranking(await self._listed(record, call, asking), None))
            else:
                rankings.append(Ranking(next(ranked)[call.offset :], distance_of(config, call.slot)))
        return rankings

    async def retrieve(self, record: CollectionRecord, call: RetrieveCall, asking: Asking) -> list[Hit]:
        """Return the points that exist, in the order of the ids asked."""
        refuse_shard_key(call.shard_key)
        check_vector_names(call.with_vector, record.config)
        found = await self._by_id(record, call.ids, (call.with_payload, call.with_vector), asking)
        return [found[point_id] for point_id in call.ids if point_id in found]

    async def scroll(self, record: CollectionRecord, call: ScrollCall, asking: Asking) -> Page:
        """Return one page; of one by id one point more is read to know where the next page begins."""
        refuse_shard_key(call.shard_key)
        check_vector_names(call.with_vector, record.config)
        if call.order_by is not None:
            return Page(await ordered(self._shards, record, call, asking), None)
        read = Scroll(call.offset, call.limit + 1, call.filter, call.with_payload, call.with_vector)
        points = await self._scrolled(record, read, asking)
        if len(points) <= call.limit:
            return Page(points, None)
        return Page(points[: call.limit], points[call.limit].id)

    async def count(self, record: CollectionRecord, call: CountCall, asking: Asking) -> int:
        """Return how many points the filter keeps."""
        refuse_shard_key(call.shard_key)
        replies = await self._shards.ask_all(record, Count(call.filter, call.exact), CountReply, asking)
        return sum(reply.count for reply in replies)

    async def facet(self, record: CollectionRecord, call: FacetCall, asking: Asking) -> list[Counted]:
        """Return the most frequent values at a path with their numbers of points."""
        refuse_shard_key(call.shard_key)
        return await faceted(self._shards, record, call, asking)

    async def _ranked(self, record: CollectionRecord, searches: list[Search], asking: Asking) -> list[list[Hit]]:
        batch = SearchBatch(searches)
        if record.config.shard_number == 1:
            return (await self._shards.ask(record, 0, batch, SearchReply, asking)).results
        replies = await self._shards.ask_all(record, batch, SearchReply, asking)
        return [
            merge_hits([reply.results[place] for reply in replies], search.limit)
            for place, search in enumerate(searches)
        ]

    async def _listed(self, record: CollectionRecord, call: SearchCall, asking: Asking) -> list[Hit]:
        read = Scroll(None, call.offset + call.limit, call.filter, call.with_payload, call.with_vector)
        return (await self._scrolled(record, read, asking))[call.offset :]

    async def _scrolled(self, record: CollectionRecord, read: Scroll, asking: Asking) -> list[Hit]:
        replies = await self._shards.ask_all(record, read, PointsReply, asking)
        return merge_points([reply.points for reply in replies], read.limit)

    async def _by_id(
        self,
        record: CollectionRecord,
        ids: list[PointId],
        selectors: tuple[PayloadSelector, VectorSelector],
        asking: Asking,
    ) -> dict[PointId, Hit]:
        by_shard: dict[int, list[PointId]] = {}
        for point_id in dict.fromkeys(ids):
            by_shard.setdefault(shard_of(point_id, record.config.shard_number), []).append(point_id)
        replies = await together(
            [
                self._shards.ask(record, shard, Retrieve(wanted, *selectors), PointsReply, asking)
                for shard, wanted in by_shard.items()
            ]
        )
        return {point.id: point for reply in replies for point in reply.points}

    async def _like_vectors(self, record: CollectionRecord, calls: list[SearchCall], asking: Asking) -> LikeVectors:
        """Return the vectors of the points that calls name in place of a vector."""
        wanted = [(call.slot, call.like) for call in calls if call.like is not None]
        if not wanted:
            return {}
        slots = list(dict.fromkeys(slot for slot, _ in wanted))
        for slot in slots:
            distance_of(record.config, slot)
        selectors = (NO_PAYLOAD, VectorSelector(True, slots))
        found = await self._by_id(record, [point_id for _, point_id in wanted], selectors, asking)
        likes: LikeVectors = {}
        for slot, point_id in wanted:
            point = found.get(point_id)
            if point is None:
                raise NotFound(f"No point with id {format_point_id(point_id)} found")
            if not point.vectors or slot not in point.vectors:
                raise NotFound(f'Vector with name "{slot}" for point not found')
            likes[slot, point_id] = _as_query(point.vectors[slot], slot, record.config)
        return likes


def _is_listing(call: SearchCall) -> bool:
    return call.vector is None and call.like is None


def _search(call: SearchCall, config: CollectionConfig, likes: LikeVectors) -> Search:
    """Return what a shard is asked: limit with offset, the threshold in the inside convention."""
    kept = call.filter
    if call.like is not None:
        vector = likes[call.slot, call.like]
        kept = Filter(must=[] if kept is None else [kept], must_not=[HasId([call.like])])
    else:
        assert call.vector is not None, "listings are not searches"
        vector = packed_query(call.vector, call.slot, config)
    threshold = call.score_threshold
    if threshold is not None:
        threshold = float(np.float32(max(min(threshold, _FLOAT32_MAX), -_FLOAT32_MAX)))
        if not distance_of(config, call.slot).is_similarity:
            threshold = -threshold
    return Search(
        slot=call.slot,
        vector=vector,
        limit=call.offset + call.limit,
        filter=kept,
        score_threshold=threshold,
        params=call.params,
        with_payload=call.with_payload,
        with_vector=call.with_vector,
        full_scan_kb=full_scan_of(config, call.slot),
    )


def _as_query(stored: bytes, slot: str, config: CollectionConfig) -> bytes:
    """Return the vector of a stored point as one to search by."""
    params = config.vectors.get(slot)
    return stored if params is None else as_searched(stored, params)
