"""Merging answers: of the shards of a collection, in the worker and in the api alike."""

from collections.abc import Sequence
from itertools import chain

from shared.schema.points import id_order
from shared.schema.queries import Hit


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
