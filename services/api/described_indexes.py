"""Declared payload indexes in the reference's shape: `payload_schema` of a collection's description."""

from collections.abc import Iterable
from typing import Any

from shared.schema.collections import CollectionConfig
from shared.schema.payload_index import PayloadIndex
from shared.schema.queries import DescribeReply
from shared.schema.row_order import row_order_of


def index_warnings(config: CollectionConfig) -> list[str]:
    """Return what declared indexes ask for and do not get: the rows of a segment lie by one field alone."""
    order = row_order_of(config)
    if order is None:
        return []
    asks = ("is_tenant", "is_principal", *(["enable_hnsw"] if order.has_graphs else []))
    return [
        f"{name} of the payload index `{path}` has no effect: the rows of a segment lie by `{order.key}`"
        for path, index in sorted(config.payload_indexes.items())
        for name in asks
        if path != order.key and getattr(index, name)
    ]


_OURS = {"is_bare"}
"""Fields that are shown to nobody."""


def describe_indexes(config: CollectionConfig, shards: Iterable[DescribeReply]) -> dict[str, Any]:
    """Return each index by its path: type, parameters unless it was declared by its bare type, points it has."""
    described = list(shards)
    return {
        path: {**_shown(index), "points": sum(shard.indexed_points.get(path, 0) for shard in described)}
        for path, index in sorted(config.payload_indexes.items())
    }


def _shown(index: PayloadIndex) -> dict[str, Any]:
    shown: dict[str, Any] = {"data_type": index.type.value}
    if not index.is_bare:
        shown["params"] = index.model_dump(mode="json", exclude=_OURS)
    return shown
