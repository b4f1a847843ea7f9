"""The catalog: collections, aliases and their config, in Redis. A name is a pointer to a UUID.

Every change is one script: it checks, writes the new state and appends to the change stream, whose entry number is the
catalog's revision. So a reader sees the state of one revision, and a change is seen whole or not at all.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from shared.coordination.keys import (
    ALIASES,
    CATALOG,
    CATALOG_LOG,
    DELETED,
    DELETED_AT,
    NAMES,
    REVISION,
)
from shared.coordination.reading import Reading, decoded, read_catalog
from shared.coordination.records import Records
from shared.coordination.view import CatalogView
from shared.coordination.watcher import CatalogWatcher
from shared.errors import AlreadyExists, BadInput, GenerationChanged, NotFound
from shared.log.exchange import Argument, Script, ask
from shared.schema.collections import CollectionConfig, CollectionRecord

__all__ = ["AliasChange", "AliasesChanged", "Catalog", "CatalogView", "CatalogWatcher", "Updated"]

CHANGES_KEPT = 1000
"""About how many changes the stream keeps; a reader that missed more reads all of the state."""

DELETED_KEPT_S = 86_400
"""How long the record of a deleted collection is kept at least."""

_SCRIPTS = Path(__file__).parent / "scripts"
_create = Script(_SCRIPTS / "create.lua")
_update = Script(_SCRIPTS / "update.lua")
_rename = Script(_SCRIPTS / "rename.lua")
_delete = Script(_SCRIPTS / "delete.lua")
_adopt = Script(_SCRIPTS / "adopt.lua")
_change_aliases = Script(_SCRIPTS / "change_aliases.lua")


class AliasChange(msgspec.Struct, frozen=True):
    """One change of an alias: `create` alias -> collection's name, `delete` alias, `rename` alias to `other`."""

    kind: str
    alias: str
    other: str = ""


class Updated(NamedTuple):
    """A collection's record after a change, and the catalog's revision at which it is so."""

    record: CollectionRecord
    revision: int


class AliasesChanged(NamedTuple):
    """All aliases (alias -> uuid) as they are at the revision that a change made."""

    revision: int
    aliases: dict[str, str]


