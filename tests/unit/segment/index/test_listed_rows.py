"""A search among rows that are listed one by one finds what it finds among the same rows as words."""

import numpy as np
import pytest
from slots import clustered, coded, fit, indexed, plain

from shared.schema.collections import Distance
from shared.segment import bits
from shared.segment.index.base import SlotSearch
from shared.segment.index.exact import scan
from shared.segment.index.together import search_together

ROWS, DIM = 3000, 96


def both(rows, limit=10, **more):
    """Return one search over words and over a list that is in no order."""
    words = bits.from_rows(rows, ROWS)
    return SlotSearch(limit, words, len(rows), **more), SlotSearch(
        limit, None, len(rows), rows=rows[::-1].copy(), **more
    )


@pytest.mark.parametrize("distance", list(Distance))
@pytest.mark.parametrize("few", [1, 9, 52, 300, 512])
def test_a_list_finds_what_words_find(distance, few):
    vectors = fit(distance, clustered(1, ROWS, DIM))
    rows = np.sort(np.random.default_rng(few).choice(ROWS, few, replace=False))
    query = fit(distance, clustered(5, 1, DIM))[0]

    for index in (plain(distance, vectors), coded(distance, vectors), indexed(distance, vectors)):
        truth, truth_scores = index.search(query, both(rows, exact=True)[0])
        listed, scores = index.search(query, both(rows, exact=True)[1])
        found, _ = index.search(query, both(rows)[1])

        assert listed.tolist() == truth.tolist()
        assert scores.tobytes() == truth_scores.tobytes()
        assert len(set(found.tolist()) & set(truth.tolist())) >= 0.9 * len(truth)
        assert np.isin(found, rows).all()


def test_a_list_is_forgotten_by_the_next_search():
    vectors = fit(Distance.DOT, clustered(1, ROWS, DIM))
    index, query = coded(Distance.DOT, vectors), clustered(5, 1, DIM)[0]
    rows = np.array([4, 2000, 17])

    listed, _ = index.search(query, SlotSearch(10, None, 3, rows=rows))
    after, _ = index.search(query, SlotSearch(10, exact=True))
    scanned, _ = scan(Distance.DOT, vectors, ROWS, query, None, limit=10)

    assert sorted(listed.tolist()) == [4, 17, 2000]
    assert after.tolist() == scanned.tolist() == np.argsort(-(vectors @ query), kind="stable")[:10].tolist()


def test_searches_among_lists_and_words_go_together():
    index = coded(Distance.COSINE, fit(Distance.COSINE, clustered(1, ROWS, DIM)))
    queries = fit(Distance.COSINE, clustered(5, 6, DIM))
    options = [*both(np.arange(100, 400)), *both(np.arange(20)), SlotSearch(10), SlotSearch(10, exact=True)]
    asked = [(query.tobytes(), each) for query, each in zip(queries, options, strict=True)]

    found = search_together(index, asked, shared_bytes_min=0)

    for (rows, scores), one in zip(found, asked, strict=True):
        alone, alone_scores = index.search(*one)
        assert (rows.tolist(), scores.tolist()) == (alone.tolist(), alone_scores.tolist())
