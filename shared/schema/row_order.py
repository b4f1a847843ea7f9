"""By which payload field the rows of a built segment lie, and whether blocks of equal values get graphs of their own.

A segment has one order, so one field decides:

1. tenant       the first field (by path) declared with `is_tenant`: rows of one value lie together
2. group        where some slot names a `payload_m` above 0: the first field indexed as keyword, uuid, or integer with
                lookup, whose `enable_hnsw` is not off. This is what collections of before `is_tenant` ask for
3. principal    the first field declared with `is_principal`: rows lie by ascending value
4. none         rows lie as their graph likes it

Under 1 and 2 a slot's blocks that hold more than its `full_scan_threshold` get graphs of `payload_m` links (unset:
`m`), unless the field's `enable_hnsw` is off. A `payload_m` says nothing of other fields: masked walks serve these.
"""

from typing import NamedTuple

from shared.schema.collections import CollectionConfig, HnswConfig
from shared.schema.payload_index import FieldType, PayloadIndex

_GROUPED = (FieldType.KEYWORD, FieldType.UUID)
_ORDERED = (FieldType.INTEGER, FieldType.FLOAT, FieldType.DATETIME)


class RowOrder(NamedTuple):
    """The field that orders rows. `is_grouped`: by equal values, else by ascending ones; `has_graphs`: blocks may."""

    key: str
    type: FieldType
    is_grouped: bool
    has_graphs: bool = False

    @property
    def text(self) -> str:
        """What segments note of it: they are out of date where it differs."""
        return f"{'groups' if self.is_grouped else 'values'} of {self.type} {self.key}"


def row_order_of(config: CollectionConfig) -> RowOrder | None:
    """Return the order that a config asks for."""
    indexes = sorted(config.payload_indexes.items())
    grouped = [(key, index) for key, index in indexes if index.type in _GROUPED and index.is_tenant]
    if not grouped and any(config.hnsw_of(slot).payload_m for slot in config.vectors):
        grouped = [(key, index) for key, index in indexes if _groups(index)]
    if grouped:
        key, index = grouped[0]
        return RowOrder(key, index.type, True, index.enable_hnsw is not False)
    ordered = ((key, index) for key, index in indexes if index.type in _ORDERED and index.is_principal)
    return next((RowOrder(key, index.type, False) for key, index in ordered), None)


def group_m(hnsw: HnswConfig, order: RowOrder | None) -> int:
    """Return how many links the graphs of a slot's blocks have; 0: there are none."""
    if order is None or not order.has_graphs:
        return 0
    return hnsw.m if hnsw.payload_m is None else hnsw.payload_m


def _groups(index: PayloadIndex) -> bool:
    is_looked_up = index.type is FieldType.INTEGER and index.lookup is not False
    return (index.type in _GROUPED or is_looked_up) and index.enable_hnsw is not False
