"""The gate: near one for a good index, low for a broken one, whatever the rows."""

import numpy as np
import pytest
from slots import clustered, coded, fit, indexed

from shared.schema.collections import Distance
from shared.segment import bits
from shared.segment.index.base import SlotIndex
from shared.segment.index.graph import Graph
from shared.segment.index.recall import measure_recall


@pytest.mark.parametrize("distance", list(Distance))
def test_a_good_graph_passes(distance):
    index = indexed(distance, fit(distance, clustered(1, 4000, 48)))

    assert measure_recall(index, sample=60) >= 0.95


def test_a_graph_whose_links_lead_nowhere_fails():
    good = indexed(Distance.COSINE, fit(Distance.COSINE, clustered(2, 12_000, 48)))
    assert good.graph is not None
    shuffled = np.random.default_rng(1).permutation(good.graph.neighbors)
    broken = SlotIndex(
        good.layout,
        good.vectors,
        good.count,
        codes=good.codes,
        graph=Graph(good.graph.offsets, shuffled, good.graph.entries),
    )

    assert measure_recall(broken, sample=60) < 0.8


def test_without_a_graph_scans_are_measured():
    assert measure_recall(coded(Distance.EUCLID, clustered(3, 5000, 100)), sample=40) >= 0.97


def test_few_rows_and_none_are_measured_too():
    few = indexed(Distance.EUCLID, clustered(4, 3, 8))

    assert measure_recall(few) == 1.0
    assert measure_recall(few, live=bits.empty(3)) == 1.0
    assert measure_recall(few, live=bits.from_rows([1], 3)) == 1.0
