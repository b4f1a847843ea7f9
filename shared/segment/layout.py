"""Which slots a collection's points may carry, how each is compared, and how each is built and kept."""

from typing import NamedTuple
from uuid import UUID

from shared.schema.collections import CollectionConfig, HnswConfig, SparseVectorParams, VectorParams
from shared.schema.quantization import QuantizationConfig
from shared.schema.slots import Datatype, Distance, SlotKind


class SlotLayout(NamedTuple):
    """One slot: what a point carries in it and how it is compared. Fixed for the life of the slot.

    dim    length of a row; 0 for sparse slots
    born   generation of the config that added it to a live collection; 0 with the collection
    """

    dim: int
    distance: Distance
    kind: SlotKind = SlotKind.DENSE
    datatype: Datatype = Datatype.FLOAT32
    born: int = 0

    def has_rows_of(self, other: "SlotLayout") -> bool:
        """Return whether rows of the other slot are rows of this one. Sparse rows are float32 under any datatype."""
        return self == (other._replace(datatype=self.datatype) if self.kind is SlotKind.SPARSE else other)


class SlotPlan(NamedTuple):
    """How a sealed slot is built and kept: may change while the slot lives, and then asks for a rebuild.

    hnsw           `m` 0: no graph
    quantization   None: the built-in codes
    is_on_disk     raw vectors are read through the file's map and not kept in memory
    """

    hnsw: HnswConfig = HnswConfig()
    quantization: QuantizationConfig | None = None
    is_on_disk: bool = False


Layout = dict[str, SlotLayout]
"""Slot name to layout. The name is data: it never becomes part of a path."""

Plans = dict[str, SlotPlan]
"""Slot name to plan; a slot that is missing here has the default plan."""


def layout_of(config: CollectionConfig) -> Layout:
    """Return the layout that a config asks for, slots in the order of their names so that all replicas agree."""
    layout = {name: _dense(params) for name, params in config.vectors.items()}
    layout |= {name: _sparse(params) for name, params in config.sparse_vectors.items()}
    return {name: layout[name] for name in sorted(layout)}


def slot_layout(config: CollectionConfig, name: str) -> SlotLayout | None:
    """Return the layout of one slot, None where the config has no such slot."""
    if name in config.vectors:
        return _dense(config.vectors[name])
    return _sparse(config.sparse_vectors[name]) if name in config.sparse_vectors else None


def plans_of(config: CollectionConfig) -> Plans:
    """Return how a config wants its dense and multivector slots built and kept."""
    return {
        name: SlotPlan(config.hnsw_of(name), config.quantization_of(name), params.is_on_disk)
        for name, params in sorted(config.vectors.items())
    }


def rotation_seed(collection: str) -> int:
    """Return the seed of a collection's code rotations, from its UUID: the same on every replica and in every build."""
    return UUID(collection).int & (2**63 - 1)


def _dense(params: VectorParams) -> SlotLayout:
    kind = SlotKind.DENSE if params.multivector_config is None else SlotKind.MULTI
    return SlotLayout(params.size, params.distance, kind, params.datatype or Datatype.FLOAT32, params.born)


def _sparse(params: SparseVectorParams) -> SlotLayout:
    datatype = params.index.datatype if params.index else None
    return SlotLayout(0, Distance.DOT, SlotKind.SPARSE, datatype or Datatype.FLOAT32, params.born)
