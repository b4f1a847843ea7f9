"""Notes in the catalog at which positions a collection's source was cut. Noted once, never changed."""

from pathlib import Path

from redis.asyncio import Redis

from shared.coordination.keys import CATALOG, CATALOG_LOG, DELETED, REVISION
from shared.errors import GenerationChanged
from shared.log.exchange import Argument, Script, ask
from shared.schema.collections import CollectionRecord

ATTEMPTS_MAX = 16
CHANGES_KEPT = 1000

_update = Script(Path(__file__).parent / "scripts" / "update.lua")


async def deleted_record(redis: Redis, uuid: str) -> CollectionRecord | None:
    """Return the record of a collection that was deleted within the last day or so."""
    text = await ask(redis, "HGET", DELETED, uuid)
    return None if text is None else CollectionRecord.model_validate_json(text)


async def note_cut(redis: Redis, uuid: str, positions: list[int]) -> None:
    """Note the positions of the cut that a collection begins with; a collection that is gone, or has them, is fine.

    The config's generation stays: nothing that was validated under it changes.
    """
    for _ in range(ATTEMPTS_MAX):
        text = await ask(redis, "HGET", CATALOG, uuid)
        if text is None:
            return
        record = CollectionRecord.model_validate_json(text)
        if record.init_from is None or record.init_from.positions:
            return
        init_from = record.init_from.model_copy(update={"positions": tuple(positions)})
        noted = record.model_copy(update={"init_from": init_from}).model_dump_json()
        arguments: list[Argument] = [uuid, text, noted, CHANGES_KEPT]
        if (await _update.call(redis, [CATALOG, REVISION, CATALOG_LOG], arguments))[0] == b"ok":
            return
    raise GenerationChanged(f"collection {uuid}: its record changed in each of {ATTEMPTS_MAX} attempts to note the cut")
