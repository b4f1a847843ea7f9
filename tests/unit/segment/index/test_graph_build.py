"""Built graphs: every row reachable, the order a permutation, lists bounded, equal rows findable, repeatable."""

import numpy as np
import pytest
from slots import clustered, fit, indexed, recall

from shared.schema.collections import Distance, HnswConfig
from shared.segment.index.base import SlotSearch
from shared.segment.index.graph_build import BuiltGraph, build_graph, shape_of


def reached(built: BuiltGraph) -> int:
    graph = built.graph
    seen = np.zeros(len(built.order), dtype=bool)
    frontier = np.unique(graph.entries)
    while len(frontier):
        seen[frontier] = True
        following = [graph.neighbors[graph.offsets[row] : graph.offsets[row + 1]] for row in frontier]
        following = np.unique(np.concatenate(following))
        frontier = following[~seen[following]]
    return int(seen.sum())


def far_clusters(count: int) -> np.ndarray:
    draw = np.random.default_rng(1)
    return 100 * draw.standard_normal((300, 16))[draw.integers(0, 300, count)] + draw.standard_normal((count, 16))


def repeated(count: int) -> np.ndarray:
    draw = np.random.default_rng(2)
    return draw.standard_normal((40, 16))[draw.integers(0, 40, count)]


def uneven(count: int) -> np.ndarray:
    draw = np.random.default_rng(3)
    return draw.standard_normal((count, 32)) * draw.lognormal(0, 0.7, (count, 1))


CASES = {
    "one": np.ones((1, 4)),
    "two": np.arange(8).reshape(2, 4),
    "few": np.random.default_rng(0).standard_normal((20, 8)),
    "all equal": np.ones((300, 8)),
    "zeros": np.zeros((300, 8)),
    "clusters": clustered(0, 2000, 24),
    "far clusters": far_clusters(2000),
    "repeated": repeated(2000),
    "mostly equal": np.concatenate([np.ones((1500, 16)), np.random.default_rng(4).standard_normal((500, 16))]),
    "uneven norms": uneven(2000),
    "huge": 1e15 * clustered(5, 500, 16),
}


@pytest.mark.parametrize("distance", list(Distance))
@pytest.mark.parametrize("case", list(CASES))
def test_every_row_is_reached_from_the_entries(case, distance):
    vectors = fit(distance, CASES[case])

    built = build_graph(vectors, distance, HnswConfig(), threads=2)

    graph = built.graph
    assert sorted(built.order.tolist()) == list(range(len(vectors)))
    assert reached(built) == len(vectors)
    assert 1 <= len(graph.entries) <= 256
    assert (graph.offsets[0], graph.offsets[-1]) == (0, len(graph.neighbors))
    assert np.diff(graph.offsets).min() >= 0
    owners = np.repeat(np.arange(len(vectors)), np.diff(graph.offsets))
    assert not (owners == graph.neighbors).any()


@pytest.mark.parametrize(("case", "floor"), [("uneven norms", 0.95), ("far clusters", 0.97), ("clusters", 0.99)])
def test_dot_and_euclid_find_what_exact_search_finds(case, floor):
    for distance in (Distance.DOT, Distance.EUCLID):
        vectors = fit(distance, CASES[case])
        index = indexed(distance, vectors)
        queries = vectors[::50] if case != "uneven norms" or distance is Distance.EUCLID else clustered(6, 40, 32)

        assert recall(index, queries, SlotSearch(10, ef=128)) >= floor


def test_the_same_seed_gives_the_same_graph_whatever_the_threads():
    vectors = clustered(7, 2500, 24)

    first = build_graph(vectors, Distance.EUCLID, HnswConfig(), threads=1)
    second = build_graph(vectors, Distance.EUCLID, HnswConfig(), threads=3)

    for name, array in first.graph.arrays().items():
        assert array.tobytes() == second.graph.arrays()[name].tobytes(), name
    assert first.order.tobytes() == second.order.tobytes()


def test_m_and_ef_construct_and_density_widen_the_shape():
    usual, wide = shape_of(HnswConfig()), shape_of(HnswConfig(m=32, ef_construct=200))

    assert (usual.width, usual.beam) == (32, 100)
    assert (wide.width, wide.beam) == (64, 200)
    assert shape_of(HnswConfig(), density=2.0) == shape_of(HnswConfig(m=32, ef_construct=200))


def test_lists_stay_within_the_cap_but_for_rows_that_nobody_lists():
    built = build_graph(clustered(8, 3000, 24), Distance.EUCLID, HnswConfig(m=4), threads=2)

    degrees = np.diff(built.graph.offsets)
    shape = shape_of(HnswConfig(m=4))
    assert degrees.max() <= shape.cap + shape.width + 4
    assert degrees.mean() <= shape.cap


def test_progress_names_stages_and_ends_at_the_total():
    told = []

    build_graph(
        clustered(9, 1500, 8), Distance.EUCLID, HnswConfig(), threads=2, progress=lambda *step: told.append(step)
    )

    assert list(dict.fromkeys(stage for stage, _, _ in told)) == ["neighbours", "prune", "refine", "connect"]
    assert all(0 <= done <= total for _, done, total in told)
    assert told[-1] == ("connect", 1500, 1500)


def test_no_rows_make_an_empty_graph():
    built = build_graph(np.empty((0, 4), np.float32), Distance.DOT, HnswConfig())

    assert (len(built.order), built.graph.offsets.tolist(), len(built.graph.entries)) == (0, [0], 0)
