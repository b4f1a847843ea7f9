"""One door to a slot: every way gives scores from one kernel, never fewer hits than exist, only rows that pass."""

from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from slots import clustered, coded, fit, indexed, plain, recall

from shared.errors import BadInput
from shared.schema.collections import Distance
from shared.segment import bits
from shared.segment.index.base import SlotIndex, SlotSearch
from shared.segment.index.codes import BitCodes, Codes
from shared.segment.index.exact import score_rows
from shared.segment.layout import SlotLayout

EVERY_DISTANCE = pytest.mark.parametrize("distance", list(Distance))
SHARES = (1.0, 0.5, 0.1, 0.03, 0.002)


def masked(index: SlotIndex, share: float, seed: int = 3, limit: int = 10) -> SlotSearch:
    passes = np.random.default_rng(seed).random(index.count) < share
    return SlotSearch(limit, bits.from_bool(passes), int(passes.sum()))


@EVERY_DISTANCE
@pytest.mark.parametrize("dim", [24, 96])
def test_every_way_finds_nearly_all_at_any_share(distance, dim):
    vectors = fit(distance, clustered(1, 4000, dim))
    queries = fit(distance, clustered(1, 4040, dim))[4000:]
    ways = {"plain": plain(distance, vectors), "coded": coded(distance, vectors), "graph": indexed(distance, vectors)}

    found = {
        (name, share): recall(index, queries, masked(index, share)) for name, index in ways.items() for share in SHARES
    }

    assert min(found.values()) >= 0.97, found


@EVERY_DISTANCE
def test_scores_come_from_the_one_kernel_and_rows_from_the_mask(distance):
    index = indexed(distance, fit(distance, clustered(2, 3000, 70)))
    query = fit(distance, clustered(3, 1, 70))[0]

    for share in SHARES:
        search = masked(index, share)
        rows, scores = index.search(query, search)

        assert search.words is not None
        assert bits.test(search.words, rows).all()
        assert scores.tobytes() == score_rows(distance, index.vectors, query, rows).tobytes()
        assert np.lexsort((rows, -scores)).tolist() == list(range(len(rows)))


@settings(deadline=None, max_examples=40)
@given(
    count=st.integers(1, 300),
    dim=st.sampled_from([1, 3, 16, 63, 64, 65, 130]),
    limit=st.integers(1, 400),
    distance=st.sampled_from(list(Distance)),
    kind=st.sampled_from(["zeros", "equal", "normal", "huge", "tiny", "few"]),
    seed=st.integers(0, 1000),
)
def test_degenerate_rows_still_give_as_many_hits_as_there_are(count, dim, limit, distance, kind, seed):
    draw = np.random.default_rng(seed)
    normal = draw.standard_normal((count, dim))
    makers = {
        "zeros": normal * 0,
        "equal": normal[:1].repeat(count, axis=0),
        "normal": normal,
        "huge": normal * 1e15,
        "tiny": normal * 1e-15,
        "few": normal[draw.integers(0, min(count, 3), count)],
    }
    vectors = fit(distance, makers[kind])
    passes = draw.random(count) < 0.7

    for index in (coded(distance, vectors), indexed(distance, vectors)):
        for search in (SlotSearch(limit), SlotSearch(limit, bits.from_bool(passes), int(passes.sum()), ef=4)):
            rows, scores = index.search(vectors[0], search)
            matching = count if search.words is None else search.matching
            assert len(rows) == len(scores) == len(set(rows.tolist())) == min(limit, matching)


def test_walk_that_finds_too_little_is_completed_by_a_scan():
    vectors = fit(Distance.EUCLID, clustered(4, 6000, 32))
    index = indexed(Distance.EUCLID, vectors)
    query = index.vectors[0]
    far = np.argsort(((index.vectors - query) ** 2).sum(axis=1))[-150:]

    rows, _ = index.search(query, SlotSearch(100, bits.from_rows(far, 6000), 150, ef=10))

    assert len(rows) == 100
    assert set(rows.tolist()) <= set(far.tolist())


