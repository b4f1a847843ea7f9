"""Slots added to and removed from live collections.

The catalog changes first; then the generation is raised on every shard, so that nothing validated under the old slots
is logged behind the change, and the other apis are waited for. A new slot carries the generation of its birth: removed
and added again, it is another one and shows no old vectors. Each shard's leader brings the config into its log; a write
to a new slot waits until that has happened (`writes.py`).
"""

import contextlib

from services.api.admin import Admin
from services.api.directory import Directory
from services.api.presence import Presence
from services.api.shards import together
from services.api.validate.vector_names import SlotParams, is_same_slot
from shared.errors import BadInput, ShardUnavailable
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.schema.collections import CollectionConfig, CollectionRecord, VectorParams

SPREAD_WAIT_S = 10.0
"""How long a change waits for the other apis when it gives no timeout."""


class VectorNames:
    """Takes slots to add or remove, gives the record that has them."""

    def __init__(self, admin: Admin, directory: Directory, wal: Wal, presence: Presence) -> None:
        self._admin = admin
        self._directory = directory
        self._wal = wal
        self._presence = presence

    async def add(self, collection: str, name: str, params: SlotParams, timeout_s: float | None) -> CollectionRecord:
        """Add a slot; one of the same kind is left as it is. Raises NotFound, BadInput for a different one."""
        record = await self._admin.change(collection, lambda record: _with_slot(record, name, params))
        return await self._spread(record, timeout_s)

    async def remove(self, collection: str, name: str, timeout_s: float | None) -> CollectionRecord:
        """Remove a slot and its vectors; points stay. Raises NotFound, BadInput for an unknown name."""
        record = await self._admin.change(collection, lambda record: _without_slot(record.config, name))
        return await self._spread(record, timeout_s)

    async def _spread(self, record: CollectionRecord, timeout_s: float | None) -> CollectionRecord:
        shards = range(record.config.shard_number)
        await together([self._raise(ShardKey(record.uuid, shard), record.generation) for shard in shards])
        revision = self._directory.view.revision
        await self._presence.applied_everywhere(revision, SPREAD_WAIT_S if timeout_s is None else timeout_s)
        return record

    async def _raise(self, key: ShardKey, generation: int) -> None:
        """Refuse what was validated under an older generation; a shard never opened opens under the newest anyway."""
        with contextlib.suppress(ShardUnavailable):
            await self._wal.raise_generation(key, generation)


def _with_slot(record: CollectionRecord, name: str, params: SlotParams) -> CollectionConfig:
    config = record.config
    present = config.vectors.get(name) or config.sparse_vectors.get(name)
    if present is not None:
        if is_same_slot(present, params):
            return config
        raise BadInput(f"Vector `{name}` already exists and is different: delete it first")
    family = "vectors" if isinstance(params, VectorParams) else "sparse_vectors"
    born = params.model_copy(update={"born": record.generation + 1})
    return config.model_copy(update={family: {**getattr(config, family), name: born}})


def _without_slot(config: CollectionConfig, name: str) -> CollectionConfig:
    if not config.has_slot(name):
        raise BadInput(f"Not existing vector name error: {name}")
    return config.model_copy(
        update={
            "vectors": {other: params for other, params in config.vectors.items() if other != name},
            "sparse_vectors": {other: params for other, params in config.sparse_vectors.items() if other != name},
        }
    )
