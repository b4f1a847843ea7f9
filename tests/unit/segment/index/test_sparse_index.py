"""Sparse slots: dot products over shared indices, the same by rows and by inverted lists, for every datatype."""

import gc

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.errors import BadInput
from shared.schema.slots import Datatype, Distance, SlotKind
from shared.segment import bits
from shared.segment.index.base import SlotSearch
from shared.segment.index.postings import BUILDS, PAIRS_AT_ONCE, Pairs, PostingsCache, build_postings
from shared.segment.index.sparse import SparseIndex
from shared.segment.kernels.sparse_scan import BLOCK
from shared.segment.layout import SlotLayout

Rows = list[dict[int, float]]


def layout(datatype: Datatype = Datatype.FLOAT32) -> SlotLayout:
    return SlotLayout(0, Distance.DOT, SlotKind.SPARSE, datatype)


def packed(vector: dict[int, float]) -> bytes:
    return np.array(sorted(vector), "<u4").tobytes() + np.array([vector[i] for i in sorted(vector)], "<f4").tobytes()


def sparse(rows: Rows, *, final: bool = True, datatype: Datatype = Datatype.FLOAT32, cache=None) -> SparseIndex:
    indices = np.array([index for row in rows for index in sorted(row)], np.uint32)
    values = np.array([row[index] for row in rows for index in sorted(row)], np.float32)
    offsets = np.concatenate([[0], np.cumsum([len(row) for row in rows])]).astype(np.int64)
    return SparseIndex(
        layout(datatype), indices, values, offsets, len(rows), final=final, cache=cache or PostingsCache()
    )


def expected(rows: Rows, query: dict[int, float], limit: int, passes=None) -> list[tuple[int, float]]:
    """Score in float32, in the order of the indices; only rows that share one."""
    found = []
    for row, vector in enumerate(rows):
        shared = sorted(vector.keys() & query.keys())
        if shared and (passes is None or passes[row]):
            total = np.float32(0)
            for index in shared:
                total += np.float32(query[index]) * np.float32(vector[index])
            found.append((row, float(total)))
    return sorted(found, key=lambda hit: (-hit[1], hit[0]))[:limit]


def hits(index: SparseIndex, query: dict[int, float], options: SlotSearch) -> list[tuple[int, float]]:
    rows, scores = index.search(packed(query), options)
    return list(zip(rows.tolist(), scores.tolist(), strict=True))


def some_rows(seed: int, count: int, indices: int = 60, length: int = 12) -> Rows:
    draw = np.random.default_rng(seed)
    return [
        {
            int(index): float(np.float32(draw.standard_normal()))
            for index in draw.choice(indices, draw.integers(0, length), replace=False)
        }
        for _ in range(count)
    ]


VECTORS = st.dictionaries(
    st.integers(0, 9) | st.sampled_from([2**32 - 1, 2**31]), st.floats(-8, 8, width=16), max_size=6
)


@settings(deadline=None, max_examples=80)
@given(
    rows=st.lists(VECTORS, min_size=1, max_size=140),
    query=VECTORS,
    limit=st.integers(1, 200),
    passing=st.integers(0, 2**64),
)
def test_rows_and_lists_give_what_plain_sums_give(rows, query, limit, passing):
    passes = np.array([(passing >> (row % 65)) & 1 for row in range(len(rows))], np.bool_)
    words, matching = bits.from_bool(passes), int(passes.sum())

    found = [hits(sparse(rows, final=final), query, SlotSearch(limit, words, matching)) for final in (False, True)]

    assert found[0] == found[1] == expected(rows, query, limit, passes)


def test_lists_that_pass_the_end_of_a_block_of_rows_are_added_up_whole():
    rows = [{7: float(row % 1000), 9: 1.0} if row % 3 else {8: 1.0} for row in range(2 * BLOCK + 100)]
    index = sparse(rows)

    found = hits(index, {7: 1.0, 9: 0.5}, SlotSearch(50))

    assert index.code_bytes > 0
    assert found == expected(rows, {7: 1.0, 9: 0.5}, 50)


def test_a_long_row_is_searched_for_the_indices_of_a_short_query():
    rows = [{index: 1.0 + index for index in range(0, 4000, 2)}, {3: 5.0}]

    found = hits(sparse(rows, final=False), {3: 1.0, 1000: 1.0, 3998: 1.0, 5000: 1.0}, SlotSearch(5))

    assert found == [(0, 1001.0 + 3999.0), (1, 5.0)]


def test_a_row_that_shares_an_index_is_a_hit_whatever_its_score():
    rows = [{1: 0.0}, {1: -3.0}, {2: 5.0}, {}]

    for final in (False, True):
        assert hits(sparse(rows, final=final), {1: 1.0}, SlotSearch(10)) == [(0, 0.0), (1, -3.0)]


def test_a_query_of_unknown_indices_or_of_none_finds_nothing():
    index = sparse(some_rows(1, 50))

    assert hits(index, {10**6: 1.0}, SlotSearch(10)) == []
    assert hits(index, {}, SlotSearch(10)) == []
    assert hits(sparse([]), {1: 1.0}, SlotSearch(10)) == []
    assert hits(sparse([{}, {}]), {1: 1.0}, SlotSearch(10)) == []


def test_a_query_of_odd_bytes_is_refused():
    with pytest.raises(BadInput, match="expected indices and as many weights"):
        sparse([{1: 1.0}]).search(b"1234", SlotSearch(1))


