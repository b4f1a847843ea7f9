"""A graph over more rows than exact lists are made for: NN-descent, end to end. Its compilation takes a minute."""

import sys
from pathlib import Path

import numpy as np
import pytest

from shared.schema.collections import Distance
from shared.segment.index.base import SlotSearch
from shared.segment.index.neighbours import EXACT_MAX
from shared.segment.index.nndescent import neighbour_lists
from shared.segment.index.recall import measure_recall

sys.path.insert(0, str(Path(__file__).parents[1] / "unit" / "segment" / "index"))

from slots import clustered, fit, indexed, recall

ROWS = EXACT_MAX + 2000


@pytest.mark.timeout(400)
def test_graph_grown_by_nn_descent_finds_what_exact_search_finds():
    vectors = fit(Distance.COSINE, clustered(1, ROWS + 100, 64, centres=300))
    index = indexed(Distance.COSINE, vectors[:ROWS])

    found = {ef: recall(index, vectors[ROWS:], SlotSearch(10, ef=ef)) for ef in (0, 200)}

    assert found[0] >= 0.97
    assert found[200] >= 0.99
    assert measure_recall(index, sample=60) >= 0.95


@pytest.mark.timeout(400)
@pytest.mark.parametrize("metric", ["euclidean", "manhattan"])
def test_lists_hold_others_nearest_first_and_nearly_all_true_ones(metric):
    vectors = clustered(2, 2000, 16)

    lists = neighbour_lists(vectors, 10, metric, seed=1, threads=2)

    assert lists.shape == (2000, 10)
    assert not (lists == np.arange(2000)[:, None]).any()
    order = 2 if metric == "euclidean" else 1
    for row in range(0, 2000, 100):
        distances = np.linalg.norm(vectors - vectors[row], ord=order, axis=1)
        assert (np.diff(distances[lists[row]]) >= -1e-4).all()
        assert len(set(lists[row]) & set(np.argsort(distances)[1:11])) >= 8
