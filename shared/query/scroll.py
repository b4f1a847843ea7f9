"""Points page by page over the segments of a shard: in the order of their ids, or by a value of their payload.

Each segment gives its first `limit` rows in that order (by_id.py, ordered.py); they are merged, and only points of the
page are read. So a page costs the same wherever it begins.
"""

import heapq

from shared.query.by_id import first_by_id
from shared.query.fetch import fetch_hits
from shared.query.filters import kept_words
from shared.query.view import Ranking, Segments, SegmentView, View
from shared.schema.points import PointId, id_order
from shared.schema.queries import Hit, Scroll


def scroll_segments(segments: Segments, scroll: Scroll) -> list[Hit]:
    """Return the first `limit` points that the filter keeps, by id from the offset on. Raises BadFormat."""
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
    rows = first_by_id(view, words, matching, scroll.limit, scroll.offset)
    return [(point_id, place, row) for point_id, row in zip(view.segment.ids(rows), rows.tolist(), strict=True)]