class Catalog:
    """Reads and changes the catalog.

    Every method raises LogUnavailable when Redis cannot be reached; those that change something raise OutcomeUnknown
    when the answer was lost, and may be called again.
    """

    def __init__(self, redis: Redis) -> None:
        self._redis = redis
        self._records = Records()

    async def revision(self) -> int:
        """Return the number of changes so far: cheap, beside loading everything."""
        return int(await ask(self._redis, "GET", REVISION) or 0)

    async def load(self) -> CatalogView:
        """Return the catalog as it is now."""
        return (await self.read()).view

    async def read(self, known: Reading | None = None) -> Reading:
        """Return the catalog as it is now; of what is known already only the changes are read, where that is safe."""
        return await read_catalog(self._redis, self._records, known)

    async def create(self, record: CollectionRecord) -> CollectionRecord:
        """Register a new collection. Raises AlreadyExists, BadInput (an alias has the name)."""
        keys = [CATALOG, NAMES, ALIASES, REVISION, CATALOG_LOG]
        arguments: list[Argument] = [record.uuid, record.name, record.model_dump_json(), CHANGES_KEPT]
        match (await _create.call(self._redis, keys, arguments))[0]:
            case b"exists":
                raise AlreadyExists(f"Collection `{record.name}` already exists!")
            case b"alias":
                raise BadInput(
                    f"Can't create collection with name {record.name}. Alias with the same name already exists"
                )
        return record

    async def update(self, uuid: str, expected_generation: int, config: CollectionConfig) -> Updated:
        """Replace a collection's config; its generation grows by one. Raises GenerationChanged, NotFound.

        The record is taken to be as it was last read; only when it is not, Redis is asked first.
        """
        known = self._records.get(uuid)
        updated = await self._update(uuid, known.text, expected_generation, config) if known is not None else None
        if updated is None:
            text = await ask(self._redis, "HGET", CATALOG, uuid)
            if text is None:
                raise NotFound(f"Collection `{uuid}` doesn't exist!")
            updated = await self._update(uuid, text, expected_generation, config)
        if updated is None:
            raise GenerationChanged(f"collection {uuid}: its config changed, expected generation {expected_generation}")
        return updated

    async def _update(
        self, uuid: str, text: bytes, expected_generation: int, config: CollectionConfig
    ) -> Updated | None:
        """Replace a record that is still this text; None when it is not, or is of another generation."""
        old = self._records.parsed(uuid, text)
        if old.generation != expected_generation:
            return None
        new = old.model_copy(update={"generation": old.generation + 1, "config": config})
        new_text = new.model_dump_json().encode()
        arguments: list[Argument] = [uuid, text, new_text, CHANGES_KEPT]
        answer = await _update.call(self._redis, [CATALOG, REVISION, CATALOG_LOG], arguments)
        if answer[0] != b"ok":
            return None
        self._records.note(new_text, new)
        return Updated(new, int(answer[1]))

    async def rename(self, uuid: str, new_name: str) -> int:
        """Give a collection another name; return the revision. Everything else stays, its aliases too.

        Raises NotFound, AlreadyExists, BadInput (an alias has the name), GenerationChanged (it changed meanwhile).
        """
        text = await ask(self._redis, "HGET", CATALOG, uuid)
        if text is None:
            raise NotFound(f"Collection `{uuid}` doesn't exist!")
        old = _record(text)
        new = old.model_copy(update={"name": new_name})
        keys = [CATALOG, NAMES, ALIASES, REVISION, CATALOG_LOG]
        arguments: list[Argument] = [uuid, old.name, new_name, text, new.model_dump_json(), CHANGES_KEPT]
        answer = await _rename.call(self._redis, keys, arguments)
        match answer[0]:
            case b"exists":
                raise AlreadyExists(f"Collection `{new_name}` already exists!")
            case b"alias":
                raise BadInput(f"Can't rename collection to {new_name}. Alias with the same name already exists")
            case b"moved":
                raise GenerationChanged(f"collection {old.name} was changed while it was renamed")
        return int(answer[1])

    async def delete(self, name: str) -> str | None:
        """Remove a collection and its aliases; return its uuid, None when there is none. Aliases are never followed."""
        keys = [CATALOG, NAMES, ALIASES, REVISION, CATALOG_LOG, DELETED, DELETED_AT]
        answer = await _delete.call(self._redis, keys, [name, CHANGES_KEPT, DELETED_KEPT_S])
        return answer[1].decode() if answer[0] == b"ok" else None

    async def deleted_among(self, uuids: Sequence[str]) -> set[str]:
        """Return those of some collections that were deleted within the last day or so."""
        if not uuids:
            return set()
        texts = await ask(self._redis, "HMGET", DELETED, *uuids)
        return {uuid for uuid, text in zip(uuids, texts, strict=True) if text is not None}

    async def changes(self, after_revision: int, block_ms: int) -> int:
        """Wait for a revision other than the given one and return it; the given one when time is up.

        A smaller one means that Redis came back older: read the catalog again all the same.
        """
        revision = int(await ask(self._redis, "GET", REVISION) or 0)
        if revision != after_revision or block_ms <= 0:
            return revision
        command: tuple[Argument, ...] = ("XREAD", "BLOCK", block_ms, "STREAMS", CATALOG_LOG, f"{after_revision}-0")
        answer = await ask(self._redis, *command, timeout_s=block_ms / 1000 + 10.0)
        return int(answer[0][1][-1][0][:-2]) if answer else after_revision

    async def adopt(self, records: list[CollectionRecord], aliases: dict[str, str]) -> None:
        """Register collections found on disk and their aliases (alias -> uuid), all or none.

        What the catalog has already under its uuid stays as it is. Raises AlreadyExists when a name is another's.
        """
        keys = [CATALOG, NAMES, ALIASES, REVISION, CATALOG_LOG]
        arguments: list[Argument] = [CHANGES_KEPT, len(records)]
        for record in records:
            arguments += [record.uuid, record.name, record.model_dump_json()]
        for alias, uuid in aliases.items():
            arguments += [alias, uuid]
        answer = await _adopt.call(self._redis, keys, arguments)
        if answer[0] == b"exists":
            name, holder = answer[1].decode(), answer[2].decode()
            raise AlreadyExists(f"`{name}` belongs to collection {holder} already; rename or delete that one first")

    async def change_aliases(self, changes: list[AliasChange]) -> AliasesChanged:
        """Apply alias changes in order, all or none; return what there is now. Raises NotFound, AlreadyExists."""
        arguments: list[Argument] = [CHANGES_KEPT]
        for change in changes:
            arguments += [change.kind, change.alias, change.other]
        answer = await _change_aliases.call(self._redis, [NAMES, ALIASES, REVISION, CATALOG_LOG], arguments)
        match answer[0]:
            case b"no collection":
                raise NotFound(f"Collection `{answer[1].decode()}` doesn't exist!")
            case b"no alias":
                raise NotFound(f"Alias {answer[1].decode()} does not exists!")
            case b"exists":
                raise AlreadyExists(f"Collection `{answer[1].decode()}` already exists!")
        return AliasesChanged(int(answer[1]), decoded(answer[2]))


def _record(text: bytes) -> CollectionRecord:
    return CollectionRecord.model_validate_json(text)
