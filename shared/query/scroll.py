"""Points page by page over the segments of a shard: in the order of their ids, or by a value of their payload.

Each segment gives its first `limit` rows in that order (by_id.py, ordered.py); they are merged, and only points of the
page are read. So a page costs the same wherever it begins.
"""

import heapq
from collections.abc import Iterable

from shared.query.by_id import first_by_id, first_of_few
from shared.query.fetch import fetch_hits
from shared.query.glimpse import first_glimpsed
from shared.query.masks import mask_of, name_of
from shared.query.view import Ranking, Segments, SegmentView, View
from shared.schema.points import PointId, id_order
from shared.schema.queries import Hit, Scroll


def scroll_segments(segments: Segments, scroll: Scroll) -> list[Hit]:
    """Return the first `limit` points that the filter keeps, by id from the offset on. Raises BadFormat."""
    view = View.of(segments)
    name = name_of(scroll.filter)
    ranking = _merged([_page(one, scroll, name) for one in view], scroll.limit)
    return fetch_hits(view, ranking, scroll.with_payload, scroll.with_vector)


_Page = tuple[list[PointId], list[int]]
"""Ids and rows of the first points of one segment, in id order."""

_Entry = tuple[PointId, int, int]
"""A point's id, its segment's place in the view, its row."""


def _merged(pages: list[_Page], limit: int) -> Ranking:
    """Return the first `limit` points of all segments, in id order."""
    if len(pages) == 1:
        [(ids, rows)] = pages
        return Ranking(ids, [0.0] * len(ids), [0] * len(ids), rows)
    entries: Iterable[_Entry] = (
        (point_id, place, row)
        for place, (ids, rows) in enumerate(pages)
        for point_id, row in zip(ids, rows, strict=True)
    )
    first = heapq.nsmallest(limit, entries, key=_by_id)
    return Ranking(
        ids=[point_id for point_id, _, _ in first],
        scores=[0.0] * len(first),
        places=[place for _, place, _ in first],
        rows=[row for _, _, row in first],
    )


def _by_id(entry: _Entry) -> tuple[bool, PointId]:
    return id_order(entry[0])


def _page(view: SegmentView, scroll: Scroll, name: bytes) -> _Page:
    is_new = view.segment.masks.get(name, view.words) is None
    glimpsed = first_glimpsed(view, scroll.filter, scroll.limit, scroll.offset) if is_new else None
    if glimpsed is not None:
        return view.segment.ids(glimpsed), glimpsed.tolist()
    mask = mask_of(view, scroll.filter, name)
    few = mask.rows if mask.matching < view.live else None
    if few is not None:
        rows = first_of_few(view, few, scroll.limit, scroll.offset)
    else:
        rows = first_by_id(view, mask.words, mask.matching, scroll.limit, scroll.offset)
    return view.segment.ids(rows), rows.tolist()
