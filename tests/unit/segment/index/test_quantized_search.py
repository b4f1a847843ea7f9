"""Slots whose plan asks for quantized codes: sizes, candidates, last word, and what a search may ask of them."""

from typing import Any

import numpy as np
import pytest
from slots import SEED, clustered, fit, recall

from shared.schema.collections import Distance, HnswConfig
from shared.schema.quantization import BinaryEncoding, QuantizationConfig
from shared.segment.index.base import SlotIndex, SlotSearch
from shared.segment.index.binary_codes import BinaryCodes
from shared.segment.index.byte_codes import ScalarCodes
from shared.segment.index.codes import Codes, build_codes, code_arrays, codes_from
from shared.segment.index.exact import score_rows
from shared.segment.index.graph import Graph
from shared.segment.index.graph_build import build_graph
from shared.segment.layout import SlotLayout, SlotPlan

DIM, ROWS = 96, 3000

KINDS: dict[str, tuple[dict[str, Any], int, float, float]] = {
    # config, bytes a row, least recall, greatest error of estimates in standard deviations of the scores
    "scalar": ({"scalar": {"type": "int8"}}, 128, 0.99, 0.03),
    "scalar, clipped": ({"scalar": {"type": "int8", "quantile": 0.99}}, 128, 0.99, 0.45),
    "x4": ({"product": {"compression": "x4"}}, 96, 0.99, 0.04),
    "x8": ({"product": {"compression": "x8"}}, 48, 0.99, 0.13),
    "x16": ({"product": {"compression": "x16"}}, 24, 0.97, 0.35),
    "x32": ({"product": {"compression": "x32"}}, 12, 0.95, 0.65),
    "x64": ({"product": {"compression": "x64"}}, 6, 0.9, 0.85),
    "one bit": ({"binary": {}}, 16 + 12 + 4, 0.93, 0.75),
    "one and a half": ({"binary": {"encoding": "one_and_half_bits"}}, 24 + 12, 0.95, 0.6),
    "two bits": ({"binary": {"encoding": "two_bits"}}, 32 + 12, 0.97, 0.42),
}


@pytest.fixture(scope="module", params=list(Distance), ids=str)
def ground(request: pytest.FixtureRequest) -> tuple[Distance, np.ndarray, Graph, np.ndarray]:
    """A distance, rows in the order of their graph, the graph, queries between the rows."""
    distance: Distance = request.param
    rows = fit(distance, clustered(3, ROWS, DIM))
    built = build_graph(rows, distance, HnswConfig(), threads=2)
    draw = np.random.default_rng(4)
    queries = rows[draw.integers(0, ROWS, 40)] + 0.2 * draw.standard_normal((40, DIM)).astype(np.float32)
    return distance, np.ascontiguousarray(rows[built.order]), built.graph, fit(distance, queries)


def quantized(distance: Distance, rows: np.ndarray, kind: str, graph: Graph | None = None) -> SlotIndex:
    """An index with the codes of a kind."""
    layout = SlotLayout(rows.shape[1], distance)
    plan = SlotPlan(quantization=QuantizationConfig.model_validate(KINDS[kind][0]))
    return SlotIndex(layout, rows, len(rows), codes=build_codes(layout, plan, rows, SEED, threads=2), graph=graph)


@pytest.mark.parametrize("kind", KINDS)
def test_codes_take_the_stated_bytes_and_find_the_best(kind: str, ground: Any) -> None:
    distance, rows, graph, queries = ground
    _, size, floor, _ = KINDS[kind]

    index = quantized(distance, rows, kind, graph)

    assert index.codes.groups is None
    assert index.codes.rows is not None
    assert index.codes.rows.rows.shape == (ROWS, size)
    assert recall(index, queries, SlotSearch(10)) >= floor


@pytest.mark.parametrize("kind", KINDS)
def test_scores_are_exact_unless_codes_are_to_have_the_last_word(kind: str, ground: Any) -> None:
    distance, rows, graph, queries = ground
    index = quantized(distance, rows, kind, graph)

    for query in queries[:10]:
        found, scores = index.search(query, SlotSearch(10))
        guessed, estimates = index.search(query, SlotSearch(ROWS, is_rescored=False))

        np.testing.assert_array_equal(scores, score_rows(distance, rows, query, found))
        truth = score_rows(distance, rows, query, guessed)
        assert np.all(np.diff(estimates) <= 0)
        error = float(np.sqrt(np.mean((estimates - truth) ** 2)) / truth.std())
        assert 0 < error < KINDS[kind][3]


