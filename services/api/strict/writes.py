"""Writes under strict mode: shape and sizes are checked once the collection is known, the rate before the append.

Sizes and counts are those that the shards have applied, so writes that are under way at once may together pass a limit
by as much as they carry. Writing points that exist already is allowed at the limit of points.
"""

from collections.abc import Mapping, Sequence

from services.api.shards import Shards
from services.api.strict.rates import Rates
from services.api.strict.refusals import check_limit, limits_of, megabytes, refuse
from services.api.validate.given import Given, WireSparse, is_multi
from services.api.validate.selectors import NO_PAYLOAD
from services.api.validate.upserts import Points
from shared.errors import BadRequest
from shared.log.position import ShardKey
from shared.schema.collections import UNNAMED, CollectionRecord
from shared.schema.operations import Delete, Operation, SetPayload, Upsert
from shared.schema.points import PointId, shard_of
from shared.schema.queries import DescribeReply, PointsReply, Retrieve, VectorSelector
from shared.schema.strict_mode import StrictModeConfig

RETRIEVE_S = 10.0


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
        if limits.multivector_config is not None or limits.sparse_config is not None:
            for vectors in points.vectors:
                _check_vectors(vectors if isinstance(vectors, dict) else {UNNAMED: vectors}, limits)
        await self._check_room(record, limits, points.ids)

    async def set_payload(self, record: CollectionRecord, timeout_s: int | None) -> None:
        """Admit a change of payloads."""
        limits = limits_of(record)
        if limits is None:
            return
        check_limit("timeout", timeout_s, limits.max_timeout)
        await self._check_room(record, limits, [])

    async def delete(self, record: CollectionRecord, timeout_s: int | None) -> None:
        """Admit a deletion: it frees room, so sizes do not matter."""
        limits = limits_of(record)
        if limits is not None:
            check_limit("timeout", timeout_s, limits.max_timeout)

    def charge(self, record: CollectionRecord, parts: Mapping[int, Sequence[Operation]]) -> None:
        """Charge each shard the points that it gets."""
        limits = limits_of(record)
        if limits is None or limits.write_rate_limit is None:
            return
        costs = {
            ShardKey(record.uuid, shard): max(1, sum(map(_points_in, operations)))
            for shard, operations in parts.items()
        }
        self._rates.take("Write", costs, limits.write_rate_limit)

    async def _check_room(self, record: CollectionRecord, limits: StrictModeConfig, ids: list[PointId]) -> None:
        """Refuse more when the collection has as much as it may. `ids` are the points to be written whole."""
        if not _bounds_sizes(limits):
            return
        shards = [shard for shard in await self._shards.describe(record) if shard is not None]
        if ids:
            _check_bytes("vector", _vector_bytes(shards), limits.max_collection_vector_size_bytes)
        _check_bytes("payload", _payload_bytes(shards), limits.max_collection_payload_size_bytes)
        _check_memory(shards, limits.max_resident_memory_percent)
        most, count = limits.max_points_count, sum(shard.points for shard in shards)
        if ids and most is not None and count + len(ids) > most:
            known = await self._known(record, ids)
            if count + len(ids) - known > most:
                raise BadRequest(f"Max points count limit of {most} reached!")

    async def _known(self, record: CollectionRecord, ids: list[PointId]) -> int:
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


def _points_in(operation: Operation) -> int:
    return len(operation.ids) if isinstance(operation, Upsert | Delete | SetPayload) else 0
