"""The first rows of one segment in the order of their ids: for pages, and for ties of any other order.

Two ways, the one that reads less:
- rows are taken in id order in chunks that double, and those that pass are kept, until there are enough;
- where so few rows pass that most chunks would be read for nothing, the passing rows are sorted by their ids' ranks.
"""

import numpy as np

from shared.query.view import SegmentView
from shared.schema.points import PointId
from shared.segment import bits
from shared.segment.bits import Rows, Words
from shared.segment.id_map import IdMap

CHUNK_MIN = 256
"""Rows looked at in the first chunk, at least."""

SORT_COST = 8
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
    if matching * matching * SORT_COST < wanted * len(ordered):
        return _ranked(ids, bits.to_rows(words), len(ids.rows) - len(ordered), wanted)
    return _first_passing(ordered, words, wanted)


def _ranked(ids: IdMap, rows: Rows, first_rank: int, wanted: int) -> Rows:
    ranks = ids.ranks[rows]
    if first_rank:
        ranks = ranks[ranks >= first_rank]
    if len(ranks) > wanted:
        ranks = np.partition(ranks, wanted - 1)[:wanted]
    ranks.sort()
    found: Rows = ids.rows[ranks]
    return found


def _first_passing(ordered: Rows, words: Words, wanted: int) -> Rows:
    """Return the first `wanted` of the ordered rows that pass."""
    kept: list[Rows] = []
    start, size = 0, max(CHUNK_MIN, 2 * wanted)
    while wanted > 0 and start < len(ordered):
        chunk = ordered[start : start + size]
        passing = chunk[bits.test(words, chunk)][:wanted]
        kept.append(passing)
        wanted -= len(passing)
        start, size = start + size, 2 * size
    return np.concatenate(kept) if kept else np.empty(0, np.int64)
