"""Which slots a collection's points may carry, and how each is compared."""

from typing import NamedTuple
from uuid import UUID

from shared.schema.collections import CollectionConfig, Distance


class SlotLayout(NamedTuple):
    """One slot of dense float32 vectors: their length and how they are compared."""

    dim: int
    distance: Distance


Layout = dict[str, SlotLayout]
"""Slot name to layout. The name is data: it never becomes part of a path."""


def layout_of(config: CollectionConfig) -> Layout:
    """Return the layout that a config asks for, slots in the order of their names so that all replicas agree."""
    return {
        name: SlotLayout(config.vectors[name].size, config.vectors[name].distance) for name in sorted(config.vectors)
    }


def rotation_seed(collection: str) -> int:
    """Return the seed of a collection's code rotations, from its UUID: the same on every replica and in every build."""
    return UUID(collection).int & (2**63 - 1)
