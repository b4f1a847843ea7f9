"""What one payload gives to an order and to a facet, in plain Python: the definition for tests."""

from typing import Any
from uuid import UUID

from shared.schema.dates import micros_of
from shared.schema.payload_index import FieldType
from shared.schema.queries import OrderBy
from shared.segment.columns.paths import flat_values, parse_path, select

INT_MIN, INT_MAX = -(2**63), 2**63 - 1


def values_at(payload: dict[str, Any], key: str) -> list[Any]:
    """Return the values that a path selects, those of arrays one by one."""
    return [value for part in select(payload, parse_path(key)) for value in flat_values(part)]


def ordered_values(payload: dict[str, Any], order: OrderBy) -> set[int | float]:
    """Return the values by which a point is ordered, those from `start_from` on."""
    found = {_comparable(value, order) for value in values_at(payload, order.key)} - {None}
    start = order.start_from
    if start is None:
        return found
    return {value for value in found if (value <= start if order.is_descending else value >= start)}


def _comparable(value: Any, order: OrderBy) -> int | float | None:
    if order.is_date:
        return micros_of(value) if isinstance(value, str) else None
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    if not order.is_whole:
        return float(value)
    return _whole(value)


def facet_values(payload: dict[str, Any], key: str, index_type: FieldType) -> set[Any]:
    """Return the distinct values of a point that a facet counts."""
    kinds: dict[FieldType, type] = {FieldType.KEYWORD: str, FieldType.BOOL: bool}
    values = values_at(payload, key)
    if index_type is FieldType.UUID:
        return {uuid for uuid in map(_uuid, values) if uuid is not None}
    if index_type is FieldType.INTEGER:
        return {whole for whole in map(_whole, values) if whole is not None}
    return {value for value in values if type(value) is kinds[index_type]}


def _whole(value: Any) -> int | None:
    """Return a number without a fraction within int64, as an integer index holds it."""
    if isinstance(value, bool) or not isinstance(value, int | float) or value != int(value):
        return None
    return int(value) if INT_MIN <= value <= INT_MAX else None


def _uuid(value: Any) -> str | None:
    try:
        return str(UUID(value)) if isinstance(value, str) else None
    except ValueError:
        return None
