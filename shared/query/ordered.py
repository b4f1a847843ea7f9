"""Points in the order of a payload value over the segments of a shard; equal values by id, in either direction.

A point comes once for each of its values. Each segment gives its first `limit` pairs of value and row; the last value
may be that of any number of rows, of which those with the lowest ids are taken without looking at the others' ids.
"""

import heapq
from collections.abc import Callable, Sequence
from typing import NamedTuple

import numpy as np

from shared.query.by_id import first_by_id
from shared.query.fetch import fetch_hits
from shared.query.filters import kept_words
from shared.query.view import Ranking, Segments, SegmentView, View
from shared.schema.points import PointId, id_order
from shared.schema.queries import Hit, OrderBy, Scroll
from shared.segment import bits
from shared.segment.bits import Rows

Value = int | float


class Entry(NamedTuple):
    """A value of a point, and where the point is."""

    value: Value
    id: PointId
    place: int
    row: int


def ordered_segments(segments: Segments, scroll: Scroll) -> list[Hit]:
    """Return the first `limit` points by value that the filter keeps, with their values. Raises BadFormat."""
    order = scroll.order_by
    assert order is not None, "without an order points are listed by id"
    view = View.of(segments)
    pages = [_page(one, place, scroll, order) for place, one in enumerate(view)]
    first = heapq.nsmallest(scroll.limit, (entry for page in pages for entry in page), key=_key_of(order))
    ranking = Ranking(
        [entry.id for entry in first],
        [0.0] * len(first),
        [entry.place for entry in first],
        [entry.row for entry in first],
    )
    hits = fetch_hits(view, ranking, scroll.with_payload, scroll.with_vector)
    return [
        Hit(hit.id, hit.version, hit.score, hit.payload, hit.vectors, entry.value)
        for hit, entry in zip(hits, first, strict=True)
    ]


def _key_of(order: OrderBy) -> Callable[[Entry], tuple[Value, tuple[bool, PointId]]]:
    sign = -1 if order.is_descending else 1
    return lambda entry: (sign * entry.value, id_order(entry.id))


def _page(view: SegmentView, place: int, scroll: Scroll, order: OrderBy) -> list[Entry]:
    """Return the first entries of one segment, not in order."""
    words, matching = kept_words(view, scroll.filter)
    if matching == 0:
        return []
    values, rows = view.segment.column(order.key).ordered(words, order, scroll.limit)
    rows = _cut(view, values, rows, scroll.limit)
    ids, shown = view.segment.ids(rows), values[: scroll.limit]
    if not (order.is_date or order.is_whole):
        shown = [float(value) for value in shown]
    return [Entry(*entry) for entry in zip(shown, ids, [place] * len(ids), rows.tolist(), strict=True)]


def _cut(view: SegmentView, values: Sequence[Value], rows: Rows, limit: int) -> Rows:
    """Return the rows of the first `limit` values: of those that share the last one the rows with the lowest ids."""
    if len(rows) <= limit:
        return rows
    last = values[limit - 1]
    ties = next(place for place in range(limit) if values[place] == last)
    tied = bits.from_rows(rows[ties:], view.size)
    return np.concatenate((rows[:ties], first_by_id(view, tied, len(rows) - ties, limit - ties)))
