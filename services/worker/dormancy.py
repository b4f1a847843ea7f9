"""A shard that is led and not open: it rests in the log, keeps its newest manifest up to date, and asks to be opened.

It may begin only where the log holds nothing beyond the manifest, which the log itself checks when it notes whom to
wake. What wakes the shard while it falls asleep is remembered, and opens it at once.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import NamedTuple

from services.worker.dormant import may_stay_closed, renamed
from services.worker.shard import Shard
from shared.log.wal import Wal
from shared.store.manifest import Manifest, ManifestStore


class DormancyParts(NamedTuple):
    """What dormancy works with. `name` gives the catalog's names of now, `on_wanted` has the shard opened."""

    wal: Wal
    channel: str
    disk: Executor
    name: Callable[[], tuple[str, tuple[str, ...]]]
    on_wanted: Callable[[], None]


class Dormancy:
    """One shard's. `shard.dormant` is the newest manifest while it lasts."""

    def __init__(self, shard: Shard, directory: Path, parts: DormancyParts) -> None:
        self._shard = shard
        self._directory = directory
        self._parts = parts
        self._is_woken = False

    @property
    def is_misnamed(self) -> bool:
        """True when the manifest of a dormant shard has other names than the catalog."""
        newest = self._shard.dormant
        return newest is not None and (newest.name, tuple(newest.aliases)) != self._parts.name()

    async def begin(self, newest: Manifest, generation: int, fence: int | None) -> bool:
        """Sleep without having been open; False when there is something to do that needs the shard open."""
        if fence is None or not may_stay_closed(newest, generation):
            return False
        self.expect()
        if not await self._parts.wal.rest(self._shard.key, newest.checkpoint, fence, self._parts.channel):
            return False
        self.sleep(newest)
        await self.rename(fence)
        return True

    def expect(self) -> None:
        """From now on notice what wakes the shard."""
        self._is_woken = False

    def wake(self) -> None:
        """Somebody needs the shard open."""
        self._is_woken = True
        if self._shard.dormant is not None:
            self._parts.on_wanted()

    def sleep(self, newest: Manifest) -> None:
        """Be dormant; asks to be opened when something woke the shard since `expect`."""
        self._shard.sleep(newest)
        if self._is_woken:
            self._parts.on_wanted()

    async def rename(self, fence: int | None) -> None:
        """Publish a manifest with the collection's present names, if they differ. Raises StaleFence, OSError."""
        newest = self._shard.dormant
        if newest is None or fence is None or not self.is_misnamed:
            return
        manifest = renamed(newest, self._parts.name(), fence)
        publish = partial(ManifestStore(self._directory).publish, manifest)
        await asyncio.get_running_loop().run_in_executor(self._parts.disk, publish)
        if self._shard.dormant is newest:
            self._shard.sleep(manifest)