def test_rows_that_were_appended_show_after_replace():
    index = sparse([{1: 1.0}], final=False)
    longer = sparse([{1: 1.0}, {1: 2.0}])

    index.replace(longer.indices, longer.values, longer.offsets, 2)

    assert hits(index, {1: 1.0}, SlotSearch(5)) == [(1, 2.0), (0, 1.0)]


def test_full_scan_threshold_keeps_lists_from_being_built():
    rows = some_rows(2, 300)
    index = sparse(rows)

    found = hits(index, {5: 1.0}, SlotSearch(10, scan_rows=300))

    assert index.code_bytes == 0
    assert found == hits(index, {5: 1.0}, SlotSearch(10, scan_rows=299))
    assert index.code_bytes > 0


PAIR_BYTES = [(Datatype.FLOAT32, 8), (Datatype.FLOAT16, 6), (Datatype.UINT8, 5)]


@pytest.mark.parametrize(("datatype", "pair_bytes"), PAIR_BYTES)
def test_lists_take_the_bytes_of_their_datatype_and_scores_stay_those_of_the_pairs(datatype, pair_bytes):
    rows = some_rows(3, 3000, indices=200, length=60)
    index = sparse(rows, datatype=datatype)
    query = some_rows(4, 1, indices=200, length=60)[0] | {1: 1.0}

    found = hits(index, query, SlotSearch(20))

    lists = 200 * 20 + 8
    assert index.pair_count * pair_bytes < index.code_bytes <= index.pair_count * pair_bytes + lists
    truth = dict(expected(rows, query, 3000))
    assert all(truth[row] == score for row, score in found)
    assert [row for row, _ in found] == [row for row, _ in expected(rows, query, 20)]
    assert hits(index, query, SlotSearch(20, exact=True)) == expected(rows, query, 20)


def test_values_beyond_float16_keep_their_order():
    rows = [{1: 70_000.0}, {1: 80_000.0}, {1: 1.0}]

    found = hits(sparse(rows, datatype=Datatype.FLOAT16), {1: 1.0}, SlotSearch(2))

    assert found == [(1, 80_000.0), (0, 70_000.0)]


def test_lists_without_room_are_not_built_and_rows_give_the_same_answers():
    rows = some_rows(5, 400)
    needed = build_postings(_pairs(rows), len(rows), Datatype.FLOAT32).nbytes
    cache = PostingsCache(needed + needed // 2)
    first, second = sparse(rows, cache=cache), sparse(rows, cache=cache)
    assert (first.builds_lists, second.builds_lists) == (True, True)

    answers = [hits(index, {5: 1.0, 7: 1.0}, SlotSearch(400)) for index in (first, second, first)]

    assert (first.code_bytes, second.code_bytes, cache.used_bytes) == (needed, 0, needed)
    assert answers[0] == answers[1] == answers[2]
    assert (first.builds_lists, second.builds_lists) == (False, False)


def test_lists_that_turn_out_larger_than_the_room_are_built_but_once():
    rows = [{row * 10 + at: 1.0 for at in range(3)} for row in range(200)]
    index = sparse(rows, cache=PostingsCache(600 * 8 + 100))
    assert index.builds_lists

    found = [hits(index, {31: 1.0}, SlotSearch(5)) for _ in range(2)]

    assert found == [[(3, 1.0)]] * 2
    assert not index.builds_lists


def test_large_lists_are_built_aside_while_rows_are_scanned():
    count = PAIRS_AT_ONCE // 20 + 1
    indices = np.tile(np.arange(20, dtype=np.uint32), count)
    values = np.random.default_rng(1).random(len(indices)).astype(np.float32)
    offsets = np.arange(count + 1, dtype=np.int64) * 20
    index = SparseIndex(layout(), indices, values, offsets, count, final=True, cache=PostingsCache())

    first = hits(index, {3: 1.0, 4: -1.0}, SlotSearch(9))
    counted = index.count_terms(np.array([3], np.uint32), None).tolist()
    BUILDS.submit(int).result()
    second = hits(index, {3: 1.0, 4: -1.0}, SlotSearch(9))

    assert index.code_bytes > 0
    assert first == second
    assert counted == index.count_terms(np.array([3], np.uint32), None).tolist() == [count]


def test_lists_of_an_index_that_is_gone_leave_the_cache():
    cache = PostingsCache()
    index = sparse(some_rows(6, 100), cache=cache)
    hits(index, {5: 1.0}, SlotSearch(1))
    assert cache.used_bytes > 0

    del index
    gc.collect()

    assert cache.used_bytes == 0


@settings(deadline=None, max_examples=60)
@given(
    rows=st.lists(VECTORS, min_size=1, max_size=140),
    query=st.sets(st.integers(0, 11), max_size=6),
    passing=st.none() | st.integers(0, 2**64),
)
def test_terms_are_counted_over_the_rows_that_pass(rows, query, passing):
    indices = np.array(sorted(query), np.uint32)
    passes = np.array([passing is None or (passing >> (row % 65)) & 1 for row in range(len(rows))], np.bool_)
    words = None if passing is None else bits.from_bool(passes)

    found = [sparse(rows, final=final).count_terms(indices, words).tolist() for final in (False, True)]

    counts = [sum(1 for row, passed in zip(rows, passes, strict=True) if passed and i in row) for i in sorted(query)]
    assert found == [counts, counts]


def test_packed_rows_are_indices_and_then_values():
    index = sparse([{1: 0.5, 3: -2.0}, {}, {9: 4.0}])

    found = index.packed(np.array([2, 0, 1]))

    assert found == [packed({9: 4.0}), packed({1: 0.5, 3: -2.0}), b""]


def _pairs(rows: Rows) -> Pairs:
    index = sparse(rows)
    return Pairs(index.indices, index.values, index.offsets)
