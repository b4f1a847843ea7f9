"""Filters under strict mode: how many conditions, how large, and whether their keys need an index."""

from collections.abc import Iterator

from services.api.strict.filter_indexes import require_indexes
from services.api.strict.refusals import refuse
from shared.schema.collections import CollectionConfig
from shared.schema.filters import (
    Condition,
    Filter,
    GeoPolygon,
    HasId,
    MatchAny,
    MatchExcept,
    Nested,
)
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
        require_indexes(kept, config)


def _leaves(kept: Filter) -> Iterator[Condition]:
    for condition in (*kept.must, *kept.should, *kept.must_not, *kept.min_should):
        if isinstance(condition, Filter):
            yield from _leaves(condition)
        elif isinstance(condition, Nested):
            yield from _leaves(condition.filter)
        else:
            yield condition


def _size(condition: Condition) -> int:
    """Return how many values a condition carries."""
    match condition:
        case MatchAny(values=values) | MatchExcept(values=values):
            return len(values)
        case HasId(ids=ids):
            return len(ids)
        case GeoPolygon(exterior=exterior, interiors=interiors):
            return len(exterior) + sum(map(len, interiors))
    return 1
