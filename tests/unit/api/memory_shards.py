"""Shards of an api under test: a dictionary of points, fed from the log, searched by brute force.

Reads what the appender wrote, so a test of the api goes through the real scripts. Switches make it misbehave.
"""

import json
from collections import Counter
from typing import Any

import numpy as np
from msgspec.structs import replace

from shared.errors import ShardUnavailable, TimedOut
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.query.merge import merge_hits
from shared.query.payload_match import payload_matches
from shared.schema.collections import Distance
from shared.schema.operations import Outcome, decode_operation
from shared.schema.points import PointId, id_order
from shared.schema.queries import (
    AppliedReply,
    AwaitApplied,
    Count,
    CountReply,
    Describe,
    DescribeReply,
    Facet,
    FacetReply,
    Hit,
    OrderBy,
    PayloadSelector,
    PointsReply,
    Reply,
    Retrieve,
    Scroll,
    Search,
    SearchBatch,
    SearchReply,
    SegmentSummary,
    ShardRequest,
    VectorSelector,
)
from tests.model.plain_shard import PlainShard
from tests.unit.query.plain_reads import facet_values, ordered_values


class MemoryShards:
    """A link to every shard there is."""

    def __init__(self, wal: Wal, distances: dict[str, Distance] | None = None) -> None:
        self.wal = wal
        self.distances = distances or {}
        self.requests: list[ShardRequest] = []
        self.is_down = False
        self.applies = True
        self.unavailable_calls = 0
        self.segments: list[SegmentSummary] = []
        self.reason = ""
        self.beginning = ""
        self.config_generation = 1
        self.indexed_points: dict[str, int] = {}
        self.unbuilt_paths: list[str] = []
        self._shards: dict[ShardKey, _Shard] = {}

    async def call(self, request: ShardRequest) -> Reply:
        self.requests.append(request)
        if self.is_down or self.unavailable_calls > 0:
            self.unavailable_calls -= 1
            raise ShardUnavailable("the worker is away")
        key = ShardKey(request.collection, request.shard)
        shard = self._shards.setdefault(key, _Shard(self.distances))
        if self.applies:
            found = await self.wal.read({key: shard.applied}, 1000, 0)
            for entry in found.get(key, []):
                shard.apply(entry.position, entry.operation)
        if request.min_position > shard.applied:
            raise TimedOut("not applied in time")
        if isinstance(request.read, Describe):
            points, generation = len(shard.points), self.config_generation
            counters = {"searches": 3.0}
            return DescribeReply(
                shard.applied,
                0,
                points,
                self.segments,
                generation,
                counters,
                self.reason,
                self.beginning,
                indexed_points=self.indexed_points if request.read.indexed_points else {},
                unbuilt_columns=len(self.unbuilt_paths),
                unbuilt_paths=self.unbuilt_paths,
            )
        return shard.answer(request.read)

    async def close(self) -> None:
        """Nothing is held."""


class _Shard:
    def __init__(self, distances: dict[str, Distance]) -> None:
        self.distances = distances
        self.applied = 0
        self.missing: dict[int, list[PointId]] = {}
        self._plain = PlainShard()
        self._points: dict[PointId, tuple[int, dict[str, bytes], dict[str, Any]]] | None = None

    @property
    def points(self) -> dict[PointId, tuple[int, dict[str, bytes], dict[str, Any]]]:
        """Version, vectors and payload of each point."""
        if self._points is None:
            self._points = {
                point_id: (point.version, {name: row.tobytes() for name, row in point.vectors.items()}, point.payload)
                for point_id, point in self._plain.points.items()
            }
        return self._points

    def apply(self, position: int, entry: bytes) -> None:
        self.missing[position] = self._plain.apply(position, decode_operation(entry))  # type: ignore[no-untyped-call]
        self._points = None
        self.applied = position

    def answer(self, read: Any) -> Reply:
        match read:
            case SearchBatch(searches):
                return SearchReply([self._search(search) for search in searches])
            case Retrieve(ids, payload, vector):
                return PointsReply([self._hit(each, 0.0, payload, vector) for each in ids if each in self.points])
            case Scroll(order_by=OrderBy()):
                return PointsReply(self._ordered(read, read.order_by))
            case Facet():
                return FacetReply(self._facet(read))
            case Scroll(offset, limit, kept, payload, vector):
                ids = sorted(self._kept(kept), key=id_order)
                if offset is not None:
                    ids = [each for each in ids if id_order(each) >= id_order(offset)]
                return PointsReply([self._hit(each, 0.0, payload, vector) for each in ids[:limit]])
            case Count(kept):
                return CountReply(len(self._kept(kept)))
            case AwaitApplied(positions):
                if any(position > self.applied for position in positions):
                    raise TimedOut("not applied in time")
                return AppliedReply([Outcome(each, self.missing.get(each, [])) for each in positions])
        raise AssertionError(read)

    def _ordered(self, read: Scroll, order: OrderBy) -> list[Hit]:
        sign = -1 if order.is_descending else 1
        pairs = [
            (value, each) for each in self._kept(read.filter) for value in ordered_values(self.points[each][2], order)
        ]
        pairs.sort(key=lambda pair: (sign * pair[0], id_order(pair[1])))
        hits = [(value, self._hit(each, 0.0, read.with_payload, read.with_vector)) for value, each in pairs]
        return [replace(hit, order_value=value) for value, hit in hits[: read.limit]]

    def _facet(self, facet: Facet) -> list[tuple[Any, int]]:
        totals: Counter[Any] = Counter()
        for each in self._kept(facet.filter):
            totals.update(facet_values(self.points[each][2], facet.key, facet.index_type))
        ranked = sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))
        if facet.among is not None:
            return [pair for pair in ranked if pair[0] in facet.among]
        return [pair for pair in ranked if pair[1] >= facet.at_least] if facet.at_least else ranked[: facet.limit]

    def _kept(self, kept: Any) -> list[PointId]:
        return [each for each, (_, _, payload) in self.points.items() if payload_matches(kept, each, payload)]

    def _search(self, search: Search) -> list[Hit]:
        query = np.frombuffer(search.vector, "<f4")
        hits = []
        for point_id in self._kept(search.filter):
            raw = self.points[point_id][1].get(search.slot)
            if raw is None:
                continue
            score = self._score(search.slot, query, np.frombuffer(raw, "<f4"))
            if search.score_threshold is None or score > search.score_threshold:
                hits.append(self._hit(point_id, score, search.with_payload, search.with_vector))
        return merge_hits([hits, []], search.limit)

    def _score(self, slot: str, query: Any, row: Any) -> float:
        match self.distances.get(slot, Distance.DOT):
            case Distance.EUCLID:
                return -float(np.sqrt(((query - row) ** 2).sum()))
            case Distance.MANHATTAN:
                return -float(np.abs(query - row).sum())
        return float(query @ row)

    def _hit(self, point_id: PointId, score: float, payload: PayloadSelector, vector: VectorSelector) -> Hit:
        version, vectors, stored = self.points[point_id]
        shown = {key: value for key, value in stored.items() if payload.include is None or key in payload.include}
        chosen = {name: raw for name, raw in vectors.items() if vector.names is None or name in vector.names}
        return Hit(
            point_id,
            version,
            score,
            json.dumps(shown, separators=(",", ":")).encode() if payload.enabled else None,
            chosen if vector.enabled else None,
        )
