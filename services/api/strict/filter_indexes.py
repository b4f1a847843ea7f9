"""Which declared indexes the conditions of a filter need where strict mode forbids filters without them."""

from collections.abc import Iterator
from uuid import UUID

from services.api.strict.refusals import refuse
from shared.schema.collections import CollectionConfig
from shared.schema.filters import (
    DatetimeRange,
    FieldCondition,
    Filter,
    GeoBox,
    GeoPolygon,
    GeoRadius,
    HasId,
    HasVector,
    MatchAny,
    MatchExcept,
    MatchPhrase,
    MatchPrefix,
    MatchText,
    MatchTextAny,
    Nested,
    Range,
    Scalar,
    Slice,
)
from shared.schema.payload_index import FieldType, PayloadIndex
from shared.segment.columns.paths import EVERY, Path, parse_path

_ANY = (
    FieldType.KEYWORD,
    FieldType.INTEGER,
    FieldType.FLOAT,
    FieldType.BOOL,
    FieldType.GEO,
    FieldType.DATETIME,
    FieldType.UUID,
    FieldType.TEXT,
)


def require_indexes(kept: Filter, config: CollectionConfig) -> None:
    """Refuse the first condition on a path without an index that serves it. Ids, vectors and slices need none."""
    declared = {parse_path(key): index for key, index in config.payload_indexes.items()}
    for prefix, condition in _field_conditions(kept, ()):
        index = declared.get(prefix + parse_path(condition.key))
        needed = _types(condition)
        if index is None or index.type not in needed or not _serves(index, condition):
            refuse(
                f'Index required but not found for "{_shown(prefix)}{condition.key}" of one of the following types: '
                f"[{', '.join(needed)}]",
                "Create an index for this key or use a different filter.",
            )


def _field_conditions(kept: Filter, prefix: Path) -> Iterator[tuple[Path, FieldCondition]]:
    """Yield the conditions on payload, and the path of the elements that each is about; none for the payload itself."""
    for condition in (*kept.must, *kept.should, *kept.must_not, *kept.min_should):
        if isinstance(condition, Filter):
            yield from _field_conditions(condition, prefix)
        elif isinstance(condition, Nested):
            path = prefix + parse_path(condition.key)
            yield from _field_conditions(condition.filter, path if path[-1] is EVERY else (*path, EVERY))
        elif not isinstance(condition, HasId | HasVector | Slice):
            yield prefix, condition


def _shown(prefix: Path) -> str:
    """Return the path of elements as the start of a longer one."""
    parts = ["[]" if step is EVERY else f"[{step}]" if isinstance(step, int) else f".{step}" for step in prefix]
    return "".join([*parts, "."]).removeprefix(".")


def _types(condition: FieldCondition) -> tuple[FieldType, ...]:
    """Return the types of index of which any serves a condition; any type tells whether there are values."""
    match condition:
        case MatchAny(values=values) | MatchExcept(values=values):
            return _types_of_values(values)
        case MatchText() | MatchTextAny() | MatchPhrase():
            return (FieldType.TEXT,)
        case MatchPrefix():
            return (FieldType.KEYWORD,)
        case Range():
            return FieldType.FLOAT, FieldType.INTEGER
        case DatetimeRange():
            return (FieldType.DATETIME,)
        case GeoBox() | GeoRadius() | GeoPolygon():
            return (FieldType.GEO,)
        case _:
            return _ANY


def _types_of_values(values: list[Scalar]) -> tuple[FieldType, ...]:
    if values and all(isinstance(value, bool) for value in values):
        return (FieldType.BOOL,)
    if values and all(isinstance(value, int) for value in values):
        return (FieldType.INTEGER,)
    if values and all(map(_is_uuid, values)):
        return FieldType.KEYWORD, FieldType.UUID
    return (FieldType.KEYWORD,)


def _serves(index: PayloadIndex, condition: FieldCondition) -> bool:
    """Return whether an integer index has the part that a condition needs."""
    if isinstance(condition, MatchAny | MatchExcept):
        return index.lookup is not False
    return not isinstance(condition, Range) or index.range is not False


def _is_uuid(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True
