"""Searches and term counts over the segments of a shard: fresh and sealed rows of sparse and multivector slots."""

from typing import Any

import numpy as np
import pytest

from shared.errors import BadInput
from shared.query.search import search_segments
from shared.query.term_stats import count_terms
from shared.schema.collections import CollectionConfig, SparseVectorParams, VectorParams
from shared.schema.queries import Search, SearchParams, TermCounts, Terms
from shared.schema.slots import Distance, MultivectorConfig
from shared.segment.appendable import AppendableSegment
from shared.segment.batches import MultiBatch, SparseBatch, offsets_of
from shared.segment.id_map import IdBatch
from shared.segment.layout import layout_of
from shared.segment.rows import RowBatch
from tests import builders

CONFIG = CollectionConfig(
    vectors={"m": VectorParams(size=3, distance=Distance.DOT, multivector_config=MultivectorConfig())},
    sparse_vectors={"s": SparseVectorParams()},
)


def sparse_bytes(vector: dict[int, float]) -> bytes:
    return np.array(sorted(vector), "<u4").tobytes() + np.array([vector[at] for at in sorted(vector)], "<f4").tobytes()


def segment(rows: list[Any], first_id: int = 1, sealed: bool = False) -> Any:
    """A segment of points (sparse vector or None, multivector or None, payload)."""
    made = AppendableSegment("a00000001", layout_of(CONFIG), 7)
    sparse, multi = [row[0] or {} for row in rows], [row[1] or [] for row in rows]
    pairs = [(index, value) for row in sparse for index, value in sorted(row.items())]
    slots = {
        "s": SparseBatch(
            np.array([index for index, _ in pairs], np.uint32),
            np.array([value for _, value in pairs], np.float32),
            offsets_of(np.array([len(row) for row in sparse])),
            np.array([row[0] is not None for row in rows]),
        ),
        "m": MultiBatch(
            np.array([one for row in multi for one in row], np.float32).reshape(-1, 3),
            offsets_of(np.array([len(row) for row in multi])),
            np.array([row[1] is not None for row in rows]),
        ),
    }
    ids = IdBatch.from_ids(list(range(first_id, first_id + len(rows))))
    payloads = [builders.payload_text(row[2]) if len(row) > 2 else b"" for row in rows]
    made.append(RowBatch(ids, np.ones(len(rows), np.uint64), slots, payloads))
    return made.seal() if sealed else made


def two_segments():
    """Ids 1 to 4 sealed, 5 to 7 fresh; 2 and 6 lack the sparse slot."""
    older = [({1: 1.0, 2: 1.0}, [[1, 0, 0]]), (None, [[0, 1, 0]]), ({2: 3.0}, None), ({}, [[2, 0, 0], [0, 2, 0]])]
    newer = [({1: 2.0}, None, {"c": 1}), (None, None), ({1: -1.0, 3: 1.0}, [[0, 0, 1]], {"c": 1})]
    return [segment(older, sealed=True), segment(newer, first_id=5)]


def found(segments, search):
    ranking = search_segments(segments, search)
    return list(zip(ranking.ids, ranking.scores, strict=True))


@pytest.mark.parametrize("exact", [False, True])
def test_sparse_points_of_all_segments_rank_together_and_strangers_stay_out(exact):
    search = Search("s", sparse_bytes({1: 1.0, 3: 0.5}), 10, params=SearchParams(exact=exact))

    assert found(two_segments(), search) == [(5, 2.0), (1, 1.0), (7, -0.5)]


def test_multivectors_of_all_segments_rank_together():
    query = np.array([[1, 0, 0], [0, 1, 0]], "<f4").tobytes()

    best = found(two_segments(), Search("m", query, 3))

    assert best == [(4, 4.0), (1, 1.0), (2, 1.0)]


def test_indexed_only_leaves_out_no_slot_that_never_has_a_graph():
    params = SearchParams(indexed_only=True)

    assert len(found(two_segments(), Search("s", sparse_bytes({1: 1.0}), 10, params=params))) == 3
    assert len(found(two_segments(), Search("m", np.ones(3, "<f4").tobytes(), 10, params=params))) == 4


@pytest.mark.parametrize(("slot", "size"), [("m", 4), ("m", 0), ("s", 3)])
def test_a_query_that_fits_no_vector_of_the_slot_is_refused(slot, size):
    with pytest.raises(BadInput, match="expected"):
        found(two_segments(), Search(slot, b"\0" * 4 * size, 1))


def test_terms_are_counted_over_points_that_carry_the_slot():
    indices = np.array([1, 2, 9], "<u4").tobytes()

    counted = count_terms(two_segments(), Terms("s", indices))

    assert counted == TermCounts(5, [3, 2, 0])


def test_dead_points_and_those_outside_the_corpus_are_not_counted():
    segments = two_segments()
    segments[0].tombstone(np.array([0]))
    indices = np.array([1, 2], "<u4").tobytes()

    whole = count_terms(segments, Terms("s", indices))
    narrow = count_terms(segments, Terms("s", indices, builders.filter(must=[builders.match("c", 1)])))

    assert (whole, narrow) == (TermCounts(4, [2, 1]), TermCounts(2, [2, 0]))


def test_terms_of_an_unknown_slot_are_none_and_of_another_kind_refused():
    indices = np.array([1], "<u4").tobytes()

    assert count_terms(two_segments(), Terms("unknown", indices)) == TermCounts(0, [0])
    with pytest.raises(BadInput, match="not sparse"):
        count_terms(two_segments(), Terms("m", indices))
