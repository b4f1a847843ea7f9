"""The first rows of one segment in the order of their ids: for pages, and for ties of any other order.

1. Rows are taken in id order in chunks that double, and those that pass are kept, until there are enough.
2. Where that has looked at so many rows that sorting the passing ones would have cost less (they are few, or lie
   together far away), those that are still to come are sorted by the ranks of their ids, and the first are taken.
"""

import numpy as np

from shared.query.view import SegmentView
from shared.schema.points import PointId
from shared.segment import bits
from shared.segment.bits import Rows, Words
from shared.segment.id_map import IdMap

CHUNK_MIN = 32
"""Rows looked at in the first chunk, at least."""

SORT_COST = 4
"""Ranking a row costs about so many times more than looking at one in id order."""


def first_by_id(view: SegmentView, words: Words, matching: int, limit: int, offset: PointId | None = None) -> Rows:
    """Return the first `limit` of the `matching` rows in `words` by id, from the offset (inclusive) on.

    Of an id that was written twice the rows before the last do not count: they must not be in `words`.
    """
    wanted = min(limit, matching)
    if wanted <= 0:
        return np.empty(0, np.int64)
    ids = view.segment.sorted_ids(view.size)
    ordered = ids.rows_from(offset)
    chunk = max(CHUNK_MIN, 2 * wanted * len(ids.rows) // matching)
    rows, looked_at = _first_passing(ordered, words, wanted, _look_at_most(matching, wanted, len(ordered)), chunk)
    if len(rows) == wanted or looked_at >= len(ordered):
        return rows
    first_rank = len(ids.rows) - len(ordered) + looked_at
    return np.concatenate((rows, _ranked(ids, bits.to_rows(words), first_rank, wanted - len(rows))))


def first_of_few(view: SegmentView, rows: Rows, limit: int, offset: PointId | None = None) -> Rows:
    """Return the first `limit` of a few rows, each the last of its id, by id, from the offset (inclusive) on."""
    ids = view.segment.sorted_ids(view.size)
    first_rank = 0 if offset is None else len(ids.rows) - len(ids.rows_from(offset))
    return _ranked(ids, rows, first_rank, limit)


def _look_at_most(matching: int, wanted: int, rows: int) -> int:
    """Return how many rows to look at before the passing ones are sorted; none where that would not do if spread."""
    most = SORT_COST * matching
    return most if most * matching >= wanted * rows else 0


def _first_passing(ordered: Rows, words: Words, wanted: int, most: int, size: int) -> tuple[Rows, int]:
    """Return the first of the ordered rows that pass, up to `wanted`, and how many rows were looked at.

    `size` is how many to look at first.
    """
    kept: list[Rows] = []
    start = 0
    while wanted > 0 and start < min(len(ordered), most):
        chunk = ordered[start : start + size]
        passing = chunk[bits.test(words, chunk)][:wanted]
        if len(passing) == wanted and not kept:
            return passing, start + size
        kept.append(passing)
        wanted -= len(passing)
        start, size = start + size, 2 * size
    return np.concatenate(kept) if kept else np.empty(0, np.int64), start


def _ranked(ids: IdMap, rows: Rows, first_rank: int, wanted: int) -> Rows:
    """Return the first `wanted` of rows by the ranks of their ids, from a rank on."""
    ranks = ids.ranks[rows]
    if first_rank:
        ranks = ranks[ranks >= first_rank]
    if len(ranks) > wanted:
        ranks = np.partition(ranks, wanted - 1)[:wanted]
    ranks.sort()
    found: Rows = ids.rows[ranks]
    return found
