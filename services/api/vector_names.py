"""Slots added to and removed from live collections.

The catalog changes first, then everybody learns of it (`spread.py`). A new slot carries the generation of its birth:
removed and added again, it is another one and shows no old vectors. Each shard's leader brings the config into its log;
a write to a new slot waits until that has happened (`writes.py`).
"""

from services.api.admin import Admin
from services.api.spread import Spread
from services.api.validate.vector_names import SlotParams, is_same_slot
from shared.errors import BadInput
from shared.schema.collections import CollectionConfig, CollectionRecord, VectorParams


class VectorNames:
    """Takes slots to add or remove, gives the record that has them."""

    def __init__(self, admin: Admin, spread: Spread) -> None:
        self._admin = admin
        self._spread = spread

    async def add(self, collection: str, name: str, params: SlotParams, timeout_s: float | None) -> CollectionRecord:
        """Add a slot; one of the same kind is left as it is. Raises NotFound, BadInput for a different one."""
        record = await self._admin.change(collection, lambda record: _with_slot(record, name, params))
        return await self._spread.everywhere(record, timeout_s)

    async def remove(self, collection: str, name: str, timeout_s: float | None) -> CollectionRecord:
        """Remove a slot and its vectors; points stay. Raises NotFound, BadInput for an unknown name."""
        record = await self._admin.change(collection, lambda record: _without_slot(record.config, name))
        return await self._spread.everywhere(record, timeout_s)


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
