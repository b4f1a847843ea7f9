"""Searches of one slot in one go: each gets the very answer that it gets alone."""

import numpy as np
import pytest

from shared.errors import BadInput
from shared.schema.collections import Distance
from shared.segment import bits
from shared.segment.index.base import SlotSearch
from shared.segment.index.together import search_together
from tests.unit.segment.index.slots import clustered, coded, fit, indexed, plain

COUNT = 6000
DIM = 96


def asked(distance, options):
    queries = fit(distance, clustered(9, len(options), DIM))
    return [(query.tobytes(), one) for query, one in zip(queries, options, strict=True)]


def assert_alike(index, given):
    found = search_together(index, given, shared_bytes_min=0)

    for (rows, scores), (query, options) in zip(found, given, strict=True):
        alone_rows, alone = index.search(query, options)
        assert rows.tolist() == alone_rows.tolist()
        assert scores.tobytes() == alone.tobytes()


@pytest.mark.parametrize("distance", list(Distance))
@pytest.mark.parametrize("make", [plain, coded])
def test_scans_together_find_what_each_finds_alone(distance, make):
    index = make(distance, fit(distance, clustered(3, COUNT, DIM)))
    options = [SlotSearch(limit) for limit in (1, 10, 10, 77)] + [SlotSearch(10, exact=True)] * 2

    assert_alike(index, asked(distance, options))


def test_masks_are_each_query_its_own():
    index = coded(Distance.DOT, clustered(4, COUNT, DIM))
    draw = np.random.default_rng(5)
    masks = [draw.random(COUNT) < share for share in (0.5, 0.5, 0.001, 0.0)]
    words = [bits.from_bool(mask) for mask in masks]
    limits = [SlotSearch(20, word, int(mask.sum())) for word, mask in zip(words, masks, strict=True)]
    options = [*limits, SlotSearch(20, words[0], int(masks[0].sum())), SlotSearch(20), SlotSearch(20)]

    assert_alike(index, asked(Distance.DOT, options))


def test_walks_and_scans_go_side_by_side():
    index = indexed(Distance.EUCLID, clustered(6, COUNT, DIM))
    thin = bits.from_bool(np.arange(COUNT) % 100 == 0)
    options = [SlotSearch(10), SlotSearch(10, exact=True), SlotSearch(10, thin, 60), SlotSearch(10, ef=200)] * 2

    assert_alike(index, asked(Distance.EUCLID, options))


def test_a_floor_counts_for_its_own_query():
    index = coded(Distance.DOT, clustered(7, COUNT, DIM))
    options = [SlotSearch(30, floor=floor) for floor in (-np.inf, 50.0, 1000.0)]

    assert_alike(index, asked(Distance.DOT, options))


def test_a_query_of_another_size_refuses_them_all():
    index = coded(Distance.DOT, clustered(8, 100, DIM))

    with pytest.raises(BadInput, match="expected dim: 96, got 1"):
        search_together(index, [*asked(Distance.DOT, [SlotSearch(1)]), (b"abcd", SlotSearch(1))])
