"""Takes catalog changes, gives the newest view. Used by api, worker and optimizer, one per process.

Of each change only the collections and aliases that it names are read; all is read where the change stream has a gap.
A Redis that comes back with another cluster's catalog, or with none, is not believed: the last view stays in force.
"""

import asyncio
import contextlib
from collections.abc import Callable
from typing import TYPE_CHECKING

import msgspec
import structlog

from shared.clock import Clock, SystemClock
from shared.coordination.reading import Reading
from shared.coordination.view import CatalogView
from shared.errors import Unavailable, WrongCluster
from shared.schema.collections import CollectionRecord

if TYPE_CHECKING:
    from shared.coordination.catalog import Catalog

BLOCK_MS = 2000
"""How long a read of the change stream waits; also the longest that a lost wake-up delays a change."""

RETRY_S = 0.5
"""Pause after Redis could not be reached."""

log = structlog.get_logger()


class CatalogWatcher:
    """Follows the change stream. `view` is replaced, never changed, so a caller may keep one for a request."""

    def __init__(self, catalog: "Catalog", clock: Clock | None = None) -> None:
        self._catalog = catalog
        self._clock = clock or SystemClock()
        self._callbacks: list[Callable[[CatalogView], None]] = []
        self._loading = asyncio.Lock()
        self._task: asyncio.Task[None] | None = None
        self._trouble = ""
        self._reading = Reading(CatalogView(), b"")
        """What Redis had when it was read last; `view` may be ahead of it by changes of this process."""
        self.view = CatalogView()

    async def start(self) -> None:
        """Load the catalog and follow its changes. Raises LogUnavailable when it cannot be read now."""
        await self.refresh()
        self._task = asyncio.create_task(self._follow(), name="catalog watcher")

    async def stop(self) -> None:
        """Stop following."""
        if self._task is not None:
            self._task.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await self._task
            self._task = None

    async def refresh(self) -> CatalogView:
        """Read what changed in the catalog and return it as it is now. Raises LogUnavailable, WrongCluster."""
        async with self._loading:
            return await self._load()

    async def catch_up(self) -> CatalogView:
        """Read the catalog if it has changed and return it. Raises LogUnavailable, WrongCluster."""
        if await self._catalog.revision() == self.view.revision:
            return self.view
        return await self.refresh()

    async def advance(self, record: CollectionRecord, revision: int) -> CatalogView:
        """Take over a change made by this process; the catalog is read only when others changed it too."""
        async with self._loading:
            known = self.view.by_uuid.get(record.uuid)
            if self.view.revision + 1 == revision:
                by_uuid = {**self.view.by_uuid, record.uuid: record}
                self._replace(msgspec.structs.replace(self.view, revision=revision, by_uuid=by_uuid))
            elif known is None or known.generation < record.generation:
                await self._load()
            return self.view

    async def advance_aliases(self, revision: int, aliases: dict[str, str]) -> CatalogView:
        """Take over all aliases as a change of this process left them; as `advance`."""
        async with self._loading:
            if self.view.revision + 1 == revision:
                self._replace(msgspec.structs.replace(self.view, revision=revision, aliases=aliases))
            elif self.view.revision < revision or self.view.aliases != aliases:
                await self._load()
            return self.view

    async def _load(self) -> CatalogView:
        """Read changes since the last reading: what this process took over ahead of it is then Redis' word again."""
        reading = await self._catalog.read(self._reading)
        view = reading.view
        if self.view.cluster and view.cluster != self.view.cluster:
            found = f"cluster {view.cluster}" if view.cluster else "no cluster, it came back empty"
            raise WrongCluster(
                f"expected the Redis of cluster {self.view.cluster}, found {found}: check the URL; if Redis "
                "lost its files, run `shoal check --adopt` on the data directory"
            )
        self._reading = reading
        if view != self.view:
            self._replace(view)
        return self.view

    def _replace(self, view: CatalogView) -> None:
        self.view = view
        for callback in self._callbacks:
            self._call(callback, view)

    def on_change(self, callback: Callable[[CatalogView], None]) -> None:
        """Call back with each newer view, in the event loop; a callback must not block."""
        self._callbacks.append(callback)

    async def _follow(self) -> None:
        while True:
            try:
                revision = await self._catalog.changes(self.view.revision, BLOCK_MS)
                if self._trouble or revision != self.view.revision:  # a Redis that was away may be another history
                    await self.refresh()
                self._trouble = ""
            except (Unavailable, WrongCluster) as error:
                if str(error) != self._trouble:
                    log.warning("catalog cannot be read", error=str(error))
                self._trouble = str(error)
                await self._clock.sleep(RETRY_S)

    def _call(self, callback: Callable[[CatalogView], None], view: CatalogView) -> None:
        """Run one callback; its failure is its own and must not stop the others."""
        try:
            callback(view)
        except Exception:
            log.exception("catalog callback failed", callback=getattr(callback, "__qualname__", repr(callback)))
