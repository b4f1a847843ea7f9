"""Search over segments: merging, ties, thresholds, masks, slots."""

import numpy as np
import pytest

from shared.errors import BadInput
from shared.query.planner import plan_segment
from shared.query.search import search_hits, search_segments
from shared.query.view import View
from shared.schema.collections import Distance
from shared.schema.points import id_order
from shared.schema.queries import SearchParams
from tests import builders
from tests.unit.query.plain_segment import PlainSegment, score

QUERY = [1.0, 0.0, 0.0, 0.0]


def scored(point_id, value, **payload):
    return builders.point(point_id, [value, 0.0, 0.0, 0.0], payload)


def found(segments, **search):
    ranking = search_segments(segments, builders.search(QUERY, **search))
    return list(zip(ranking.ids, ranking.scores, strict=True))


def test_best_points_of_all_segments_come_first():
    segments = [
        PlainSegment([scored(1, 0.1), scored(2, 0.9)]),
        PlainSegment([]),
        PlainSegment([scored(3, 0.5), scored(4, 0.7)]),
    ]

    best = found(segments, limit=3)

    assert [point_id for point_id, _ in best] == [2, 4, 3]


def test_full_scan_threshold_reaches_the_slot_as_rows():
    segment = PlainSegment([scored(1, 0.1)])

    plan = plan_segment(View.of([segment])[0], 0, builders.search(QUERY, full_scan_kb=8))

    assert plan.search.scan_rows == 8 * 1024 // 16


@pytest.mark.parametrize("segment_count", [1, 3])
@pytest.mark.parametrize("limit", [1, 3, 7, 19, 50])
def test_equal_scores_of_an_exact_search_are_ordered_by_id_across_the_limit(segment_count, limit):
    ids = [9, 3, builders.uuid_id(1), 12, 1, 15, builders.uuid_id(0), 8, 2, 30, 4, 17, 5, 6, 7, 20, 21, 22, 23]
    points = [scored(point_id, float(place % 3 == 0)) for place, point_id in enumerate(ids)]
    segments = [PlainSegment(points[start::segment_count]) for start in range(segment_count)]

    best = found(segments, limit=limit, exact=True)

    expected = sorted(points, key=lambda point: (-point.vectors[""][0], id_order(point.id)))
    assert [point_id for point_id, _ in best] == [point.id for point in expected[:limit]]


@pytest.mark.parametrize(("distance", "threshold", "ids"), [(Distance.DOT, 0.5, [3]), (Distance.EUCLID, -0.5, [3])])
def test_threshold_keeps_only_what_scores_strictly_above(distance, threshold, ids):
    segment = PlainSegment([scored(1, 0.25), scored(2, 0.5), scored(3, 0.75)], distance)

    best = found([segment], score_threshold=threshold)

    assert [point_id for point_id, _ in best] == ids


def test_threshold_is_compared_as_float32():
    segment = PlainSegment([scored(1, 0.15), scored(2, 0.16)])

    best = [found([segment], score_threshold=bound) for bound in (0.15, 1e300, -1e300)]

    assert [[point_id for point_id, _ in hits] for hits in best] == [[2], [], [2, 1]]


def test_tombstoned_and_filtered_points_are_not_found():
    segment = PlainSegment([scored(place, place / 10, c=place % 2) for place in range(10)])
    segment.tombstone([9])

    best = found([segment], limit=2, filter=builders.filter(must=[builders.match("c", 1)]))

    assert [point_id for point_id, _ in best] == [7, 5]


def test_point_without_the_slot_is_not_found_by_it():
    points = [builders.point(1, {"x": QUERY}), builders.point(2, {"x": QUERY, "y": QUERY})]
    segments = [PlainSegment(points), PlainSegment([builders.point(3, {"z": QUERY})])]

    best = [found(segments, slot=slot) for slot in ("x", "y", "no such")]

    assert [[point_id for point_id, _ in hits] for hits in best] == [[1, 2], [2], []]


def test_indexed_only_skips_segments_without_a_graph():
    segments = [PlainSegment([scored(1, 0.1)], graph="a graph"), PlainSegment([scored(2, 0.9)])]

    best = found(segments, params=SearchParams(indexed_only=True))

    assert [point_id for point_id, _ in best] == [1]


def test_segment_in_which_nothing_passes_is_not_searched():
    segment = PlainSegment([scored(1, 0.1)])

    found([segment], filter=builders.filter(must=[builders.match("c", "none")]))

    assert segment.slot("").asked == []


def test_only_a_graph_segment_with_nothing_to_hide_is_searched_without_a_mask():
    whole, holed = PlainSegment([scored(1, 0.1)], graph="a graph"), PlainSegment([scored(1, 0.1)] * 2, graph="a graph")
    holed.tombstone([0])
    growing = PlainSegment([scored(1, 0.1)])

    found([whole, holed, growing])

    assert [segment.slot("").asked[0].words is None for segment in (whole, holed, growing)] == [True, False, False]


def test_view_keeps_its_moment_while_points_are_replaced():
    segment = PlainSegment([scored(1, 0.1), scored(2, 0.2)])
    view = View.of([segment])

    segment.tombstone([1])
    hits = search_hits(view, builders.search(QUERY))

    assert [hit.id for hit in hits] == [2, 1]


def test_query_of_another_size_is_refused_with_both_sizes():
    with pytest.raises(BadInput, match="expected dim: 4, got 3"):
        search_segments([PlainSegment([scored(1, 0.1)])], builders.search([1.0, 2.0, 3.0]))


def test_hits_carry_version_payload_and_vectors_when_asked():
    segment = PlainSegment([scored(1, 0.25, a=1), builders.point(2, {"x": QUERY})])
    segment.set_payload([0], [b'{"a":2}'], 77)

    [hit] = search_hits(
        [segment],
        builders.search(QUERY, with_payload=builders.WHOLE_PAYLOAD, with_vector=builders.ALL_VECTORS),
    )

    assert (hit.id, hit.version, hit.score, hit.payload) == (1, 77, 0.25, b'{"a":2}')
    assert {name: np.frombuffer(raw, "<f4").tolist() for name, raw in hit.vectors.items()} == {"": [0.25, 0, 0, 0]}


@pytest.mark.parametrize("distance", list(Distance))
def test_ranking_is_that_of_all_points_in_one_array(distance):
    rows, query = builders.vectors(200, 4), builders.vectors(1, 4, seed=9)[0]
    segments = [
        PlainSegment([builders.point(place, rows[place]) for place in part], distance)
        for part in np.array_split(np.arange(200), 7)
    ]

    ranking = search_segments(segments, builders.search(query, limit=50))

    assert ranking.ids == np.argsort(-score(distance, rows, query), kind="stable")[:50].tolist()
