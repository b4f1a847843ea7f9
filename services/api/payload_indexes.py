"""Payload indexes declared on live collections, and taken back.

The catalog changes first, then everybody learns of it (`spread.py`). A declaration means what it says from the config's
place in each shard's log on; its columns are built in the background, and whoever waits, waits for them too.
"""

from services.api.admin import Admin
from services.api.shards import Shards
from services.api.spread import Spread
from services.api.strict.refusals import check_limit, limits_of, refuse
from services.api.validate.payload_indexes import IndexCall
from shared.errors import BadRequest
from shared.schema.collections import CollectionConfig, CollectionRecord

INDEXES_MAX = 1024
"""Most payload indexes of one collection: each is part of every config entry and of every manifest."""
INDEXES_BYTES_MAX = 2**20
"""Most bytes of their JSON, paths and stop words included."""


class PayloadIndexes:
    """Takes indexes to declare or to drop, gives the record of the collection that has them so."""

    def __init__(self, admin: Admin, spread: Spread, shards: Shards) -> None:
        self._admin = admin
        self._spread = spread
        self._shards = shards

    async def create(self, collection: str, wanted: IndexCall, timeout_s: int | None) -> CollectionRecord:
        """Declare an index; the very same again changes nothing, another on its path replaces it.

        Raises NotFound; BadRequest where there are as many as there may be.
        """
        record = await self._admin.change(collection, lambda record: _with_index(record, wanted, timeout_s))
        return await self._spread.everywhere(record, timeout_s)

    async def delete(self, collection: str, path: str, timeout_s: int | None) -> CollectionRecord:
        """Drop the index of a path; where there is none, nothing changes. Raises NotFound."""
        record = await self._admin.change(collection, lambda record: _without_index(record, path, timeout_s))
        return await self._spread.everywhere(record, timeout_s)

    async def is_ready(self, record: CollectionRecord, path: str, timeout_s: float) -> bool:
        """Wait until all shards have a record's config and the columns of a path; False when time is up."""
        return await self._shards.settled(record, timeout_s, path)


def _with_index(record: CollectionRecord, wanted: IndexCall, timeout_s: int | None) -> CollectionConfig:
    config, limits = record.config, limits_of(record)
    present = config.payload_indexes
    if limits is not None:
        check_limit("timeout", timeout_s, limits.max_timeout)
    if wanted.path not in present:
        most = None if limits is None else limits.max_payload_index_count
        if most is not None and len(present) >= most:
            refuse(
                f"Collection already has the maximum number of payload indices ({most})",
                "Please delete an existing index before creating a new one.",
            )
        if len(present) >= INDEXES_MAX:
            raise BadRequest(f"a collection has at most {INDEXES_MAX} payload indexes: delete one first")
    indexes = {**present, wanted.path: wanted.index}
    size = sum(len(path.encode()) + len(index.model_dump_json()) for path, index in indexes.items())
    if size > INDEXES_BYTES_MAX:
        raise BadRequest(f"payload indexes take {size} bytes, at most {INDEXES_BYTES_MAX} are taken: mind stop words")
    return config.model_copy(update={"payload_indexes": indexes})


def _without_index(record: CollectionRecord, path: str, timeout_s: int | None) -> CollectionConfig:
    config, limits = record.config, limits_of(record)
    if limits is not None:
        check_limit("timeout", timeout_s, limits.max_timeout)
    kept = {other: index for other, index in config.payload_indexes.items() if other != path}
    return config.model_copy(update={"payload_indexes": kept})
