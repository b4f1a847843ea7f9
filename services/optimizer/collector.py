"""Removes what dead jobs left: directories being built, outputs that never went in, statuses that say `running`.

Decided by leases and positions, never by clocks:
1. Everything happens under the shard's job lease, so no live job builds or appends there.
2. `building/*` then belongs to nobody.
3. An output `segments/b…` that no manifest on disk names goes when the newest manifest's checkpoint has passed the head
   that was read under the lease: every swap entry that could name it has been applied.
The worker collects all else, see README.md.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import msgspec
import structlog

from services.optimizer.manifests import Manifests, state_of
from services.optimizer.rebuilder import remove
from services.optimizer.report import Publish
from shared.coordination.leases import Lease
from shared.errors import ShoalError
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.schema.jobs import JobStatus
from shared.store.collect import BUILDING, SEGMENTS, named
from shared.store.manifest import Manifest, ManifestStore

log = structlog.get_logger(__name__)
SHARDS_MAX = 128
"""Shards looked at in one sweep; of more, each waits for its turn."""
ABANDONED = "abandoned: its optimizer ended; planned anew if it is still wanted"
"""Over, and no failure: a collection must not turn red because an optimizer was restarted."""


class Collector:
    """Takes shards without a job of this optimizer, gives their leftovers back to the disk."""

    def __init__(
        self,
        manifests: Manifests,
        wal: Wal,
        jobs_of: Callable[[str], Awaitable[list[JobStatus]]],
        publish: Publish,
        lease_of: Callable[[ShardKey], Lease],
    ) -> None:
        self._manifests = manifests
        self._wal = wal
        self._jobs_of = jobs_of
        self._publish = publish
        self._lease_of = lease_of
        self._turn: list[ShardKey] = []

    async def sweep(self, keys: set[ShardKey], busy: Callable[[], frozenset[ShardKey]]) -> None:
        """Look at the next shards in turn. Raises the last one's error after all of them were looked at."""
        unfinished: dict[str, set[int]] = {}
        failure: ShoalError | OSError | None = None
        turn = [key for key in self._turn if key in keys] or sorted(keys)
        self._turn = turn[SHARDS_MAX:]
        for key in turn[:SHARDS_MAX]:
            try:
                if key.collection not in unfinished:
                    found = await self._jobs_of(key.collection)
                    unfinished[key.collection] = {status.shard for status in found if status.is_unfinished}
                leftovers = await asyncio.to_thread(self._leftovers, key)
                if key not in busy() and (leftovers or key.shard in unfinished[key.collection]):
                    await self.collect(key)
            except (ShoalError, OSError) as error:
                failure = error
        if failure is not None:
            raise failure

    async def collect(self, key: ShardKey) -> None:
        """Collect one shard, unless another holds its lease."""
        lease = self._lease_of(key)
        if await lease.acquire() is None:
            return
        try:
            head = (await self._wal.head(key)).head
            manifest = self._manifests.newest(key)
            for path in await asyncio.to_thread(self._leftovers, key):
                is_output = path.parent.name == SEGMENTS
                if is_output and (manifest is None or manifest.checkpoint < head):
                    continue
                log.info("collected", shard=str(key), path=f"{path.parent.name}/{path.name}")
                await remove(path)
            await self._finish_statuses(key, manifest)
        finally:
            await lease.release()

    async def _finish_statuses(self, key: ShardKey, manifest: Manifest | None) -> None:
        """Say of jobs whose optimizer died what became of them."""
        for status in await self._jobs_of(key.collection):
            if status.shard != key.shard or not status.is_unfinished:
                continue
            is_in = bool(status.output) and manifest is not None and state_of(manifest, status.output) != "gone"
            ended = {"state": "done", "stage": "" if is_in else ABANDONED, "finished_at": time.time()}
            await self._publish(msgspec.structs.replace(status, **ended))

    def _leftovers(self, key: ShardKey) -> list[Path]:
        """Return the directories of jobs, and the outputs that no manifest names."""
        directory = self._manifests.directory(key)
        building = _directories(directory / BUILDING)
        outputs = [path for path in _directories(directory / SEGMENTS) if path.name.startswith("b")]
        if outputs:
            store = ManifestStore(directory)
            newest = store.newest()
            manifests = [*([newest] if newest else []), *store.older()]
            names = named(manifests)
            names.update(f"{SEGMENTS}/{entry.segment_id}" for manifest in manifests for entry in manifest.segments)
            outputs = [path for path in outputs if f"{SEGMENTS}/{path.name}" not in names]
        return [*building, *outputs]


def _directories(parent: Path) -> list[Path]:
    try:
        return sorted(path for path in parent.iterdir() if path.is_dir())
    except FileNotFoundError:
        return []
