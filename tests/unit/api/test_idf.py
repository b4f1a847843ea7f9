"""Inverse document frequencies: counted by all shards, added up, and turned into the weights of a query."""

import math
from typing import Any

import numpy as np
import pytest

from services.api.idf import frequency_weights, weighed
from services.api.shards import Asking
from services.api.validate.searches import Idf, SearchCall
from shared.schema.collections import CollectionConfig, CollectionRecord
from shared.schema.filters import Filter, HasId
from shared.schema.queries import (
    PayloadSelector,
    Search,
    SearchParams,
    TermCounts,
    TermStats,
    TermStatsReply,
    VectorSelector,
)

CONFIG = CollectionConfig.model_validate({"sparse_vectors": {"plain": {}, "idf": {"modifier": "idf"}}})
ASKING = Asking("Search", 5.0, 5.0, {})
RECORD = CollectionRecord(uuid="00000000-0000-0000-0000-00000000c0de", name="things", config=CONFIG)


class CountingShards:
    """Stands for all shards: answers what it was given, keeps what it was asked."""

    def __init__(self, *replies: TermStatsReply) -> None:
        self.replies = list(replies)
        self.asked: list[TermStats] = []

    async def ask_all(self, record: Any, read: TermStats, kind: type[TermStatsReply], asking: Any) -> Any:
        self.asked.append(read)
        return self.replies


def packed(vector: dict[int, float]) -> bytes:
    return np.array(list(vector), "<u4").tobytes() + np.array(list(vector.values()), "<f4").tobytes()


def searched(slot: str, vector: dict[int, float], idf: Idf | None = None) -> tuple[SearchCall, Search]:
    call = SearchCall(slot, None, None, 5, 0, None, None, SearchParams(), PayloadSelector(), VectorSelector(), idf)
    return call, Search(slot, packed(vector), 5)


def weights(search: Search) -> list[float]:
    found: list[float] = np.frombuffer(search.vector[len(search.vector) // 2 :], "<f4").tolist()
    return found


@pytest.mark.parametrize(("points", "count"), [(100, 0), (100, 1), (100, 50), (100, 100), (0, 0)])
def test_the_weight_is_the_logarithm_of_the_reference(points: int, count: int) -> None:
    [weight] = frequency_weights(points, [count])

    assert weight == pytest.approx(math.log((points - count + 0.5) / (count + 0.5) + 1))
    assert weight > 0


async def test_counts_of_all_shards_are_added_before_they_are_weights() -> None:
    shards: Any = CountingShards(TermStatsReply([TermCounts(10, [4, 0])]), TermStatsReply([TermCounts(30, [16, 1])]))

    [search] = await weighed(shards, RECORD, [searched("idf", {3: 2.0, 8: -1.0})], ASKING)

    expected = [2.0 * math.log((40 - 20 + 0.5) / 20.5 + 1), -math.log((40 - 1 + 0.5) / 1.5 + 1)]
    assert weights(search) == pytest.approx(expected)
    assert search.vector[:8] == packed({3: 0.0, 8: 0.0})[:8]


async def test_a_batch_asks_once_and_only_for_slots_that_weigh() -> None:
    reply = TermStatsReply([TermCounts(10, [1]), TermCounts(5, [5])])
    shards: Any = CountingShards(reply)
    corpus = Filter(must=[HasId([1])])
    given = [searched("plain", {1: 1.0}), searched("idf", {1: 1.0}), searched("idf", {2: 1.0}, Idf(corpus))]

    found = await weighed(shards, RECORD, given, ASKING)

    assert [[(each.slot, each.corpus) for each in read.terms] for read in shards.asked] == [
        [("idf", None), ("idf", corpus)]
    ]
    assert [weights(search)[0] for search in found] == pytest.approx(
        [1.0, frequency_weights(10, [1])[0], frequency_weights(5, [5])[0]]
    )


async def test_searches_without_such_slots_ask_nobody() -> None:
    shards: Any = CountingShards()
    given = [searched("plain", {1: 1.0}), searched("idf", {})]

    found = await weighed(shards, RECORD, given, ASKING)

    assert shards.asked == []
    assert found == [search for _, search in given]
