"""A graph told in other row numbers.

The graph builder lays rows out in an order of its own. A segment has one order, that of its leading slot; the graphs of
its other slots are told back in the numbers that their rows have.
"""

import numpy as np

from shared.segment.array_file import slices
from shared.segment.index.graph import Graph
from shared.segment.index.graph_build import BuiltGraph


def over_old_rows(built: BuiltGraph) -> Graph:
    """Return the graph over the rows as they lay before `order`: old row order[r] gets the neighbours of new row r."""
    order, graph = built.order.astype(np.int64), built.graph
    n = len(order)
    place_of = np.empty(n, dtype=np.int64)
    place_of[order] = np.arange(n)
    degrees = np.diff(graph.offsets)[place_of]
    offsets = np.zeros(n + 1, dtype=np.int64)
    np.cumsum(degrees, out=offsets[1:])
    neighbors = np.empty(int(offsets[-1]), dtype=np.int32)
    for piece in slices(n, _ROW_BYTES):
        first, last = int(offsets[piece.start]), int(offsets[piece.stop])
        shifts = graph.offsets[place_of[piece]] - offsets[piece]
        taken = np.arange(first, last) + np.repeat(shifts, degrees[piece])
        neighbors[first:last] = order[graph.neighbors[taken]]
    return Graph(offsets, neighbors, order[graph.entries].astype(np.int32))


_ROW_BYTES = 512
"""Temporary bytes for one row, about."""
