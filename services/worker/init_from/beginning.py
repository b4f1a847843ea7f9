"""Begins a shard of a collection that was created from another: cut, fill, go on in the log.

1. cut     the leader of shard 0 cuts the source; the others wait for it
2. fill    the first manifest, of a checkpoint at the cut's highest position
3. resume  the log, which took nothing until now, goes on beyond that checkpoint
4. clean   the cut is removed by whoever sees that all shards have their first manifest
A shard that has a manifest is begun: then only 4 may be left to do. A crash anywhere leaves the steps that are not
done; one before 3 is found by the next opening, as a log that is behind the files. Until 3 the log refuses appends,
because it was opened with a position that it has not reached (`GATE`).
"""

import shutil
from collections.abc import Iterator
from concurrent.futures import Executor
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import structlog

from services.worker.init_from.cut_files import INIT, Cut, read_cut
from services.worker.init_from.cutter import Cutter, CutterParts
from services.worker.init_from.filling import Done, Filling, fill
from services.worker.init_from.in_thread import in_thread
from services.worker.init_from.progress import Progress
from services.worker.persist import Identity
from shared.clock import Clock
from shared.errors import StaleFence
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.schema.collections import CollectionRecord
from shared.store.crash import crash_point
from shared.store.manifest import ManifestStore

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = structlog.get_logger(__name__)

GATE = 1
"""Known position that the log of such a shard is opened with: it refuses appends until it is resumed beyond it."""
AWAIT_S = 0.05
"""How often a shard looks whether the leader of shard 0 has made the cut."""


class BeginningParts(NamedTuple):
    """What beginning works with."""

    redis: "Redis"
    wal: Wal
    disk: Executor
    clock: Clock
    collections: Path
    cluster_id: str


class Beginning:
    """One shard's beginning. `key` is led under `fence`."""

    def __init__(self, parts: BeginningParts, key: ShardKey, record: CollectionRecord, fence: int) -> None:
        assert record.init_from is not None
        self._parts = parts
        self._key = key
        self._record = record
        self._fence = fence
        self._init = parts.collections / key.collection / INIT
        self._directory = parts.collections / key.collection / str(key.shard)
        self.progress = Progress(record.init_from.name, record.generation)

    async def run(self) -> None:
        """Do what is left to do. Raises Unavailable, StaleFence, Corrupt, OSError."""
        if not await self.is_begun():
            cut = await self._cut()
            await self._fill(cut)
            crash_point("before_begin_resume")
            await self._parts.wal.resume(self._key, max(cut.positions), self._fence)
            log.info("shard begins", shard=str(self._key), source=self._source, positions=cut.positions)
        crash_point("before_cut_removed")
        await in_thread(self._parts.disk, self._clean)

    @property
    def _source(self) -> str:
        return self._record.init_from.collection if self._record.init_from else ""

    async def is_begun(self) -> bool:
        """True once the shard has a manifest."""
        return await in_thread(self._parts.disk, ManifestStore(self._directory).newest) is not None

    async def _cut(self) -> Cut:
        if self._key.shard == 0:
            self.progress.cutting()
            parts = self._parts
            return await Cutter(CutterParts(parts.redis, parts.wal, parts.disk, parts.collections), self._record).cut()
        while (cut := await in_thread(self._parts.disk, lambda: read_cut(self._init))) is None:
            await self._parts.clock.sleep(AWAIT_S)
        return cut

    async def _fill(self, cut: Cut) -> None:
        record = self._record
        identity = Identity(
            self._parts.cluster_id, record.uuid, record.name, (), self._key.shard, self._fence, generation=1
        )
        steps = fill(Filling(self._init, cut, self._directory, record, identity))
        try:
            while (done := await in_thread(self._parts.disk, lambda: _next(steps))) is not None:
                self.progress.filling(done)
        except StaleFence:
            if not await self.is_begun():
                raise

    def _clean(self) -> None:
        """Remove the cut once every shard has begun."""
        if not self._init.exists():
            return
        for shard in range(self._record.config.shard_number):
            if ManifestStore(self._parts.collections / self._key.collection / str(shard)).newest() is None:
                return
        shutil.rmtree(self._init, ignore_errors=True)


def _next(steps: Iterator[Done]) -> Done | None:
    return next(steps, None)
