"""The clauses of a filter over bit words: what is common to filters over rows and over the elements of nested arrays.

`must` narrows, cheapest conditions first where that can be told, and nothing more is asked once nothing is left.
"""

from collections.abc import Callable, Iterable

from shared.schema.filters import Condition, Filter
from shared.segment.bits import Words

Leaf = Callable[[Condition], Words]
"""The rows that satisfy a condition that is no filter, as many words as there are in question; read only."""

Cost = Callable[[Condition], int]
"""What it costs to ask a condition that is no filter, in any unit."""


def passing(wanted: Filter, words: Words, leaf: Leaf, cost: Cost) -> Words:
    """Return those rows of `words` that a filter keeps; a new array unless all stay."""
    for condition in _cheapest_first(wanted.must, cost):
        words = words & _satisfying(condition, words, leaf, cost)
        if not words.any():
            return words
    for condition in _cheapest_first(wanted.must_not, cost):
        words = words & ~_satisfying(condition, words, leaf, cost)
    if wanted.should:
        some = _satisfying(wanted.should[0], words, leaf, cost)
        for condition in wanted.should[1:]:
            some = some | _satisfying(condition, words, leaf, cost)
        words = words & some
    if wanted.min_count:
        words = _at_least(wanted.min_count, words, [_satisfying(one, words, leaf, cost) for one in wanted.min_should])
    return words


def keeps_all(wanted: Filter) -> bool:
    """True for the empty filter."""
    return not (wanted.must or wanted.should or wanted.must_not or wanted.min_count)


def conditions_of(wanted: Filter) -> Iterable[Condition]:
    """Return the conditions of all clauses of a filter."""
    return (*wanted.must, *wanted.should, *wanted.must_not, *wanted.min_should)


def _satisfying(condition: Condition, words: Words, leaf: Leaf, cost: Cost) -> Words:
    """Return the rows that satisfy a condition; what it says of rows outside `words` means nothing."""
    return passing(condition, words, leaf, cost) if isinstance(condition, Filter) else leaf(condition)


def _cheapest_first(conditions: list[Condition], cost: Cost) -> list[Condition]:
    return sorted(conditions, key=lambda one: _cost(one, cost)) if len(conditions) > 1 else conditions


def _cost(condition: Condition, cost: Cost) -> int:
    if isinstance(condition, Filter):
        return sum(_cost(inner, cost) for inner in conditions_of(condition))
    return cost(condition)


def _at_least(least: int, words: Words, satisfying: list[Words]) -> Words:
    """Return those rows of `words` that at least so many of the conditions satisfy."""
    if least > len(satisfying):
        return words ^ words
    reached: list[Words] = [words] + [words ^ words for _ in range(least)]
    for one in satisfying:
        for count in range(least, 0, -1):
            reached[count] = reached[count] | (reached[count - 1] & one)
    return reached[least]
