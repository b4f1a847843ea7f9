"""Collections: create, change, delete, describe.

A crash leaves nothing half done, because the catalog alone says what exists:
- create writes the catalog first. Shards that were not opened in the log are opened by the worker that leads them, or
  by the api at the first write.
- delete closes the shards first, so that nothing is acknowledged after it. Cut short there, the collection refuses
  writes until the delete is repeated; the catalog's delete entry alone permits removing files.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Callable
from uuid import uuid4

import structlog

from services.api.directory import Directory
from services.api.init_from import Cuts, gate_of, source_of
from services.api.presence import Presence
from services.api.shards import Shards
from shared.coordination.catalog import Catalog
from shared.errors import GenerationChanged, TimedOut, Unavailable
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.schema.collections import CollectionConfig, CollectionRecord
from shared.schema.queries import Describe, DescribeReply

DELETE_WAIT_S = 10.0
"""How long a delete waits for the other apis when it gives no timeout."""

CHANGE_WAIT_S = 10.0
"""How long a config change waits for those before it when it gives no timeout."""

RENAME_WAIT_S = 10.0
"""How long a rename waits for the other apis when it gives no timeout."""

CREATE_WAIT_S = 10.0
"""How long a create waits for live workers when it gives no timeout."""

UPDATES_MAX = 8

log = structlog.get_logger()


class Admin:
    """Takes changes of collections, makes them."""

    def __init__(self, catalog: Catalog, directory: Directory, wal: Wal, shards: Shards, presence: Presence) -> None:
        self._catalog = catalog
        self._directory = directory
        self._wal = wal
        self._shards = shards
        self._presence = presence
        self._cuts = Cuts(directory)
        self._turn = asyncio.Lock()

    async def create(
        self, name: str, config: CollectionConfig, timeout_s: float | None, source: str | None = None
    ) -> None:
        """Create a collection and wait, bounded, until its shards answer. Raises AlreadyExists, BadInput, NotFound.

        source   name of the collection that it begins with; then it also waits until that one is cut
        """
        init_from = None
        if source is not None:
            init_from, config = await source_of(self._directory, source, config)
        new = CollectionRecord(uuid=str(uuid4()), name=name, config=config, init_from=init_from)
        record = await self._catalog.create(new)
        for key in _keys(record):
            capacity_bytes = config.wal_config.log_bytes_max
            await self._wal.open_shard(key, record.generation, capacity_bytes=capacity_bytes, known=gate_of(record))
        await self._directory.reload()
        wait_s = CREATE_WAIT_S if timeout_s is None else timeout_s
        if not await self._cuts.made(record.uuid, wait_s):
            log.warning("collection is created, its source is not cut yet", collection=name, source=source)
        try:
            asking = self._shards.asking("Create collection", wait_s)
            await self._shards.ask_all(record, Describe(), DescribeReply, asking)
        except Unavailable as error:
            log.warning("collection is created, its shards do not answer yet", collection=name, error=str(error))

    async def change(
        self, name: str, changed: Callable[[CollectionRecord], CollectionConfig], timeout_s: float | None = None
    ) -> CollectionRecord:
        """Replace a collection's config by what `changed` makes of it; return its record.

        Raises NotFound, Rejected; TimedOut when changes that came before take too long.
        """
        async with self._in_turn(CHANGE_WAIT_S if timeout_s is None else timeout_s):
            for _ in range(UPDATES_MAX):
                record = await self._directory.resolve(name)
                config = changed(record)
                if config == record.config:
                    return record
                try:
                    updated = await self._catalog.update(record.uuid, record.generation, config)
                except GenerationChanged:
                    await self._directory.reload()
                    continue
                await self._directory.advance(updated)
                return updated.record
        raise GenerationChanged(f"the config of `{name}` was changed by others {UPDATES_MAX} times meanwhile")

    @contextlib.asynccontextmanager
    async def _in_turn(self, wait_s: float) -> AsyncIterator[None]:
        """Make one config change at a time: those of this process do not outrun each other; other processes' may."""
        try:
            async with asyncio.timeout(wait_s):
                await self._turn.acquire()
        except TimeoutError as error:
            raise TimedOut(f"Operation 'Update collection' timed out after {wait_s:g}s") from error
        try:
            yield
        finally:
            self._turn.release()

    async def rename(self, name: str, new_name: str, timeout_s: float | None) -> None:
        """Give a collection another name and wait, bounded, until every live api knows.

        An alias is followed to its collection, and keeps pointing to it. Raises NotFound, AlreadyExists, BadInput.
        """
        for _ in range(UPDATES_MAX):
            record = await self._directory.resolve(name)
            if record.name == new_name:
                return
            try:
                revision = await self._catalog.rename(record.uuid, new_name)
            except GenerationChanged:
                await self._directory.reload()
                continue
            await self._directory.reload()
            await self._presence.applied_everywhere(revision, RENAME_WAIT_S if timeout_s is None else timeout_s)
            return
        raise GenerationChanged(f"`{name}` was changed by others {UPDATES_MAX} times meanwhile")

    async def delete(self, name: str, timeout_s: float | None) -> bool:
        """Delete a collection and wait, bounded, until every live api knows; False when there is none.

        An alias is never followed.
        """
        view = await self._directory.reload()
        uuid = view.names.get(name)
        record = view.by_uuid.get(uuid) if uuid is not None else None
        if record is None:
            return False
        await self._cuts.made_of(record.uuid, DELETE_WAIT_S if timeout_s is None else timeout_s)
        for key in _keys(record):
            await self._wal.close_shard(key)
        deleted = await self._catalog.delete(name)
        revision = (await self._directory.reload()).revision
        await self._drop(record)
        await self._presence.applied_everywhere(revision, DELETE_WAIT_S if timeout_s is None else timeout_s)
        return deleted is not None

    async def _drop(self, record: CollectionRecord) -> None:
        """Free the logs at once. The worker does so too when it removes the shards: no failure leaves one behind."""
        try:
            await self._wal.drop(*_keys(record))
        except Unavailable as error:
            log.warning("logs are left to the worker", collection=record.name, error=str(error))


def _keys(record: CollectionRecord) -> list[ShardKey]:
    return [ShardKey(record.uuid, shard) for shard in range(record.config.shard_number)]
