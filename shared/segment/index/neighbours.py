"""Nearest neighbour lists to begin a graph with: exact for few rows, by NN-descent for many."""

import numpy as np
import numpy.typing as npt

from shared.schema.collections import Distance
from shared.segment.index.exact import scan
from shared.segment.index.nndescent import neighbour_lists
from shared.segment.index.workshop import Flat, Lists, Progress, each_chunk

EXACT_MAX = 10_000
"""Up to so many rows the lists are exact."""

_CHUNK = 256


def nearest_lists(
    vectors: npt.NDArray[np.float32], distance: Distance, k: int, *, seed: int, threads: int, progress: Progress
) -> Flat:
    """Return for each row about k near rows, itself not among them. `distance` is Euclid or Manhattan."""
    count = len(vectors)
    k = min(k, count - 1)
    if count < EXACT_MAX:
        lists = _exact_lists(vectors, distance, k, threads, progress)
    else:
        progress("neighbours", 0, count)
        metric = "euclidean" if distance is Distance.EUCLID else "manhattan"
        lists = neighbour_lists(vectors, k, metric, seed, threads)
        progress("neighbours", count, count)
    return Flat(np.arange(count + 1, dtype=np.int64) * lists.shape[1], lists.reshape(-1))


def _exact_lists(
    vectors: npt.NDArray[np.float32], distance: Distance, k: int, threads: int, progress: Progress
) -> Lists:
    count = len(vectors)
    lists = np.full((count, k), -1, dtype=np.int32)

    def work(first: int, last: int) -> None:
        for row in range(first, last):
            near, _ = scan(distance, vectors, count, vectors[row], None, limit=k + 1)
            lists[row] = near[near != row][:k]

    if k:
        each_chunk(count, _CHUNK, threads, work, lambda done: progress("neighbours", done, count))
    return lists
