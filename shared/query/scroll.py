"""Points in the order of their ids, page by page, over the segments of a shard.

Each segment gives its first `limit` rows in id order; the pages are merged by id. How a segment finds them:
- rows are taken in id order in chunks that double, and those that pass are kept, until the page is full;
- when so few rows pass that most chunks would be read for nothing, the ids of the passing rows are sorted instead.
"""

import heapq

import numpy as np

from shared.query.fetch import fetch_hits
from shared.query.filters import kept_words
from shared.query.view import Ranking, Segments, SegmentView, View
from shared.schema.points import PointId, id_order
from shared.schema.queries import Hit, Scroll
from shared.segment import bits
from shared.segment.bits import Rows, Words

CHUNK_MIN = 256
"""Rows looked at in the first chunk, at least."""

SPARSE = 256
"""Sorting ids costs about so many times more a row than reading a row in id order."""


def scroll_segments(segments: Segments, scroll: Scroll) -> list[Hit]:
    """Return the first `limit` points by id from the offset on that the filter keeps. Raises BadFormat."""
    view = View.of(segments)
    pages = [_page(one, place, scroll) for place, one in enumerate(view)]
    if len(pages) == 1:
        merged = pages[0]
    else:
        merged = heapq.nsmallest(scroll.limit, (entry for page in pages for entry in page), key=_by_id)
    ids, places, rows = ([entry[field] for entry in merged] for field in range(3))
    ranking = Ranking(ids, [0.0] * len(ids), places, rows)  # type: ignore[arg-type]
    return fetch_hits(view, ranking, scroll.with_payload, scroll.with_vector)


_Entry = tuple[PointId, int, int]


def _by_id(entry: _Entry) -> tuple[bool, PointId]:
    return id_order(entry[0])


def _page(view: SegmentView, place: int, scroll: Scroll) -> list[_Entry]:
    """Return (id, segment's place, row) of the first rows of one segment, in id order."""
    words, matching = kept_words(view, scroll.filter)
    if matching == 0:
        return []
    ordered = view.segment.rows_from(scroll.offset)
    if matching * SPARSE < len(ordered):
        return _sparse_page(view, place, scroll, words)
    rows = _first_passing(ordered, words, min(scroll.limit, matching), view.size)
    return [(point_id, place, row) for point_id, row in zip(view.segment.ids(rows), rows.tolist(), strict=True)]


def _sparse_page(view: SegmentView, place: int, scroll: Scroll, words: Words) -> list[_Entry]:
    rows = bits.to_rows(words)
    entries = [(point_id, place, row) for point_id, row in zip(view.segment.ids(rows), rows.tolist(), strict=True)]
    if scroll.offset is not None:
        start = id_order(scroll.offset)
        entries = [entry for entry in entries if _by_id(entry) >= start]
    return heapq.nsmallest(scroll.limit, entries, key=_by_id)


def _first_passing(ordered: Rows, words: Words, wanted: int, count: int) -> Rows:
    """Return the first `wanted` of the ordered rows that pass."""
    kept: list[Rows] = []
    start, size = 0, max(CHUNK_MIN, 2 * wanted)
    while wanted > 0 and start < len(ordered):
        chunk = ordered[start : start + size]
        chunk = chunk[chunk < count]
        passing = chunk[bits.test(words, chunk)][:wanted]
        kept.append(passing)
        wanted -= len(passing)
        start, size = start + size, 2 * size
    return np.concatenate(kept) if kept else np.empty(0, np.int64)
