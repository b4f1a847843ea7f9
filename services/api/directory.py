"""Names to collections: the newest catalog view, read again before anything is called missing.

A name resolves once per request. What happens to a collection meanwhile shows as ShardClosed; then the name is resolved
once more: it is gone (404), or it is a new collection of the same name, and the request runs again on that one.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import TypeVar

from shared.coordination.catalog import AliasesChanged, CatalogView, CatalogWatcher, Updated
from shared.errors import NotFound, ShardClosed, Unavailable
from shared.schema.collections import CollectionRecord

T = TypeVar("T")

RUNS_MAX = 3
"""How often a request follows a name to another collection."""


class Directory:
    """Takes names, gives collection records."""

    def __init__(self, watcher: CatalogWatcher) -> None:
        self._watcher = watcher
        self._turn = asyncio.Lock()
        self._next_reading: asyncio.Task[CatalogView] | None = None

    @property
    def view(self) -> CatalogView:
        """The newest view that is known without asking."""
        return self._watcher.view

    def is_known(self, uuid: str) -> bool:
        """True while the collection exists, as far as is known without asking."""
        return uuid in self._watcher.view.by_uuid

    async def find(self, name: str) -> CollectionRecord | None:
        """Return the collection of a name or alias; a miss reads the catalog again."""
        record = self._watcher.view.resolve(name)
        return record if record is not None else (await self._read()).resolve(name)

    async def resolve(self, name: str) -> CollectionRecord:
        """Return the collection of a name or alias. Raises NotFound, LogUnavailable when Redis is away on a miss."""
        record = await self.find(name)
        if record is None:
            raise NotFound(f"Collection `{name}` doesn't exist!")
        return record

    async def resolve_now(self, name: str) -> CollectionRecord:
        """Return the collection of a name or alias as it is now, whoever changed it. Raises NotFound.

        For what must not lag behind another api's answer: a status that is green over an older config. When Redis is
        away the last view stays in force.
        """
        with contextlib.suppress(Unavailable):
            await self._watcher.catch_up()
        return await self.resolve(name)

    async def reach(self, revision: int) -> None:
        """See the catalog as it was at a revision, or later. Raises LogUnavailable."""
        if self._watcher.view.revision < revision:
            await self._watcher.catch_up()

    async def reload(self) -> CatalogView:
        """Read the catalog again; when Redis is away the last view stays in force."""
        try:
            return await self._read()
        except Unavailable:
            return self._watcher.view

    async def advance(self, changed: Updated) -> None:
        """Take over a change that this process made; when Redis is away the watcher takes it over later."""
        with contextlib.suppress(Unavailable):
            await self._watcher.advance(changed.record, changed.revision)

    async def advance_aliases(self, changed: AliasesChanged) -> None:
        """Take over aliases that this process changed; as `advance`."""
        with contextlib.suppress(Unavailable):
            await self._watcher.advance_aliases(*changed)

    async def run(self, name: str, act: Callable[[CollectionRecord], Awaitable[T]]) -> tuple[CollectionRecord, T]:
        """Run a request on the collection of a name, again when the collection was replaced under it.

        Gives the collection that answered, and the answer.
        """
        record = await self.resolve(name)
        for _ in range(RUNS_MAX):
            try:
                return record, await act(record)
            except ShardClosed:
                await self.reload()
                newer = await self.resolve(name)
                if newer.uuid == record.uuid:
                    raise
                record = newer
        return record, await act(record)

    async def _read(self) -> CatalogView:
        """Read the catalog; all who come while one reading runs share the next one, which begins after they came."""
        if self._next_reading is None:
            self._next_reading = asyncio.create_task(self._read_in_turn())
            self._next_reading.add_done_callback(lambda task: task.cancelled() or task.exception())
        return await asyncio.shield(self._next_reading)

    async def _read_in_turn(self) -> CatalogView:
        async with self._turn:
            self._next_reading = None
            return await self._watcher.refresh()
