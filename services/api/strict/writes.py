"""Writes under strict mode: shape and sizes are checked once the collection is known, the rate before the append.

Sizes and counts are those that the shards have applied, so writes that are under way at once may together pass a limit
by as much as they carry. Writing points that exist already is allowed at the limit of points.
"""

from collections.abc import Mapping, Sequence
from typing import NamedTuple

from services.api.shards import Shards
from services.api.strict.filters import check_filter
from services.api.strict.rates import Rates
from services.api.strict.refusals import check_limit, limits_of, megabytes, refuse
from services.api.validate.given import Given, WireSparse, is_multi
from services.api.validate.packing import Points
from services.api.validate.selections import Chosen
from services.api.validate.selectors import NO_PAYLOAD
from shared.errors import BadRequest
from shared.log.position import ShardKey
from shared.schema.collections import UNNAMED, CollectionRecord
from shared.schema.operations import Operation, OverwritePayload, SetPayload, UpdateMode
from shared.schema.points import PointId, shard_of
from shared.schema.queries import Count, CountReply, DescribeReply, PointsReply, Retrieve, VectorSelector
from shared.schema.strict_mode import StrictModeConfig

RETRIEVE_S = 10.0


class Grown(NamedTuple):
    """What a write makes more of, beside payloads: vectors, and points among `ids` that are new."""

    vectors: bool = False
    ids: Sequence[PointId] = ()


class WriteGuard:
    """Takes writes before they are logged. Each method raises BadRequest, RateExceeded."""

    def __init__(self, rates: Rates, shards: Shards) -> None:
        self._rates = rates
        self._shards = shards

    async def upsert(self, record: CollectionRecord, points: Points, timeout_s: int | None) -> None:
        """Admit the points of an upsert."""
        limits = limits_of(record)
        if limits is None:
            return
        check_limit("timeout", timeout_s, limits.max_timeout)
        check_limit("upsert limit", len(points.ids), limits.upsert_max_batchsize)
        self._check_shape(record, limits, points)
        is_new = points.choice.mode is not UpdateMode.UPDATE_ONLY
        await self._check_room(record, limits, Grown(vectors=True, ids=points.ids if is_new else []))

    async def update_vectors(self, record: CollectionRecord, points: Points, timeout_s: int | None) -> None:
        """Admit vectors of points that exist."""
        limits = limits_of(record)
        if limits is None:
            return
        check_limit("timeout", timeout_s, limits.max_timeout)
        check_limit("update limit", len(points.ids), limits.upsert_max_batchsize)
        self._check_shape(record, limits, points)
        await self._check_room(record, limits, Grown(vectors=True))

    async def change(self, record: CollectionRecord, operations: Sequence[Chosen], timeout_s: int | None) -> None:
        """Admit changes of points by id or by filter. What frees room is taken whatever the sizes are."""
        limits = limits_of(record)
        if limits is None:
            return
        check_limit("timeout", timeout_s, limits.max_timeout)
        for operation in operations:
            check_filter(operation.filter, record.config, limits, is_update=True)
        if any(isinstance(operation, SetPayload | OverwritePayload) for operation in operations):
            await self._check_room(record, limits, Grown())

    async def charge(self, record: CollectionRecord, parts: Mapping[int, Sequence[Operation]]) -> None:
        """Charge each shard the points that it gets, and those that filters keep there."""
        limits = limits_of(record)
        if limits is None or limits.write_rate_limit is None:
            return
        costs = {}
        for shard, operations in parts.items():
            each = [await self._points_in(record, shard, operation) for operation in operations]
            costs[ShardKey(record.uuid, shard)] = max(1, sum(each))
        self._rates.take("Write", costs, limits.write_rate_limit)

    async def _points_in(self, record: CollectionRecord, shard: int, operation: Operation) -> int:
        wanted = getattr(operation, "filter", None)
        if wanted is None:
            return len(getattr(operation, "ids", ()))
        asking = self._shards.asking("Update", RETRIEVE_S)
        reply = await self._shards.ask(record, shard, Count(wanted, exact=False), CountReply, asking)
        return max(1, reply.count)

    @staticmethod
    def _check_shape(record: CollectionRecord, limits: StrictModeConfig, points: Points) -> None:
        """Refuse vectors of too many parts, and a filter that breaks a limit."""
        if limits.multivector_config is not None or limits.sparse_config is not None:
            for vectors in points.vectors:
                _check_vectors(vectors if isinstance(vectors, dict) else {UNNAMED: vectors}, limits)
        check_filter(points.choice.update_filter, record.config, limits, is_update=True)

    async def _check_room(self, record: CollectionRecord, limits: StrictModeConfig, grown: "Grown") -> None:
        """Refuse more when the collection has as much as it may."""
        if not _bounds_sizes(limits):
            return
        shards = [shard for shard in await self._shards.describe(record) if shard is not None]
        ids = grown.ids
        if grown.vectors:
            _check_bytes("vector", _vector_bytes(shards), limits.max_collection_vector_size_bytes)
        _check_bytes("payload", _payload_bytes(shards), limits.max_collection_payload_size_bytes)
        _check_memory(shards, limits.max_resident_memory_percent)
        most, count = limits.max_points_count, sum(shard.points for shard in shards)
        if ids and most is not None and count + len(ids) > most:
            known = await self._known(record, ids)
            if count + len(ids) - known > most:
                raise BadRequest(f"Max points count limit of {most} reached!")

    async def _known(self, record: CollectionRecord, ids: Sequence[PointId]) -> int:
        """Return how many of the points exist already."""
        by_shard: dict[int, list[PointId]] = {}
        for point_id in ids:
            by_shard.setdefault(shard_of(point_id, record.config.shard_number), []).append(point_id)
        asking = self._shards.asking("Update", RETRIEVE_S)
        known = 0
        for shard, some in by_shard.items():
            read = Retrieve(some, NO_PAYLOAD, VectorSelector())
            known += len((await self._shards.ask(record, shard, read, PointsReply, asking)).points)
        return known


