"""Points in the order of a value, values counted, and points counted: against their definitions in plain Python."""

import itertools
from collections import Counter

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.query.count import count_segments
from shared.query.facet import facet_segments
from shared.query.merge import merge_ordered, most_frequent
from shared.query.ordered import ordered_segments
from shared.schema.payload_index import FieldType
from shared.schema.points import id_order
from shared.schema.queries import Facet, Hit, OrderBy, PayloadSelector, Scroll, VectorSelector
from tests import builders
from tests.unit.query.payload_strategies import fields
from tests.unit.query.plain_reads import facet_values, ordered_values
from tests.unit.query.plain_segment import PlainSegment
from tests.unit.query.test_filters import kept_ids

DATES = ["2024-02-29", "2024-02-29T00:00:00Z", "2024-02-29T03:00:00+03:00", "1969-12-31T23:59:59.5Z", "no date", ""]
ONE_UUID = ["00000000-0000-0000-0000-0000000000aa", "000000000000000000000000000000AA"]
UUIDS = [*ONE_UUID, ONE_UUID[0].upper(), "00000000-0000-0000-0000-0000000000bb"]
numbers = st.sampled_from([0, 1, 2, -5, 2**53 + 1, 2**63 - 1, -(2**63), 2**70, 0.0, 1.0, 1.5, -5.25, 1e300])
plain_values = numbers | st.sampled_from(DATES) | st.sampled_from(UUIDS) | st.booleans() | st.none()
contents = st.one_of(plain_values, st.lists(plain_values, max_size=4), st.just([[1]]), st.just({"a": 1}))
payloads = st.dictionaries(st.sampled_from(["a", "b"]), contents, max_size=2)
ids = st.integers(0, 30) | st.builds(builders.uuid_id, st.integers(0, 30))
orders = st.builds(
    OrderBy,
    st.just("a"),
    st.booleans(),
    st.booleans(),
    st.none() | numbers.filter(lambda one: abs(one) < 2**63),
    st.booleans(),
)
kept = st.none() | st.just(builders.filter(must_not=[builders.is_empty("b")]))


def segments_of(points, count, *, final):
    """Spread points over segments, some of which had other payloads before."""
    segments = []
    for start in range(count):
        mine = points[start::count]
        before = [point._replace(payload={"a": 1}) if place % 3 == 0 else point for place, point in enumerate(mine)]
        segment = PlainSegment(before, final=final)
        segment.column("a").matches(builders.match("a", 1))
        for place, point in enumerate(mine):
            if place % 3 == 0:
                segment.set_payload([place], [builders.payload_text(point.payload)], 7)
        if len(mine) > 4:
            segment.tombstone([4])
        segments.append(segment)
    return segments


def live(segments, points, count):
    dead = {points[start::count][4].id for start in range(count) if len(points[start::count]) > 4}
    return [point for point in points if point.id not in dead]


def keeps(wanted, payload):
    return wanted is None or payload.get("b") not in (None, [])


def points_of(given_ids, given_payloads):
    return [builders.point(one, payload=payload) for one, payload in zip(given_ids, given_payloads, strict=False)]


@settings(max_examples=60, deadline=None)
@given(
    st.lists(ids, unique=True, max_size=20),
    st.lists(payloads, min_size=20, max_size=20),
    st.integers(1, 3),
    orders,
    st.integers(1, 12),
    kept,
    st.booleans(),
)
def test_points_come_by_value_once_for_each(given_ids, given_payloads, count, order, limit, wanted, final):
    points = points_of(given_ids, given_payloads)
    segments = segments_of(points, count, final=final)

    found = ordered_segments(segments, Scroll(None, limit, wanted, PayloadSelector(), VectorSelector(), order_by=order))

    sign = -1 if order.is_descending else 1
    pairs = [
        (value, point.id)
        for point in live(segments, points, count)
        if keeps(wanted, point.payload)
        for value in ordered_values(point.payload, order)
    ]
    pairs.sort(key=lambda pair: (sign * pair[0], id_order(pair[1])))
    assert [(hit.order_value, hit.id) for hit in found] == pairs[:limit]
    assert {type(hit.order_value) for hit in found} <= {int if order.is_date or order.is_whole else float}


