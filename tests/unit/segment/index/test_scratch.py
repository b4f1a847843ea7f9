"""Scratch: marks never repeat before they are cleared, no two kernels share one, the pool is bounded."""

import numpy as np
from slots import clustered, fit, indexed

from shared.schema.collections import Distance
from shared.segment.index.base import SlotSearch
from shared.segment.index.scratch import POOLED_MAX, Scratch, ScratchPool, aligned
from shared.segment.kernels.table import AT


def test_marks_are_cleared_when_all_were_used():
    scratch = Scratch()
    scratch.fit_walk(10, 100)
    marks = scratch._arrays[AT.visited]

    used = [scratch.next_epoch() for _ in range(255)]
    marks[:] = 200
    again = scratch.next_epoch()

    assert sorted(used) == list(range(1, 256))
    assert again == 1
    assert not marks.any()


def test_walks_stay_right_beyond_the_last_mark():
    index = indexed(Distance.COSINE, fit(Distance.COSINE, clustered(1, 3000, 32)))
    query = index.vectors[5]

    answers = {tuple(index.search(query, SlotSearch(5, ef=16))[0].tolist()) for _ in range(600)}

    assert len(answers) == 1


def test_a_scratch_is_leased_once_and_the_pool_is_bounded():
    pool = ScratchPool()

    with pool.lease() as first, pool.lease() as second:
        assert first is not second
    for scratch in [Scratch() for _ in range(POOLED_MAX + 5)]:
        pool.give(scratch)

    assert len({id(pool.take()) for _ in range(POOLED_MAX)}) == POOLED_MAX
    assert pool._free == []


def test_aligned_arrays_begin_at_a_cache_line():
    arrays = [aligned((size, 3), np.float32) for size in (0, 1, 5, 1000)]

    assert [array.ctypes.data % 64 for array in arrays if array.size] == [0, 0, 0]
    assert [array.shape for array in arrays] == [(0, 3), (1, 3), (5, 3), (1000, 3)]
