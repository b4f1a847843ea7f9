"""Approximate nearest neighbour lists by NN-descent: the only import of pynndescent.

pynndescent compiles some 20 to 50 s per process, so it is imported when first needed, in the builder's process, and
that process stays warm. Its `dot` metric assumes unit vectors: callers extend rows and ask for `euclidean`.
"""

import warnings
from typing import Any

import numpy as np
import numpy.typing as npt

METRICS = ("euclidean", "manhattan")


def neighbour_lists(
    vectors: npt.NDArray[np.float32], k: int, metric: str, seed: int, threads: int
) -> npt.NDArray[np.int32]:
    """Return int32 (n, k) neighbours of each row, nearest first, -1 where none was found; n > k."""
    assert metric in METRICS, f"expected one of {METRICS}, got {metric}"
    assert len(vectors) > k + 1, f"expected more than {k + 1} rows, got {len(vectors)}"
    import shared.segment.kernels  # noqa: F401 -- decides numba's target and cache before pynndescent compiles

    pynndescent = _imported()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        lists, _ = pynndescent.NNDescent(
            vectors, metric=metric, n_neighbors=k + 1, random_state=seed, n_jobs=threads, low_memory=True
        ).neighbor_graph
    return _without_self(np.asarray(lists, dtype=np.int32))


def _imported() -> Any:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        import pynndescent

        return pynndescent


def _without_self(lists: npt.NDArray[np.int32]) -> npt.NDArray[np.int32]:
    """Return the lists without each row itself, or without the last where the row is not in its own list."""
    own = lists == np.arange(len(lists), dtype=np.int32)[:, None]
    own[~own.any(axis=1), -1] = True
    own &= own.cumsum(axis=1) == 1
    return np.ascontiguousarray(lists[~own].reshape(len(lists), -1))
