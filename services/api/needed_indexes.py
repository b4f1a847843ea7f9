"""The declared indexes that some reads need, as in the reference: a range index to order by, a match index to facet on.

Shoal could do without; the reference's answers depend on the index's type, so a read without one has no meaning.
"""

from shared.errors import BadInput
from shared.schema.collections import CollectionConfig
from shared.schema.payload_index import FieldType, PayloadIndex
from shared.segment.columns.paths import parse_path

_GUIDE = "Check https://qdrant.tech/documentation/concepts/indexing/#payload-index to see which payload schemas support"
_RANGE = (FieldType.INTEGER, FieldType.FLOAT, FieldType.DATETIME)
_MATCH = (FieldType.KEYWORD, FieldType.INTEGER, FieldType.BOOL, FieldType.UUID)


def range_type(config: CollectionConfig, key: str) -> FieldType:
    """Return the type of the index whose values have an order. Raises BadInput where there is none."""
    index = _index_at(config, key)
    if index is None or index.type not in _RANGE or index.range is False:
        raise BadInput(
            f"No range index for `order_by` key: `{key}`. Please create one to use `order_by`. "
            f"{_GUIDE} Range conditions"
        )
    return index.type


def match_type(config: CollectionConfig, key: str) -> FieldType:
    """Return the type of the index whose values can be counted. Raises BadInput where there is none."""
    index = _index_at(config, key)
    if index is None or index.type not in _MATCH or index.lookup is False:
        raise BadInput(
            f"No appropriate index for faceting: `{key}`. Please create one to facet on this field. "
            f"{_GUIDE} Match conditions"
        )
    return index.type


def _index_at(config: CollectionConfig, key: str) -> PayloadIndex | None:
    """Return the index at a path, however the path is quoted."""
    found = config.payload_indexes.get(key)
    if found is not None:
        return found
    path = parse_path(key)
    return next((index for declared, index in config.payload_indexes.items() if parse_path(declared) == path), None)
