"""Collections that begin with the points of another: what create, delete and info have to do with it.

The worker that leads the new collection's first shard makes the cut (services/worker/init_from). Here it is asked for,
awaited and shown:
- create answers once the cut is made, or after its time. So a write that is sent after the answer is not taken over;
  one that was answered before the create was sent is.
- payload indexes of the source come along, as they are declared when create is called
- a delete of the source waits for cuts that are being made: once made they need nothing of it
"""

from collections.abc import Callable
from typing import Any

from services.api.directory import Directory
from services.api.validate.init_from import check_matches
from shared.clock import Clock, SystemClock
from shared.errors import ShardUnavailable
from shared.schema.collections import CollectionConfig, CollectionRecord, InitFrom
from shared.schema.queries import DescribeReply

POLL_S = 0.03
GATE = 1
"""Position that the log of such a collection's shards is opened with: it takes nothing until a worker has begun it."""


async def source_of(directory: Directory, name: str, config: CollectionConfig) -> tuple[InitFrom, CollectionConfig]:
    """Return what the catalog is to know of the source, and the config with the source's payload indexes.

    Raises NotFound, BadInput where the vectors do not match.
    """
    source = await directory.resolve(name)
    check_matches(name, source.config, config)
    init_from = InitFrom(collection=source.uuid, name=source.name, shards=source.config.shard_number)
    return init_from, config.model_copy(update={"payload_indexes": source.config.payload_indexes})


def gate_of(record: CollectionRecord) -> int:
    """Return the position that a shard's log is opened with by an api."""
    return GATE if record.init_from is not None else 0


class Cuts:
    """Waits for cuts, by what the catalog says of them."""

    def __init__(self, directory: Directory, clock: Clock | None = None) -> None:
        self._directory = directory
        self._clock = clock or SystemClock()

    async def made(self, uuid: str, timeout_s: float) -> bool:
        """Wait until a collection's cut is made; False when time is up first."""
        return await self._none_left(timeout_s, lambda record: record.uuid == uuid)

    async def made_of(self, source: str, timeout_s: float) -> None:
        """Wait until nobody is cutting a collection. Raises ShardUnavailable when time is up first."""
        if not await self._none_left(timeout_s, lambda record: _source(record) == source):
            names = ", ".join(sorted(f"`{one.name}`" for one in self._awaited(lambda each: _source(each) == source)))
            raise ShardUnavailable(f"{names} is about to begin with its points; delete that one first, or try again")

    async def _none_left(self, timeout_s: float, is_meant: Callable[[CollectionRecord], bool]) -> bool:
        until = self._clock.now() + timeout_s
        while self._awaited(is_meant):
            if self._clock.now() >= until:
                return False
            await self._clock.sleep(POLL_S)
            await self._directory.reload()
        return True

    def _awaited(self, is_meant: Callable[[CollectionRecord], bool]) -> list[CollectionRecord]:
        records = self._directory.view.by_uuid.values()
        return [one for one in records if one.init_from and not one.init_from.positions and is_meant(one)]


def beginnings(record: CollectionRecord, shards: list[DescribeReply | None]) -> list[str]:
    """Return how far the shards are that have not begun."""
    told = [(number, shard.beginning) for number, shard in enumerate(shards) if shard is not None and shard.beginning]
    if not told and record.init_from is not None and not record.init_from.positions:
        return [f"the cut of `{record.init_from.name}` is awaited, whose points the collection begins with"]
    return [text if len(shards) == 1 else f"shard {number}: {text}" for number, text in told]


def describe_init_from(record: CollectionRecord, shards: list[DescribeReply | None]) -> dict[str, Any] | None:
    """Return what `GET /collections/{name}` says of the source; None for a collection without one.

    positions  of the source's shards at the cut: the new collection holds what they held there. Null until it is made
    """
    init_from = record.init_from
    if init_from is None:
        return None
    counters = [shard.counters for shard in shards if shard is not None and shard.beginning]
    return {
        "collection": init_from.name,
        "positions": list(init_from.positions) or None,
        "status": _stage(record, shards),
        "points_done": int(sum(one.get("begun_points", 0) for one in counters)),
        "points_total": int(sum(one.get("begun_points_total", 0) for one in counters)),
    }


def _stage(record: CollectionRecord, shards: list[DescribeReply | None]) -> str:
    if record.init_from is not None and not record.init_from.positions:
        return "cutting"
    is_done = all(shard is not None and not shard.beginning for shard in shards)
    return "done" if is_done else "running"


def _source(record: CollectionRecord) -> str:
    return record.init_from.collection if record.init_from is not None else ""