@settings(max_examples=60, deadline=None)
@given(
    st.lists(ids, unique=True, max_size=20),
    st.lists(payloads, min_size=20, max_size=20),
    st.integers(1, 3),
    st.sampled_from([FieldType.KEYWORD, FieldType.INTEGER, FieldType.BOOL, FieldType.UUID]),
    st.integers(1, 6),
    kept,
    st.booleans(),
)
def test_values_are_counted_by_points(given_ids, given_payloads, count, kind, limit, wanted, final):
    points = points_of(given_ids, given_payloads)
    segments = segments_of(points, count, final=final)

    found = facet_segments(segments, Facet("a", limit, wanted, index_type=kind))

    totals = Counter()
    for point in live(segments, points, count):
        if keeps(wanted, point.payload):
            totals.update(facet_values(point.payload, "a", kind))
    assert found == sorted(totals.items(), key=lambda pair: (-pair[1], pair[0]))[:limit]
    assert len({type(value) for value, _ in found}) <= 1


def test_a_facet_gives_all_values_that_reach_a_count_or_those_named():
    points = [builders.point(place, payload={"k": ["a", "b", "c"][: 1 + place % 3]}) for place in range(9)]
    segments = [PlainSegment(points[:5]), PlainSegment(points[5:])]

    reaching = facet_segments(segments, Facet("k", 1, None, at_least=6))
    named = facet_segments(segments, Facet("k", 1, None, among=["c", "nowhere", "a"]))

    assert reaching == [("a", 9), ("b", 6)]
    assert named == [("a", 9), ("c", 3)]


@pytest.mark.parametrize("final", [False, True])
def test_a_point_that_has_a_number_as_integer_and_as_float_counts_once_and_comes_once(final):
    contents = [[2, 2.0, 1.5], 2.0, 2, [2.0, 3], [3.0, 3, 3], [[2]], 2.5]
    segment = PlainSegment(
        [builders.point(place, payload={"n": content}) for place, content in enumerate(contents)], final=final
    )
    order = OrderBy("n", is_whole=True)

    counted = facet_segments([segment], Facet("n", 9, None, index_type=FieldType.INTEGER))
    hits = ordered_segments([segment], Scroll(None, 9, None, PayloadSelector(), VectorSelector(), order_by=order))

    assert counted == [(2, 4), (3, 2)]
    assert [(hit.order_value, hit.id) for hit in hits] == [(2, 0), (2, 1), (2, 2), (2, 3), (3, 3), (3, 4)]


@pytest.mark.parametrize("is_descending", [False, True])
def test_of_many_points_with_one_value_those_with_the_lowest_ids_come_first(is_descending):
    points = [builders.point(place * 7919 % 5003, payload={"n": 5 if place % 100 else 4}) for place in range(5000)]
    segment = PlainSegment(points, final=True)
    order = OrderBy("n", is_descending=is_descending, start_from=5, is_whole=True)

    found = ordered_segments([segment], Scroll(None, 20, None, PayloadSelector(), VectorSelector(), order_by=order))

    tied = sorted(point.id for point in points if point.payload["n"] == 5)
    assert [hit.id for hit in found] == tied[:20]


@settings(max_examples=60, deadline=None)
@given(st.lists(payloads, min_size=1, max_size=12), fields, st.booleans(), st.booleans())
def test_a_lone_condition_is_counted_as_it_filters(given_payloads, condition, final, is_edited):
    segment = PlainSegment(
        [builders.point(place, payload=payload) for place, payload in enumerate(given_payloads)], final=final
    )
    if is_edited:
        segment.column(condition.key).matches(condition)
        segment.set_payload([0], [b'{"a": 1, "b": [2, "red"]}'], 9)
    wanted = builders.filter(must=[condition])

    counted = count_segments([segment], builders.count(wanted))

    assert counted == len(kept_ids(segment, wanted))


def test_ordered_points_of_shards_merge_by_value_then_id():
    lists = [
        [Hit(5, 1, 0.0, order_value=9), Hit(builders.uuid_id(1), 1, 0.0, order_value=2)],
        [Hit(4, 1, 0.0, order_value=9), Hit(7, 1, 0.0, order_value=-1.5)],
    ]

    falling = merge_ordered(lists, 3, is_descending=True)
    rising = merge_ordered([list(reversed(one)) for one in lists], 3, is_descending=False)

    assert [one.id for one in falling] == [4, 5, builders.uuid_id(1)]
    assert [one.id for one in rising] == [7, builders.uuid_id(1), 4]


def test_equal_counts_are_ordered_by_value_and_none_is_no_hit():
    assert most_frequent(itertools.chain([("b", 2), ("a", 2), ("c", 3), ("d", 0)]), 9) == [("c", 3), ("a", 2), ("b", 2)]
