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
    pages = [_page(one, scroll, name) for one in view]
    entries: Iterable[_Entry] = (
        (point_id, place, row)
        for place, (ids, rows) in enumerate(pages)
        for point_id, row in zip(ids, rows, strict=True)
    )
    merged = entries if len(pages) == 1 else heapq.nsmallest(scroll.limit, entries, key=_by_id)
    ids, places, rows = [], [], []
    for point_id, place, row in merged:
        ids.append(point_id)
        places.append(place)
        rows.append(row)
    return fetch_hits(view, Ranking(ids, [0.0] * len(ids), places, rows), scroll.with_payload, scroll.with_vector)


_Entry = tuple[PointId, int, int]
"""A point's id, its segment's place in the view, its row."""


def _by_id(entry: _Entry) -> tuple[bool, PointId]:
    return id_order(entry[0])


def _page(view: SegmentView, scroll: Scroll, name: bytes) -> tuple[list[PointId], list[int]]:
    """Return ids and rows of the first points of one segment, in id order."""
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
