"""Filters over a segment: only live rows, nested groups, ids; the same as the plain definition on anything."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.query.filters import cold_rows, words_of
from shared.query.payload_match import MatchedPoint, point_matches
from shared.segment import bits
from tests import builders
from tests.unit.query.payload_strategies import filters, payloads
from tests.unit.query.plain_segment import PlainSegment


def kept_ids(segment, wanted):
    words, matching = words_of(segment, wanted)
    ids = segment.ids(bits.to_rows(words))
    assert matching == len(ids)
    return ids


def colours(*names):
    return PlainSegment([builders.point(place, payload={"c": name}) for place, name in enumerate(names)])


def test_no_filter_and_empty_filter_keep_all_live_rows():
    segment = colours("red", "blue", "red")
    segment.tombstone([1])

    kept = [kept_ids(segment, wanted) for wanted in (None, builders.filter())]

    assert kept == [[0, 2], [0, 2]]


def test_tombstoned_row_never_passes_not_even_a_negated_condition():
    segment = colours("red", "blue", "red")
    segment.tombstone([0, 1])

    red = kept_ids(segment, builders.filter(must=[builders.match("c", "red")]))
    not_green = kept_ids(segment, builders.filter(must_not=[builders.match("c", "green")]))
    by_id = kept_ids(segment, builders.filter(must=[builders.has_id(0, 2)]))

    assert (red, not_green, by_id) == ([2], [2], [2])


def test_should_wants_one_of_its_conditions_and_nests():
    segment = colours("red", "blue", "green", "blue")
    red_or_three = builders.filter(should=[builders.match("c", "red"), builders.has_id(3)])

    kept = kept_ids(
        segment, builders.filter(must=[red_or_three], must_not=[builders.filter(must=[builders.has_id(0)])])
    )

    assert kept == [3]


def test_unknown_ids_and_uuids_are_found_or_not():
    segment = PlainSegment([builders.point(7), builders.point(builders.uuid_id(7)), builders.point(8)])

    kept = kept_ids(segment, builders.filter(must=[builders.has_id(99, builders.uuid_id(7), builders.uuid_id(9), 8)]))

    assert kept == [builders.uuid_id(7), 8]


def test_filter_of_an_empty_segment_keeps_nothing():
    kept = kept_ids(PlainSegment([]), builders.filter(must_not=[builders.match("c", "red")]))

    assert kept == []


def test_cold_rows_count_every_path_of_a_filter_once_until_it_was_read():
    segments = [colours("red", "blue"), colours("red")]
    wanted = builders.filter(must=[builders.match("c", "red"), builders.has_id(1)], should=[builders.is_empty("c")])

    before = cold_rows(segments, builders.filter(must_not=[wanted, builders.is_empty("d")]))
    kept_ids(segments[0], wanted)

    assert (before, cold_rows(segments, wanted), cold_rows(segments, None)) == (6, 1, 0)


@settings(max_examples=120, deadline=None)
@given(st.lists(payloads, min_size=1, max_size=12), filters, st.sets(st.integers(0, 11)))
def test_filter_keeps_what_the_twin_keeps(contents, wanted, dead):
    segment = PlainSegment([builders.point(place, payload=payload) for place, payload in enumerate(contents)])
    segment.tombstone([row for row in dead if row < segment.count])

    kept = kept_ids(segment, wanted)

    live = segment.live_points()
    assert kept == [one.id for one in live if point_matches(wanted, MatchedPoint(one.payload, one.id, one.vectors))]
