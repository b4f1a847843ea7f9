"""A page costs the same wherever it begins: CPU time of pages over a quarter of a million points."""

import itertools
from collections.abc import Callable
from random import Random
from time import process_time
from typing import Any

import pytest

from shared.query.scroll import scroll_segments
from shared.schema.filters import Filter
from shared.schema.operations import Upsert
from shared.schema.points import PointId
from shared.schema.queries import PayloadSelector, Scroll, VectorSelector
from shared.segment.appendable import AppendableSegment
from shared.segment.rows import row_batch
from tests import builders

COUNT = 250_000
PAGE = 100


@pytest.fixture(scope="module", params=["appendable", "sealed"])
def segment(request: pytest.FixtureRequest) -> Any:
    """Points whose ids came in no order; one in 500 has another payload."""
    ids: list[PointId] = [place * 7919 % 1_000_003 for place in range(COUNT)]
    payloads = [b'{"k":"rare"}' if point_id % 500 == 0 else b'{"k":"usual"}' for point_id in ids]
    growing = AppendableSegment("a00000000", {}, 1)
    growing.append(row_batch(Upsert(ids, {}, payloads), 1, {}))
    return growing if request.param == "appendable" else growing.seal(1)


@pytest.mark.parametrize("wanted", [None, builders.filter([builders.match("k", "usual")])], ids=["all", "most"])
def test_pages_at_the_end_cost_what_pages_at_the_beginning_cost(segment: Any, wanted: Filter | None) -> None:
    every = sorted(segment.ids(segment.rows_from(None)))
    begin, end = every[10], every[-PAGE - 200]
    page_from(segment, begin, wanted)

    at_the_beginning = cpu_s(lambda: page_from(segment, begin, wanted))
    at_the_end = cpu_s(lambda: page_from(segment, end, wanted))

    assert at_the_end < 2 * at_the_beginning
    assert at_the_beginning < 2 * at_the_end


def test_pages_of_few_among_many_cost_the_same_everywhere(segment: Any) -> None:
    rare = builders.filter([builders.match("k", "rare")])
    last = page_from(segment, None, rare, limit=COUNT)[-20].id
    assert len(page_from(segment, last, rare)) == 20

    at_the_beginning = cpu_s(lambda: page_from(segment, None, rare, limit=20))
    at_the_end = cpu_s(lambda: page_from(segment, last, rare, limit=20))

    assert at_the_end < 3 * at_the_beginning


def test_pages_from_anywhere_are_those_of_all_points_in_order(segment: Any) -> None:
    every = sorted(segment.ids(segment.rows_from(None)))
    source = Random(3)

    for place in [0, COUNT - 1, *(source.randrange(COUNT) for _ in range(20))]:
        page = page_from(segment, every[place], None, limit=7)
        assert [hit.id for hit in page] == every[place : place + 7]


def page_from(segment: Any, offset: PointId | None, wanted: Filter | None, limit: int = PAGE) -> list[Any]:
    return scroll_segments([segment], Scroll(offset, limit, wanted, PayloadSelector(True), VectorSelector()))


def cpu_s(work: Callable[[], object]) -> float:
    """Return the least CPU time of several runs."""
    times = []
    for _ in itertools.repeat(None, 25):
        began = process_time()
        work()
        times.append(process_time() - began)
    return min(times)
