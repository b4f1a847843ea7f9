"""The scan of raw rows against plain numpy."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.schema.collections import Distance
from shared.segment import bits
from shared.segment.index.exact import scan, score_rows


@settings(deadline=None, max_examples=80)
@given(
    count=st.integers(1, 400),
    dim=st.integers(1, 130),
    limit=st.integers(1, 50),
    share=st.sampled_from([None, 0.0, 0.02, 0.5, 1.0]),
    distance=st.sampled_from(list(Distance)),
    seed=st.integers(0, 2**32 - 1),
)
def test_scan_gives_the_best_passing_rows_in_order(count, dim, limit, share, distance, seed):
    draw = np.random.default_rng(seed)
    vectors = draw.integers(-4, 5, (count, dim)).astype(np.float32)
    query = draw.integers(-4, 5, dim).astype(np.float32)
    passes = np.ones(count, dtype=bool) if share is None else draw.random(count) < share

    rows, scores = scan(distance, vectors, count, query, None if share is None else bits.from_bool(passes), limit=limit)

    kept = np.flatnonzero(passes)
    all_scores = score_rows(distance, vectors, query, kept)
    order = np.lexsort((kept, -all_scores))[:limit]
    assert rows.tolist() == kept[order].tolist()
    assert scores.tobytes() == all_scores[order].tobytes()


def test_rows_beyond_the_count_are_not_looked_at():
    vectors = np.ones((100, 3), dtype=np.float32)

    rows, _ = scan(Distance.DOT, vectors, 70, vectors[0], bits.full(100), limit=100)

    assert rows.tolist() == list(range(70))


def test_rows_beyond_short_words_do_not_pass():
    vectors = np.ones((200, 3), dtype=np.float32)

    rows, _ = scan(Distance.DOT, vectors, 200, vectors[0], bits.full(65), limit=200)

    assert rows.tolist() == list(range(65))


def test_read_only_maps_are_scanned_as_they_are(tmp_path):
    np.save(tmp_path / "rows.npy", np.arange(600, dtype=np.float32).reshape(100, 6))
    mapped = np.load(tmp_path / "rows.npy", mmap_mode="r")

    rows, scores = scan(Distance.EUCLID, mapped, 100, np.array(mapped[42]), None, limit=1)

    assert not mapped.flags.writeable
    assert (rows.tolist(), scores.tolist()) == ([42], [0.0])


def test_a_row_out_of_range_is_our_mistake():
    with pytest.raises(AssertionError, match="out of range"):
        score_rows(Distance.DOT, np.ones((3, 2), np.float32), np.ones(2, np.float32), np.array([3]))
