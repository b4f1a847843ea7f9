"""Filters under strict mode: how many conditions, how large, and whether their keys need an index."""

from collections.abc import Iterator
from uuid import UUID

from services.api.strict.refusals import refuse
from shared.schema.collections import CollectionConfig
from shared.schema.filters import Condition, Filter, HasId, IsEmpty, MatchAny, MatchExcept, Range
from shared.schema.strict_mode import StrictModeConfig


def conditions_of(kept: Filter | None) -> list[Condition]:
    """Return the leaf conditions of a filter."""
    return [] if kept is None else list(_leaves(kept))


def check_filter(
    kept: Filter | None, config: CollectionConfig, limits: StrictModeConfig, *, is_update: bool = False
) -> None:
    """Refuse a filter of a read, or of a write, that breaks a limit."""
    if kept is None:
        return
    conditions = conditions_of(kept)
    most = limits.filter_max_conditions
    if most is not None and len(conditions) > most:
        refuse(
            f"Filter condition limit reached ({len(conditions)} > {most})",
            f"Reduce the amount of conditions of your filter to {most} or below.",
        )
    largest, allowed = max(map(_size, conditions), default=0), limits.condition_max_size
    if allowed is not None and largest > allowed:
        refuse(
            f"Condition size limit reached ({largest} > {allowed})",
            f"Reduce the size of your condition to {allowed} or below.",
        )
    unindexed = limits.unindexed_filtering_update if is_update else limits.unindexed_filtering_retrieve
    if unindexed is False:
        _require_indexes(conditions, config)


def indexed_keys(config: CollectionConfig) -> frozenset[str]:
    """Return the payload keys that carry a declared index. None can be declared yet."""
    return frozenset()


def _require_indexes(conditions: list[Condition], config: CollectionConfig) -> None:
    indexed = indexed_keys(config)
    for condition in conditions:
        if isinstance(condition, MatchAny | MatchExcept | Range | IsEmpty) and condition.key not in indexed:
            refuse(
                f'Index required but not found for "{condition.key}" of one of the following types: '
                f"[{', '.join(_kinds(condition))}]",
                "Create an index for this key or use a different filter.",
            )


def _leaves(kept: Filter) -> Iterator[Condition]:
    for condition in (*kept.must, *kept.should, *kept.must_not):
        if isinstance(condition, Filter):
            yield from _leaves(condition)
        else:
            yield condition


def _size(condition: Condition) -> int:
    """Return how many values a condition carries."""
    match condition:
        case MatchAny(values=values) | MatchExcept(values=values):
            return len(values)
        case HasId(ids=ids):
            return len(ids)
    return 1


def _kinds(condition: MatchAny | MatchExcept | Range | IsEmpty) -> list[str]:
    """Return the kinds of index that would serve a condition."""
    if isinstance(condition, Range):
        return ["float", "integer"]
    if isinstance(condition, IsEmpty):
        return ["keyword", "integer", "float", "bool", "geo", "datetime", "uuid", "text"]
    values = condition.values
    if values and all(isinstance(value, bool) for value in values):
        return ["bool"]
    if values and all(isinstance(value, int) for value in values):
        return ["integer"]
    return ["keyword", "uuid"] if values and all(map(_is_uuid, values)) else ["keyword"]


def _is_uuid(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return True
