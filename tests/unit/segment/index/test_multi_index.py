"""Multivector slots: MaxSim, exactly, under every distance and datatype."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import BadInput
from shared.schema.slots import Datatype, Distance, SlotKind
from shared.segment import bits
from shared.segment.distance import normalised
from shared.segment.elements import dtype_of, narrowed, widened
from shared.segment.index.base import SlotSearch
from shared.segment.index.multi import MultiIndex
from shared.segment.layout import SlotLayout
from tests.builders import vectors


def layout(distance: Distance, dim: int, datatype: Datatype = Datatype.FLOAT32) -> SlotLayout:
    return SlotLayout(dim, distance, SlotKind.MULTI, datatype)


def multi(slot: SlotLayout, points: list[np.ndarray]) -> MultiIndex:
    offsets = np.concatenate([[0], np.cumsum([len(point) for point in points])]).astype(np.int64)
    rows = np.concatenate([*points, np.zeros((0, slot.dim))])
    return MultiIndex(slot, np.ascontiguousarray(rows, dtype=dtype_of(slot)), offsets, len(points))


def max_sim(distance: Distance, query: np.ndarray, point: np.ndarray) -> float:
    """The sum of the best matches in float64; under Euclid of squares, and the root at the end."""
    q, x = query.astype(np.float64)[:, None], point.astype(np.float64)[None]
    if distance is Distance.EUCLID:
        return -float(np.sqrt(((q - x) ** 2).sum(axis=2).min(axis=1).sum()))
    if distance is Distance.MANHATTAN:
        return -float(np.abs(q - x).sum(axis=2).min(axis=1).sum())
    return float((q * x).sum(axis=2).max(axis=1).sum())


def some_points(seed: int, count: int, dim: int, distance: Distance) -> list[np.ndarray]:
    draw = np.random.default_rng(seed)
    points = [draw.standard_normal((draw.integers(1, 6), dim)).astype(np.float32) for _ in range(count)]
    return [normalised(point) for point in points] if distance is Distance.COSINE else points


@settings(deadline=None, max_examples=40)
@given(
    distance=st.sampled_from(list(Distance)),
    dim=st.sampled_from([1, 3, 16, 70, 128]),
    count=st.integers(1, 130),
    rows=st.integers(1, 5),
    seed=st.integers(0, 2**31),
)
def test_scores_are_the_sum_of_best_matches(distance, dim, count, rows, seed):
    points, query = some_points(seed, count, dim, distance), vectors(rows, dim, seed)
    if distance is Distance.COSINE:
        query = normalised(query)

    found, scores = multi(layout(distance, dim), points).search(query, SlotSearch(count))

    truth = np.array([max_sim(distance, query, point) for point in points])
    np.testing.assert_allclose(scores, truth[found], rtol=1e-4, atol=1e-4)
    assert sorted(found.tolist()) == list(range(count))
    assert (np.diff(scores) <= 0).all()


@pytest.mark.parametrize("datatype", [Datatype.FLOAT16, Datatype.UINT8])
@pytest.mark.parametrize("distance", list(Distance))
def test_narrow_elements_score_as_their_widened_rows(distance, datatype):
    slot = layout(distance, 20, datatype)
    points = [narrowed(slot, np.abs(point) * 90) for point in some_points(3, 40, 20, Distance.DOT)]
    query = np.abs(vectors(3, 20, 5)) * 90
    if distance is Distance.COSINE:
        query = normalised(query)

    found, scores = multi(slot, points).search(query.tobytes(), SlotSearch(40))

    truth = [max_sim(distance, query, widened(slot, points[row])) for row in found]
    np.testing.assert_allclose(scores, truth, rtol=1e-5)


def test_a_nearest_point_is_itself_at_distance_zero():
    points = some_points(7, 30, 8, Distance.EUCLID)

    rows, scores = multi(layout(Distance.EUCLID, 8), points).search(points[11], SlotSearch(1))

    assert (rows.tolist(), scores.tolist()) == ([11], [0.0])
    assert not np.signbit(scores[0])


def test_points_that_are_masked_or_lack_the_slot_are_no_hits():
    points = some_points(8, 70, 4, Distance.DOT)
    points[5] = np.zeros((0, 4), np.float32)
    passes = np.arange(70) % 5 == 0
    index = multi(layout(Distance.DOT, 4), points)

    rows, _ = index.search(vectors(2), SlotSearch(70, bits.from_bool(passes), int(passes.sum())))

    assert sorted(rows.tolist()) == [row for row in range(0, 70, 5) if row != 5]


def test_the_limit_cuts_off_the_worst():
    points = some_points(9, 200, 6, Distance.DOT)
    index = multi(layout(Distance.DOT, 6), points)

    all_rows, _ = index.search(vectors(3, 6), SlotSearch(200))
    best, _ = index.search(vectors(3, 6), SlotSearch(7))

    assert best.tolist() == all_rows[:7].tolist()


@pytest.mark.parametrize("size", [0, 5, 9])
def test_a_query_that_is_not_whole_rows_is_refused(size):
    index = multi(layout(Distance.DOT, 4), some_points(1, 2, 4, Distance.DOT))

    with pytest.raises(BadInput, match=f"expected rows of dim: 4, got {size} values"):
        index.search(np.zeros(size, np.float32).tobytes(), SlotSearch(1))


def test_packed_points_are_their_rows_as_float32():
    slot = layout(Distance.DOT, 2, Datatype.UINT8)
    index = multi(slot, [np.array([[1, 2], [3, 4]]), np.array([[250, 0]])])

    found = index.packed(np.array([1, 0]))

    assert [np.frombuffer(raw, "<f4").tolist() for raw in found] == [[250, 0], [1, 2, 3, 4]]
