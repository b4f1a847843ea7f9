"""The catalog: collections, aliases and their config, in Redis. A name is a pointer to a UUID."""

from collections.abc import Callable

import msgspec
from redis.asyncio import Redis

from shared.schema.collections import CollectionConfig, CollectionRecord


class CatalogView(msgspec.Struct, frozen=True):
    """The whole catalog at one revision."""

    revision: int = 0
    by_uuid: dict[str, CollectionRecord] = {}
    names: dict[str, str] = {}
    """name -> uuid"""
    aliases: dict[str, str] = {}
    """alias -> uuid"""

    def resolve(self, name_or_alias: str) -> CollectionRecord | None:
        """Return the collection of a name or an alias; names win."""
        raise NotImplementedError


class Catalog:
    """Reads and changes the catalog. Every change is one script: check, write, append to the change stream."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def load(self) -> CatalogView:
        """Return the catalog as it is now."""
        raise NotImplementedError

    async def create(self, record: CollectionRecord) -> CollectionRecord:
        """Register a new collection. Raises AlreadyExists, BadInput (an alias has the name)."""
        raise NotImplementedError

    async def update(self, uuid: str, expected_generation: int, config: CollectionConfig) -> CollectionRecord:
        """Replace a collection's config; its generation grows by one. Raises GenerationChanged, NotFound."""
        raise NotImplementedError

    async def delete(self, name: str) -> str | None:
        """Remove a collection and its aliases; return its uuid, None when there is none. Aliases are never followed."""
        raise NotImplementedError

    async def deleted(self) -> dict[str, CollectionRecord]:
        """Return the collections deleted within about the last day, by uuid: what workers may collect."""
        raise NotImplementedError

    async def changes(self, after_revision: int, block_ms: int) -> int:
        """Wait for a revision other than the given one and return it; the given one when time is up."""
        raise NotImplementedError

    async def adopt(self, records: list[CollectionRecord], aliases: dict[str, str]) -> None:
        """Register collections found on disk (alias -> uuid). Older than what is there: left alone. Raises AlreadyExists."""
        raise NotImplementedError


class CatalogWatcher:
    """Takes catalog changes, gives the newest view."""

    view: CatalogView

    def __init__(self, catalog: Catalog) -> None:
        self._catalog = catalog
        self.view = CatalogView()

    async def start(self) -> None:
        """Load the catalog and follow its changes."""
        raise NotImplementedError

    async def stop(self) -> None:
        """Stop following."""
        raise NotImplementedError

    async def refresh(self) -> CatalogView:
        """Read the catalog now."""
        raise NotImplementedError

    def on_change(self, callback: Callable[[CatalogView], None]) -> None:
        """Call back with each newer view, in the event loop; a callback must not block."""
        raise NotImplementedError
