"""Builds the graph of a sealed segment: nearest neighbours, pruning, refinement by search, connection, row order."""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared.schema.collections import Distance, HnswConfig
from shared.segment.index.graph import Graph

Progress = Callable[[str, int, int], None]
"""stage, done, total"""


class BuiltGraph(NamedTuple):
    """A graph over rows that are to be laid out as `vectors[order]`.

    order   int32 (n,): new row r is old row order[r]
    graph   over the new rows
    """

    order: npt.NDArray[np.int32]
    graph: Graph


def build_graph(
    vectors: npt.NDArray[np.float32],
    distance: Distance,
    hnsw: HnswConfig,
    threads: int = 0,
    progress: Progress | None = None,
    seed: int = 1,
    density: float = 1.0,
) -> BuiltGraph:
    """Return the graph and the row order for `vectors` (n, dim). `threads` 0 takes all processors.

    density   > 1 asks for more neighbours and wider beams: for the repeat after a missed recall gate
    """
    raise NotImplementedError


def warm_builder(distance: Distance = Distance.COSINE, dim: int = 64) -> None:
    """Pay pynndescent's and our own compilation for a metric up front, with small data."""
    raise NotImplementedError