def _check_vectors(vectors: Mapping[str, Given], limits: StrictModeConfig) -> None:
    for name, given in vectors.items():
        if isinstance(given, WireSparse):
            length = (limits.sparse_config or {}).get(name)
            if length is not None and length.max_length is not None and len(given.indices) > length.max_length:
                raise BadRequest(f"Sparse vector '{name}' has a limit of {length.max_length} indices")
        elif is_multi(given):
            rows = (limits.multivector_config or {}).get(name)
            if rows is not None and rows.max_vectors is not None and len(given) > rows.max_vectors:
                raise BadRequest(
                    f"Multivector '{name}' has a limit of {rows.max_vectors} vectors, but {len(given)} were provided!"
                )


def _bounds_sizes(limits: StrictModeConfig) -> bool:
    bounds = (
        limits.max_points_count,
        limits.max_collection_vector_size_bytes,
        limits.max_collection_payload_size_bytes,
        limits.max_resident_memory_percent,
    )
    return any(bound is not None for bound in bounds)


def _check_bytes(what: str, size: int, limit: int | None) -> None:
    if limit is not None and size >= limit:
        raise BadRequest(f"Max {what} storage size limit of {megabytes(limit)}MB reached!")


def _check_memory(shards: list[DescribeReply], limit: int | None) -> None:
    used = max((shard.counters.get("resident_percent", 0.0) for shard in shards), default=0.0)
    if limit is not None and used >= limit:
        refuse(f"Max resident memory limit of {limit}% reached", "Free memory, or raise `max_resident_memory_percent`.")


def _vector_bytes(shards: list[DescribeReply]) -> int:
    return sum(slot.bytes for shard in shards for segment in shard.segments for slot in segment.slots.values())


def _payload_bytes(shards: list[DescribeReply]) -> int:
    return sum(segment.payload_bytes for shard in shards for segment in shard.segments)
