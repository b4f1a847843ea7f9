"""Merging answers: of the shards of a collection, in the worker and in the api alike."""

import heapq
from collections.abc import Iterable, Sequence
from itertools import chain

import numpy as np

from shared.schema.filters import Scalar
from shared.schema.points import id_order
from shared.schema.queries import Hit

Counted = tuple[Scalar, int]
"""A value and how many points have it."""


def merge_hits(lists: Sequence[list[Hit]], limit: int) -> list[Hit]:
    """Return the best `limit` hits of several lists: higher score first, equal scores by lower id."""
    if len(lists) == 1:
        return lists[0][:limit]
    return sorted(chain.from_iterable(lists), key=lambda hit: (-hit.score, id_order(hit.id)))[:limit]


def merge_points(lists: Sequence[list[Hit]], limit: int) -> list[Hit]:
    """Return the first `limit` points of several lists by id."""
    if len(lists) == 1:
        return lists[0][:limit]
    return sorted(chain.from_iterable(lists), key=lambda hit: id_order(hit.id))[:limit]


def merge_ordered(lists: Sequence[list[Hit]], limit: int, *, is_descending: bool) -> list[Hit]:
    """Return the first `limit` points of several lists by the value that they were ordered by; equal values by id."""
    if len(lists) == 1:
        return lists[0][:limit]
    sign = -1 if is_descending else 1
    return sorted(chain.from_iterable(lists), key=lambda hit: (sign * (hit.order_value or 0), id_order(hit.id)))[:limit]


def added(parts: Iterable[Iterable[Counted]]) -> dict[Scalar, int]:
    """Return the sums of counts by value. Values must be of one type: `True` and 1 are the same key."""
    totals: dict[Scalar, int] = {}
    for part in parts:
        for value, count in part:
            totals[value] = totals.get(value, 0) + count
    return totals


def most_frequent(counted: Iterable[Counted], limit: int) -> list[Counted]:
    """Return the `limit` values with the highest counts above 0; equal counts by value."""
    every = list(counted)
    counts = np.fromiter((count for _, count in every), np.int64, len(every))
    floor = int(np.partition(counts, -limit)[-limit]) if len(every) > limit else 1
    kept = [each for each in every if each[1] >= max(floor, 1)]
    return heapq.nsmallest(limit, kept, key=lambda each: (-each[1], each[0]))