def test_large_limits_walk_and_scan_alike():
    vectors = fit(Distance.COSINE, clustered(5, 5000, 80))
    index = indexed(Distance.COSINE, vectors)

    for limit in (200, 1000, 5000, 9000):
        assert recall(index, vectors[:5], SlotSearch(limit)) >= 0.97


def test_appended_rows_are_found_before_and_after_the_mean_freezes():
    vectors = fit(Distance.COSINE, clustered(6, 3000, 64))
    codes = BitCodes(64, Distance.COSINE, 9)
    index = SlotIndex(SlotLayout(64, Distance.COSINE), vectors, 0, codes=Codes(groups=codes))

    for first in range(0, 3000, 250):
        codes.append(vectors[: first + 250], first)
        index.replace(vectors, first + 250)

        rows, scores = index.search(vectors[first], SlotSearch(1))
        assert (rows[0], round(float(scores[0]), 5)) == (first, 1.0)
        assert codes.count == (0 if first + 250 < 1000 else first + 250)
    assert recall(index, vectors[:20], SlotSearch(10)) >= 0.97


def test_searches_in_threads_give_what_one_thread_gives():
    index = indexed(Distance.COSINE, fit(Distance.COSINE, clustered(7, 4000, 48)))
    queries = fit(Distance.COSINE, clustered(8, 200, 48))
    searches = [masked(index, share, limit=5) for share in (1.0, 0.4)] + [SlotSearch(7), SlotSearch(3, exact=True)]
    expected = [index.search(query, search) for query in queries for search in searches]

    with ThreadPoolExecutor(8) as pool:
        found = list(pool.map(lambda pair: index.search(*pair), [(q, s) for q in queries for s in searches]))

    for (rows, scores), (expected_rows, expected_scores) in zip(found, expected, strict=True):
        assert rows.tolist() == expected_rows.tolist()
        assert scores.tobytes() == expected_scores.tobytes()


def test_query_of_another_size_is_refused():
    index = plain(Distance.DOT, np.ones((3, 4), np.float32))

    with pytest.raises(BadInput, match="expected dim: 4, got 5"):
        index.search(np.ones(5, np.float32), SlotSearch(1))


def test_empty_slot_and_empty_mask_give_nothing():
    empty = plain(Distance.DOT, np.empty((0, 4), np.float32))
    full = plain(Distance.DOT, np.ones((3, 4), np.float32))

    assert [len(part) for part in empty.search(np.ones(4, np.float32), SlotSearch(5))] == [0, 0]
    assert [len(part) for part in full.search(np.ones(4, np.float32), SlotSearch(5, bits.empty(3), 0))] == [0, 0]


def test_stored_codes_and_graph_answer_as_the_built_ones(tmp_path):
    built = indexed(Distance.EUCLID, clustered(9, 3000, 100))
    parts = {"bytes": built.codes.rows, "bits": built.codes.groups, "graph": built.graph}
    for name, part in parts.items():
        assert part is not None
        for array_name, array in part.arrays().items():
            np.save(tmp_path / f"{name}.{array_name}.npy", array)

    stored = {
        name: {path.name.split(".")[1]: np.load(path, mmap_mode="r") for path in tmp_path.glob(f"{name}.*.npy")}
        for name in parts
    }
    opened = SlotIndex(
        built.layout,
        built.vectors,
        built.count,
        codes=Codes(
            type(built.codes.rows).from_arrays(stored["bytes"], Distance.EUCLID),
            BitCodes.from_arrays(stored["bits"], 100, Distance.EUCLID),
        ),
        graph=type(built.graph).from_arrays(stored["graph"]),
    )

    for query in clustered(10, 20, 100):
        for share in SHARES:
            search = masked(built, share)
            assert built.search(query, search)[0].tolist() == opened.search(query, search)[0].tolist()
