"""Scroll, count and retrieve over segments; merging of shards' answers."""

import itertools

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.query.count import count_segments
from shared.query.merge import merge_hits, merge_points
from shared.query.retrieve import retrieve_points
from shared.query.scroll import scroll_segments
from shared.schema.points import id_order
from shared.schema.queries import Hit, PayloadSelector, Retrieve, VectorSelector
from tests import builders
from tests.unit.query.plain_segment import PlainSegment

ids = st.integers(0, 40) | st.builds(builders.uuid_id, st.integers(0, 40))


def hit(point_id, score=0.0):
    return Hit(point_id, 1, score)


@settings(max_examples=100, deadline=None)
@given(st.sets(ids), st.integers(1, 4), st.integers(1, 9), st.booleans(), st.integers(1, 5))
def test_pages_put_together_are_all_points_in_id_order(every, segment_count, limit, filtered, share):
    points = [builders.point(one, payload={"k": place % share}) for place, one in enumerate(every)]
    segments = [PlainSegment(points[start::segment_count]) for start in range(segment_count)]
    wanted = builders.filter(must=[builders.match("k", 0)]) if filtered else None

    pages, offset = [], None
    while page := scroll_segments(segments, builders.scroll(limit + 1, offset, wanted)):
        pages.append(page[:limit])
        if len(page) <= limit:
            break
        offset = page[limit].id

    kept = [point.id for point in points if not filtered or point.payload["k"] == 0]
    assert [one.id for one in itertools.chain(*pages)] == sorted(kept, key=id_order)


def test_scroll_of_few_among_many_rows_starts_at_its_offset():
    points = [builders.point(place, payload={"k": place % 1000}) for place in range(3000)]
    segment = PlainSegment(points)

    page = scroll_segments([segment], builders.scroll(2, 8, builders.filter(must=[builders.match("k", 7)])))

    assert [one.id for one in page] == [1007, 2007]


def test_scroll_passes_over_a_long_run_of_tombstones():
    segment = PlainSegment(builders.points(2000, first=0))
    segment.tombstone(list(range(5, 1990)))

    page = scroll_segments([segment], builders.scroll(8))

    assert [one.id for one in page] == [0, 1, 2, 3, 4, 1990, 1991, 1992]


def test_count_is_that_of_live_points_which_the_filter_keeps():
    segments = [PlainSegment(builders.points(5)), PlainSegment(builders.points(5, first=6, payload={"a": 1}))]
    segments[1].tombstone([0])

    counts = [
        count_segments(segments, builders.count(wanted)) for wanted in (None, builders.filter([builders.match("a", 1)]))
    ]

    assert counts == [9, 4]


def test_retrieve_gives_points_in_the_order_asked_without_missing_ones():
    segments = [PlainSegment(builders.points(3)), PlainSegment([builders.point(builders.uuid_id(5))])]
    segments[0].tombstone([1])

    hits = retrieve_points(segments, builders.retrieve(builders.uuid_id(5), 2, 3, 77, 1))

    assert [one.id for one in hits] == [builders.uuid_id(5), 3, 1]


def test_retrieve_gives_the_named_slots_that_a_point_carries():
    segment = PlainSegment([builders.point(1, {"x": [1.0] * 4, "y": [2.0] * 4}), builders.point(2, {"x": [3.0] * 4})])

    hits = retrieve_points([segment], Retrieve([1, 2], PayloadSelector(), VectorSelector(True, ["y"])))

    assert [sorted(one.vectors) for one in hits] == [["y"], []]
    assert [one.payload for one in hits] == [None, None]


@pytest.mark.parametrize(
    ("selector", "payload"),
    [
        (PayloadSelector(True), b'{"a": 1.50, "b": {"c": [1e5], "d": "\xc3\xa9"}}'),
        (PayloadSelector(True, include=["b.c"]), b'{"b":{"c":[1e5]}}'),
        (PayloadSelector(True, exclude=["b.c"]), b'{"a":1.50,"b":{"d":"\xc3\xa9"}}'),
        (PayloadSelector(True, include=[]), b"{}"),
        (PayloadSelector(True, include=["b"], exclude=["b.d"]), b'{"b":{"c":[1e5]}}'),
    ],
)
def test_selected_payload_keeps_the_text_of_its_values(selector, payload):
    segment = PlainSegment([builders.point(1)])
    segment.set_payload([0], [b'{"a": 1.50, "b": {"c": [1e5], "d": "\xc3\xa9"}}'], 5)

    [one] = retrieve_points([segment], Retrieve([1], selector, VectorSelector()))

    assert one.payload == payload


def test_merged_hits_are_best_first_and_equal_ones_by_id():
    lists = [[hit(5, 0.9), hit(builders.uuid_id(1), 0.5)], [hit(4, 0.9), hit(7, 0.5)], []]

    merged = merge_hits(lists, 3)

    assert [one.id for one in merged] == [4, 5, 7]


def test_merged_points_are_in_id_order():
    merged = merge_points([[hit(1), hit(builders.uuid_id(0))], [hit(2), hit(3)]], 10)

    assert [one.id for one in merged] == [1, 2, 3, builders.uuid_id(0)]
