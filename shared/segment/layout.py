"""Which slots a collection's points may carry, how each is compared, and how each is built and kept."""

from typing import NamedTuple
from uuid import UUID

from shared.schema.collections import CollectionConfig, HnswConfig, VectorParams
from shared.schema.quantization import QuantizationConfig
from shared.schema.slots import Datatype, Distance, SlotKind


class SlotLayout(NamedTuple):
    """One slot: what a point carries in it and how it is compared. Fixed for the life of the slot.

    dim   length of a row; 0 for sparse slots
    """

    dim: int
    distance: Distance
    kind: SlotKind = SlotKind.DENSE
    datatype: Datatype = Datatype.FLOAT32


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
    for name, params in config.sparse_vectors.items():
        datatype = params.index.datatype if params.index else None
        layout[name] = SlotLayout(0, Distance.DOT, SlotKind.SPARSE, datatype or Datatype.FLOAT32)
    return {name: layout[name] for name in sorted(layout)}


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
    return SlotLayout(params.size, params.distance, kind, params.datatype or Datatype.FLOAT32)
