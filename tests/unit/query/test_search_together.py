"""Several searches in one go: each finds what it finds alone, over fresh and sealed segments."""

import numpy as np
import pytest

from shared.errors import BadInput
from shared.query.search import search_hits, search_hits_together
from shared.query.view import View
from shared.schema.queries import Search, SearchParams
from tests import builders
from tests.unit.query.plain_segment import PlainSegment
from tests.unit.query.test_kinds_search import sparse_bytes, two_segments
from tests.unit.worker.shard_log import apply_all, new_state

DIM = 4


def filled_view(count=300):
    """Several sealed segments of 64 points and a fresh one, with deletes."""
    state = new_state()
    given = [
        builders.point(place, np.round(builders.vectors(1, DIM, place)[0] * 4) / 4, {"c": place % 3})
        for place in range(count)
    ]
    for first in range(0, count, 50):
        apply_all(state, builders.upsert(given[first : first + 50]))
    apply_all(state, builders.delete(*range(0, count, 7)))
    return View.of(state.segments())


@pytest.mark.parametrize("exact", [False, True])
def test_each_search_finds_what_it_finds_alone(exact):
    view = filled_view()
    assert len(view) > 2
    filters = [None, builders.filter(must=[builders.match("c", 1)]), builders.filter(must=[builders.match("c", 9)])]
    searches = [
        builders.search(
            builders.vectors(1, DIM, 1000 + place)[0],
            limit=1 + 7 * place,
            filter=filters[place % 3],
            params=SearchParams(exact=exact),
            score_threshold=0.5 if place % 2 else None,
            with_payload=builders.WHOLE_PAYLOAD,
        )
        for place in range(9)
    ]

    found = search_hits_together(view, searches)

    assert found == [search_hits(view, search) for search in searches]
    assert [bool(hits) for hits in found[:3]] == [True, True, False]


def test_searches_of_other_kinds_and_slots_go_along():
    segments = two_segments()
    multi = np.array([[1, 0, 0], [0, 1, 0]], "<f4").tobytes()
    searches = [
        Search("s", sparse_bytes({1: 1.0}), 5),
        Search("m", multi, 3),
        Search("s", sparse_bytes({2: 1.0, 3: 4.0}), 5),
        Search("unknown", multi, 3),
    ]

    found = search_hits_together(segments, searches)

    assert found == [search_hits(segments, search) for search in searches]
    assert [len(hits) for hits in found] == [3, 3, 3, 0]


def test_a_search_tells_later_segments_only_its_own_floor():
    segments = [PlainSegment([builders.point(1, [2.0, 0, 0, 0])]), PlainSegment([builders.point(2, [1.0, 0, 0, 0])])]

    search_hits_together(segments, [builders.search([1.0, 0, 0, 0], 1), builders.search([-1.0, 0, 0, 0], 1)])

    assert [options.floor for options in segments[1].slot("").asked] == [2.0, -2.0]


def test_no_searches_have_no_answers():
    assert search_hits_together([PlainSegment([builders.point(1)])], []) == []


def test_one_search_of_another_size_refuses_them_all():
    with pytest.raises(BadInput, match="expected dim: 4, got 2"):
        search_hits_together([PlainSegment([builders.point(1)])], [builders.search([1.0] * 4), builders.search([1, 2])])
