"""The order of a build's rows, and the graphs that this order decides.

1. rank    rows by the field that orders them, if there is one (row_keys.py)
2. lead    the dense slot with most elements among those that get graphs decides the order of rows of equal rank: that
           of its graph over all rows, or within each large block that of the block's graph
3. tell    graphs that were built in another order are told in the final one
Every other slot's graphs are built over the rows as they then lie.
"""

from collections.abc import Callable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.schema.collections import HnswConfig
from shared.segment.gather import LiveRows
from shared.segment.graph_order import over_old_rows
from shared.segment.index.graph import Graph
from shared.segment.index.graph_build import BuiltGraph
from shared.segment.index.groups import Groups, GroupsMaker
from shared.segment.row_keys import Ranks, block_starts

Vectors = NDArray[np.float32]
Build = Callable[[Vectors, HnswConfig], BuiltGraph]
"""Builds a graph over vectors."""


class SlotGraphs(NamedTuple):
    """What searches of one slot walk."""

    graph: Graph | None = None
    groups: Groups | None = None


class GroupPlan(NamedTuple):
    """How the blocks of one slot are graphed: those of more than `over` rows, with this config."""

    hnsw: HnswConfig
    over: int


def group_plan(hnsw: HnswConfig, links: int, dim: int) -> GroupPlan:
    """Return the plan for blocks whose graphs have `links` links; with none, no block gets one."""
    over = hnsw.full_scan_threshold * 1024 // (4 * dim)
    return GroupPlan(hnsw.model_copy(update={"m": links}), over)


def by_rank(order: NDArray[np.int32], ranks: Ranks) -> NDArray[np.int64]:
    """Return how to move rows that lie in `order`, so that their ranks ascend and equal ones stay as they lie."""
    return np.argsort(ranks[order], kind="stable")


def moved(graph: Graph, moves: NDArray[np.int64]) -> Graph:
    """Return a graph told over its rows laid out as `rows[moves]`."""
    places = np.empty(len(moves), dtype=np.int32)
    places[moves] = np.arange(len(moves), dtype=np.int32)
    return over_old_rows(BuiltGraph(places, graph))


def graph_blocks(
    vectors: Vectors, starts: NDArray[np.int64], plan: GroupPlan, build: Build, *, keeps_order: bool
) -> tuple[NDArray[np.int64], Groups]:
    """Return the order of the rows and the graphs of their large blocks over that order.

    vectors       of rows that lie block by block
    keeps_order   rows stay as they lie; else those of a graphed block take the order of its graph
    """
    order = np.arange(len(vectors), dtype=np.int64)
    maker = GroupsMaker(starts)
    large: list[int] = np.flatnonzero(np.diff(starts) > plan.over).tolist() if plan.hnsw.m > 0 else []
    for number in large:
        first, last = int(starts[number]), int(starts[number + 1])
        built = build(vectors[first:last], plan.hnsw)
        if keeps_order:
            maker.add(number, over_old_rows(built))
        else:
            maker.add(number, built.graph)
            order[first:last] = first + built.order
    return order, maker.made()


def ranked(live: LiveRows, ranks: Ranks) -> tuple[LiveRows, NDArray[np.int64]]:
    """Return the rows in the order of their ranks, and where the blocks of equal ones begin."""
    moves = by_rank(np.arange(len(live), dtype=np.int32), ranks)
    return live.reordered(moves), block_starts(ranks[moves])
