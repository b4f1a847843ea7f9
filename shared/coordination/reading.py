"""Reading the catalog: whole, or only what changed since a reading. All of it at one revision.

A reading carries the mark of the change stream's entry at its revision. The next one asks for the entries from there
on: only when they begin with that very mark, and not one is missing up to the newest, do they tell all that changed.
A stream that was trimmed beyond it, a Redis that came back older, or older and then changed: all is read.
"""

from pathlib import Path
from typing import NamedTuple

import msgspec
from redis.asyncio import Redis

from shared.coordination.keys import ALIASES, CATALOG, CATALOG_LOG, CLUSTER, NAMES, REVISION
from shared.coordination.records import Records
from shared.coordination.view import CatalogView
from shared.errors import LogUnavailable
from shared.log.exchange import Script
from shared.schema.collections import CollectionRecord

_SCRIPTS = Path(__file__).parent / "scripts"
_load = Script(_SCRIPTS / "load.lua")
_changes = Script(_SCRIPTS / "changes.lua")


class Reading(NamedTuple):
    """The catalog as Redis had it. `mark` is empty when the change stream has no entry of the view's revision."""

    view: CatalogView
    mark: bytes


class _Changes(NamedTuple):
    """What `changes.lua` gives."""

    revision: bytes
    cluster: bytes
    mark: bytes
    records: list[bytes]
    """uuid, record in turn; an empty record is a collection that is gone."""
    aliases: list[bytes]
    """alias, uuid in turn; an empty uuid is an alias that is gone."""
    is_every_alias: int


async def read_catalog(redis: Redis, records: Records, known: Reading | None = None) -> Reading:
    """Return the catalog as it is now; what is known already is not read again. Raises LogUnavailable."""
    if known is not None and known.mark:
        keys = [CATALOG, ALIASES, REVISION, CLUSTER, CATALOG_LOG]
        answer = await _changes.call(redis, keys, [known.view.revision, known.mark], lost=LogUnavailable)
        if answer[0] == b"ok":
            return _after(known.view, _Changes(*answer[1:]), records)
    return await _read_whole(redis, records)


async def _read_whole(redis: Redis, records: Records) -> Reading:
    keys = [CATALOG, NAMES, ALIASES, REVISION, CLUSTER, CATALOG_LOG]
    revision, texts, names, aliases, cluster, mark = await _load.call(redis, keys, [], lost=LogUnavailable)
    view = CatalogView(
        revision=int(revision),
        by_uuid={uuid: records.parsed(uuid, text) for uuid, text in _pairs(texts)},
        names=decoded(names),
        aliases=decoded(aliases),
        cluster=cluster.decode(),
    )
    records.keep(view.by_uuid)
    return Reading(view, mark)


def _after(view: CatalogView, changes: _Changes, records: Records) -> Reading:
    """Return a reading that comes of a view and what changed since; the view stays as it is."""
    by_uuid, names, aliases = view.by_uuid, view.names, view.aliases
    if changes.records:
        found = {uuid: records.parsed(uuid, text) if text else None for uuid, text in _pairs(changes.records)}
        by_uuid, names = _with_records(view, found)
        gone = {uuid for uuid, record in found.items() if record is None}
        records.forget(gone)
        if gone:
            aliases = {alias: uuid for alias, uuid in aliases.items() if uuid not in gone}
    if changes.is_every_alias:
        aliases = decoded(changes.aliases)
    elif changes.aliases:
        moved = decoded(changes.aliases)
        aliases = {alias: uuid for alias, uuid in {**aliases, **moved}.items() if uuid}
    newer = msgspec.structs.replace(
        view,
        revision=int(changes.revision),
        by_uuid=by_uuid,
        names=names,
        aliases=aliases,
        cluster=changes.cluster.decode(),
    )
    return Reading(newer, changes.mark)


def _with_records(
    view: CatalogView, found: dict[str, CollectionRecord | None]
) -> tuple[dict[str, CollectionRecord], dict[str, str]]:
    """Return records and names with some records as they are now. All old names go before a new one comes."""
    by_uuid, names = dict(view.by_uuid), dict(view.names)
    for uuid, record in found.items():
        old = by_uuid.get(uuid)
        if old is not None and (record is None or record.name != old.name) and names.get(old.name) == uuid:
            del names[old.name]
        if record is None:
            by_uuid.pop(uuid, None)
    for uuid, record in found.items():
        if record is not None:
            by_uuid[uuid] = record
            names[record.name] = uuid
    return by_uuid, names


def decoded(flat: list[bytes]) -> dict[str, str]:
    """Return the dict behind a flat answer of HGETALL."""
    return {field: value.decode() for field, value in _pairs(flat)}


def _pairs(flat: list[bytes]) -> list[tuple[str, bytes]]:
    return [(field.decode(), value) for field, value in zip(flat[::2], flat[1::2], strict=True)]
