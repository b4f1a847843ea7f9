"""What a request wants changed: parsed without a collection, checked and split over shards once it is known.

Each form knows two things: what strict mode says to it, and its operations by shard under a config.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple, TypeVar

from msgspec.structs import replace

from services.api.strict.writes import WriteGuard
from services.api.turns import Turn, plain_turn
from services.api.validate.in_turns import pack_points_in_turns
from services.api.validate.packing import Points, split_upsert
from services.api.validate.selections import Changes, Chosen
from services.api.validate.shard_keys import refuse_shard_key
from services.api.validate.vector_updates import split_vector_updates
from services.api.validate.vectors import known_layout
from services.api.writes import Parts, Split
from shared.schema.collections import CollectionConfig, CollectionRecord
from shared.schema.points import PointId, shard_of

C = TypeVar("C", bound=Chosen)

Check = Callable[[CollectionRecord], Awaitable[None]]


class Change(NamedTuple):
    """One change of points: `check` once the collection is known, `split` against a config."""

    check: Check
    split: Split


def upsert_of(points: Points, guard: WriteGuard, timeout_s: int | None, turn: Turn = plain_turn) -> Change:
    """Return the change that writes points."""

    async def check(record: CollectionRecord) -> None:
        refuse_shard_key(points.choice.shard_key)
        await guard.upsert(record, points, timeout_s)

    async def split(config: CollectionConfig) -> Parts:
        return split_upsert(await pack_points_in_turns(points, config, turn), config.shard_number)

    return Change(check, split)


def vector_update_of(points: Points, guard: WriteGuard, timeout_s: int | None, turn: Turn = plain_turn) -> Change:
    """Return the change that replaces vectors."""

    async def check(record: CollectionRecord) -> None:
        refuse_shard_key(points.choice.shard_key)
        await guard.update_vectors(record, points, timeout_s)

    async def split(config: CollectionConfig) -> Parts:
        return split_vector_updates(await pack_points_in_turns(points, config, turn), config.shard_number)

    return Change(check, split)


def selection_of(changes: Changes, guard: WriteGuard, timeout_s: int | None) -> Change:
    """Return the change of points that are chosen by id or by filter."""

    async def check(record: CollectionRecord) -> None:
        refuse_shard_key(changes.shard_key)
        await guard.change(record, changes.operations, timeout_s)

    def split(config: CollectionConfig) -> Parts:
        for name in changes.names:
            known_layout(config, name)
        parts: dict[int, list[Chosen]] = {}
        for operation in changes.operations:
            for shard, part in _by_shard(operation, config.shard_number).items():
                parts.setdefault(shard, []).append(part)
        return parts

    return Change(check, split)


def _by_shard(operation: C, shard_number: int) -> dict[int, C]:
    """Return an operation's part for each shard: those of its ids that live there, or its filter for all."""
    if operation.filter is not None:
        return dict.fromkeys(range(shard_number), operation)
    if shard_number == 1:
        return {0: operation} if operation.ids else {}
    ids: dict[int, list[PointId]] = {}
    for point_id in operation.ids:
        ids.setdefault(shard_of(point_id, shard_number), []).append(point_id)
    return {shard: replace(operation, ids=some) for shard, some in ids.items()}