@pytest.mark.parametrize("kind", ["scalar", "x16", "two bits"])
@pytest.mark.parametrize("is_rescored", [True, False])
def test_a_filter_gets_all_that_there_is(kind: str, is_rescored: bool, ground: Any) -> None:
    distance, rows, graph, queries = ground
    index = quantized(distance, rows, kind, graph)
    for passing in (1, 7, 300, 2900):
        mask = np.zeros(-(-ROWS // 64) * 64, dtype=np.bool_)
        mask[np.random.default_rng(passing).choice(ROWS, passing, replace=False)] = True
        words = np.packbits(mask, bitorder="little").view(np.uint64)

        found, _ = index.search(queries[0], SlotSearch(20, words, passing, is_rescored=is_rescored))

        assert len(set(found.tolist())) == min(20, passing)
        assert mask[found].all()


def test_without_a_graph_codes_are_scanned(ground: Any) -> None:
    distance, rows, _, queries = ground

    for kind in ("scalar", "x16", "two bits"):
        assert recall(quantized(distance, rows, kind), queries, SlotSearch(10)) >= 0.97


def test_oversampling_buys_recall(ground: Any) -> None:
    distance, rows, graph, queries = ground
    index = quantized(distance, rows, "x64", graph)

    few = recall(index, queries, SlotSearch(40))
    many = recall(index, queries, SlotSearch(40, oversampling=8.0))

    assert many > few or few == 1.0
    assert many >= 0.99


def test_ignored_codes_may_be_worthless(ground: Any) -> None:
    distance, rows, graph, queries = ground
    index = quantized(distance, rows, "x16", graph)
    assert index.codes.rows is not None
    index.codes.rows.rows[:] = 0

    assert recall(index, queries, SlotSearch(10, ignores_codes=True)) >= 0.99
    assert recall(index, queries, SlotSearch(10)) < 0.9


@pytest.mark.parametrize("kind", KINDS)
def test_stored_codes_answer_as_those_that_were_built(kind: str) -> None:
    rows = fit(Distance.EUCLID, clustered(5, 500, DIM))
    index = quantized(Distance.EUCLID, rows, kind)

    arrays = code_arrays(index.codes)
    for is_cold in (False, True):
        codes = codes_from(arrays, index.layout, is_cold)
        back = SlotIndex(index.layout, rows, len(rows), codes=codes)

        for search in (SlotSearch(10), SlotSearch(10, is_rescored=False)):
            for mine, theirs in zip(index.search(rows[7], search), back.search(rows[7], search), strict=True):
                np.testing.assert_array_equal(mine, theirs)


def test_the_same_rows_and_seed_give_the_same_codes_in_any_number_of_threads() -> None:
    rows = fit(Distance.DOT, clustered(6, 9000, 64))
    for kind in ("scalar", "x32", "one bit"):
        plan = SlotPlan(quantization=QuantizationConfig.model_validate(KINDS[kind][0]))
        one, two = (build_codes(SlotLayout(64, Distance.DOT), plan, rows, SEED, threads) for threads in (1, 2))

        for name, array in code_arrays(one).items():
            np.testing.assert_array_equal(array, code_arrays(two)[name])


def test_a_quantile_clips_outliers_and_makes_the_rest_finer() -> None:
    rows = clustered(7, 2000, 64)
    rows[::100, 5] = 1000
    clipped, whole = (ScalarCodes.of(rows, Distance.EUCLID, quantile) for quantile in (0.99, None))

    assert clipped.scale > 50 * whole.scale


def test_more_bits_of_a_query_make_better_estimates() -> None:
    rows = fit(Distance.COSINE, clustered(8, 2000, 256))
    codes = BinaryCodes.of(rows, BinaryEncoding.TWO_BITS, SEED)
    codes.encode(rows, Distance.COSINE, 0, len(rows))
    errors = {}
    for query_bits in (1, 4, 8):
        codes.query_bits = query_bits
        index = SlotIndex(SlotLayout(256, Distance.COSINE), rows, len(rows), codes=Codes(codes))
        found, estimates = index.search(rows[3], SlotSearch(2000, is_rescored=False))
        truth = score_rows(Distance.COSINE, rows, rows[3], found)
        errors[query_bits] = float(np.sqrt(np.mean((estimates - truth) ** 2)))

    assert errors[1] > 1.5 * errors[4] > 1.5 * errors[8] / 1.5


@pytest.mark.parametrize("rows", [0, 1, 3, 17])
@pytest.mark.parametrize("kind", KINDS)
def test_few_rows_and_equal_rows_are_coded_too(kind: str, rows: int) -> None:
    vectors = np.ones((rows, 5), dtype=np.float32)
    index = quantized(Distance.EUCLID, vectors, kind)

    for search in (SlotSearch(10), SlotSearch(10, is_rescored=False)):
        found, scores = index.search(np.ones(5, dtype=np.float32), search)

        assert found.tolist() == list(range(min(rows, 10)))
        assert np.all(np.abs(scores) < 0.1)
