"""Makes the consistent cut that a new collection begins with. Done by whoever leads the target's first shard.

1. hold     nothing more of the source's logs is trimmed
2. pin      the files of each shard's newest manifest are linked; they are of its checkpoint
3. cut      all heads are read at one moment: these positions are the cut
4. tail     the log between each checkpoint and the cut is saved
5. publish  `init/` appears, whole: from here on the source may be written, changed and deleted
6. note     the positions are written into the target's record; the holds end
A crash before 5 leaves a workplace and holds: the next leader begins anew and ends the holds; nobody has seen positions
of the cut that was lost. A crash after 5 leaves 6 to be done again. The source's leader is not asked, so the source
may be served by another worker, or by none.
"""

import contextlib
import shutil
from collections.abc import AsyncIterator, Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import structlog

from services.worker.init_from.cut_files import (
    INIT,
    Cut,
    ShardCut,
    TailWriter,
    new_workplace,
    pin_shard,
    publish_cut,
    read_cut,
)
from services.worker.init_from.in_thread import in_thread
from shared.coordination.catalog import Catalog
from shared.coordination.cut_record import deleted_record, note_cut
from shared.errors import Corrupt, ShardUnavailable, Unavailable
from shared.log.cutting import heads_at_once
from shared.log.position import Entry, ShardKey, follows
from shared.log.wal import Wal
from shared.schema.collections import CollectionRecord
from shared.schema.operations import decode_operation
from shared.store.crash import crash_point

if TYPE_CHECKING:
    from concurrent.futures import Executor

    from redis.asyncio import Redis

log = structlog.get_logger(__name__)

READ_ENTRIES = 16
"""Entries of the tail in one read: an operation has up to some MB."""
T = TypeVar("T")


class SourceGone(Corrupt):
    """The source was deleted before the cut was made: there is nothing to begin with."""


class CutterParts(NamedTuple):
    """What a cutter works with. `collections` is the directory of all collections."""

    redis: "Redis"
    wal: Wal
    disk: "Executor"
    collections: Path


def hold_name(target: str) -> str:
    """Return the name of the hold that a new collection has on its source's logs."""
    return f"{INIT}:{target}"


async def release_holds(wal: Wal, target: CollectionRecord) -> None:
    """End the holds of a collection on its source, whatever became of it. Raises Unavailable."""
    if target.init_from is None:
        return
    for shard in range(target.init_from.shards):
        await wal.release_hold(ShardKey(target.init_from.collection, shard), hold_name(target.uuid))


async def release_holds_of_deleted(redis: "Redis", uuid: str) -> None:
    """End the holds of a collection that was deleted, perhaps before its cut was made. Raises Unavailable."""
    record = await deleted_record(redis, uuid)
    if record is not None:
        await release_holds(Wal(redis), record)


class Cutter:
    """Takes a record with `init_from`, gives the cut."""

    def __init__(self, parts: CutterParts, target: CollectionRecord) -> None:
        assert target.init_from is not None
        self._parts = parts
        self._target = target
        self._source = target.init_from.collection
        self._keys = [ShardKey(self._source, shard) for shard in range(target.init_from.shards)]
        self._directory = parts.collections / target.uuid

    async def cut(self) -> Cut:
        """Make the cut, or take up what an earlier attempt left. Raises SourceGone, Unavailable, Corrupt, OSError."""
        cut = await self._in_thread(lambda: read_cut(self._directory / INIT))
        if cut is None:
            await self._make()
            cut = await self._in_thread(lambda: read_cut(self._directory / INIT))
            assert cut is not None, "publish_cut left no cut"
            log.info("source is cut", collection=self._target.name, source=self._source, positions=cut.positions)
        await note_cut(self._parts.redis, self._target.uuid, cut.positions)
        crash_point("after_cut_noted")
        await release_holds(self._parts.wal, self._target)
        return cut

    async def _make(self) -> None:
        place = await self._in_thread(lambda: new_workplace(self._directory))
        try:
            async with self._held():
                crash_point("after_cut_hold")
                source = await self._source_record()
                await self._make_in(place, source)
        except BaseException:
            await self._in_thread(lambda: shutil.rmtree(place, ignore_errors=True))
            raise

    async def _make_in(self, place: Path, source: CollectionRecord) -> None:
        checkpoints = {key: await self._in_thread(self._pinning(key, place)) for key in self._keys}
        crash_point("after_cut_pin")
        heads = await heads_at_once(self._parts.redis, checkpoints)
        shards = [
            await self._save_tail(key, place / str(key.shard), (checkpoints[key], head))
            for key, head in zip(self._keys, heads, strict=True)
        ]
        await self._source_record()
        await self._in_thread(lambda: publish_cut(place, Cut(source.model_dump_json(), shards)))

    def _pinning(self, key: ShardKey, place: Path) -> Callable[[], int]:
        source = self._parts.collections / key.collection / str(key.shard)
        return lambda: pin_shard(source, place / str(key.shard))

    @contextlib.asynccontextmanager
    async def _held(self) -> AsyncIterator[None]:
        """Hold the source's logs; on failure end the holds, as far as Redis answers."""
        name = hold_name(self._target.uuid)
        try:
            for key in self._keys:
                await self._parts.wal.hold(key, name, 0)
            yield
        except BaseException:
            with contextlib.suppress(Unavailable):
                await release_holds(self._parts.wal, self._target)
            raise

    async def _source_record(self) -> CollectionRecord:
        """Return the source's record: its files are there as long as the catalog has it."""
        record = (await Catalog(self._parts.redis).load()).by_uuid.get(self._source)
        if record is None:
            name = self._target.init_from.name if self._target.init_from else ""
            raise SourceGone(f"collection `{name}` was deleted before its points could be taken over")
        return record

    async def _save_tail(self, key: ShardKey, place: Path, between: tuple[int, int]) -> ShardCut:
        """Save the entries beyond a checkpoint, through the cut."""
        checkpoint, cut = between
        writer = await self._in_thread(lambda: TailWriter(place))
        try:
            last = checkpoint
            while last < cut:
                entries = await self._entries(key, last, cut)
                await self._in_thread(lambda found=entries: writer.add(found))  # type: ignore[misc]
                last = entries[-1].position
            size, checksum = await self._in_thread(writer.finish)
        except BaseException:
            writer.abandon()
            raise
        return ShardCut(checkpoint, cut, size, checksum)

    async def _entries(self, key: ShardKey, last: int, cut: int) -> list[Entry]:
        """Return the next entries, none of them beyond the cut. Raises ShardUnavailable where some are missing."""
        found = (await self._parts.wal.read({key: last}, READ_ENTRIES, 0)).get(key, [])
        entries = [entry for entry in found if entry.position <= cut]
        if not entries:
            raise ShardUnavailable(f"the log of shard {key} lacks entries after {last}, the cut is at {cut}")
        for entry in entries:
            if not follows(last, entry.position, decode_operation(entry.operation)):
                raise ShardUnavailable(f"the log of shard {key} goes from {last} to {entry.position}")
            last = entry.position
        return entries

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await in_thread(self._parts.disk, work)
