"""Keys: their order is score then row; beam and heap keep the best."""

import numba
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.segment.kernels import keys

FLOATS = st.floats(width=32, allow_nan=False)


@numba.njit
def keys_of(scores, rows):
    out = np.empty(len(scores), np.int64)
    for place in range(len(scores)):
        out[place] = keys.score_key(scores[place], rows[place])
    return out


@numba.njit
def parts_of(found):
    rows = np.empty(len(found), np.int64)
    scores = np.empty(len(found), np.float32)
    for place in range(len(found)):
        rows[place] = keys.key_row(found[place])
        scores[place] = keys.key_score(found[place])
    return rows, scores


@numba.njit
def best_by_heap(values, limit):
    heap = np.empty(limit, np.int64)
    size = 0
    for value in values:
        size = keys.heap_keep(heap, size, limit, value)
    keys.heap_sort(heap, size)
    return heap[:size]


@numba.njit
def best_by_beam(values, limit):
    beam = np.empty(limit, np.int64)
    size = 0
    for value in values:
        if size < limit or value < beam[limit - 1]:
            keys.beam_insert(beam, size, limit, value)
            size = min(size + 1, limit)
    return beam[:size]


@settings(deadline=None)
@given(st.lists(st.tuples(FLOATS, st.integers(0, 2**31 - 1)), min_size=1, max_size=50))
def test_keys_order_by_score_down_then_row_up(pairs):
    scores = np.array([score for score, _ in pairs], dtype=np.float32)
    rows = np.array([row for _, row in pairs], dtype=np.int64)

    found = keys_of(scores, rows)

    order = np.argsort(found, kind="stable")
    expected = sorted(range(len(pairs)), key=lambda place: (-scores[place], rows[place]))
    assert [(scores[place], rows[place]) for place in order] == [(scores[place], rows[place]) for place in expected]
    back_rows, back_scores = parts_of(found)
    assert (back_rows == rows).all()
    assert (back_scores == scores).all()


def test_nan_ranks_last_and_both_zeros_alike():
    scores = np.array([np.nan, -np.inf, -0.0, 0.0], dtype=np.float32)

    found = keys_of(scores, np.zeros(4, dtype=np.int64))

    assert found[0] == found[1] == found.max()
    assert found[2] == found[3]


@settings(deadline=None)
@given(st.lists(st.integers(-(2**62), 2**62), unique=True), st.integers(1, 20))
def test_heap_and_beam_keep_the_smallest_keys(values, limit):
    numbers = np.array(values, dtype=np.int64)

    by_heap, by_beam = best_by_heap(numbers, limit), best_by_beam(numbers, limit)

    assert by_heap.tolist() == by_beam.tolist() == sorted(values)[:limit]
