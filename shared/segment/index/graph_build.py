"""Builds the graph of a sealed segment, and the row order to lay its rows out in.

1. Rows equal to another are set aside. Dot becomes Euclid: rows are extended by sqrt(M² - |x|²), so that the greatest
   inner product is the smallest distance. Cosine is Euclid of unit rows.
2. Nearest neighbour lists, exact for few rows, by NN-descent for many.
3. A row order that keeps neighbours together; int8 codes in that order. All later distances are between codes.
4. Prune the lists, add reverse links, prune again: a first graph.
5. Refine, twice: walk the graph from every row, choose neighbours from the beam; reverse links, prune again.
6. Entries; links to whatever they do not reach; the rows set aside, as trees below their equals.
"""

import os
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared.schema.collections import Distance, HnswConfig
from shared.segment.index.byte_codes import ByteCodes
from shared.segment.index.connection import choose_entries, connected, distinct_rows, with_duplicates
from shared.segment.index.graph import Graph
from shared.segment.index.neighbours import EXACT_MAX, nearest_lists
from shared.segment.index.row_order import local_order
from shared.segment.index.workshop import (
    Bench,
    Flat,
    Lists,
    Progress,
    Pruning,
    both_ways,
    each_chunk,
    flat,
    pruned,
    refined,
    reinforced,
)
from shared.segment.kernels.connect import hash_rows
from shared.segment.kernels.table import address
from shared.segment.kernels.warmup import warmup

Floats = npt.NDArray[np.float32]

ALPHA = 1.1
"""Of squared distances; its square root for Manhattan."""

UNEVEN = 0.8
"""Dot refines by inner products when the mean squared norm is below so much of the greatest."""

FIRST_BEAM = 0.4
"""The first of two refinements uses so much of the beam: it pays for itself by the graph that the second one walks."""

HOLDERS = 4
"""Every row is in at least so many lists, where there is room."""

_CHUNK = 4096


class BuiltGraph(NamedTuple):
    """A graph over rows that are to be laid out as `vectors[order]`.

    order   int32 (n,): new row r is old row order[r]
    graph   over the new rows
    """

    order: Lists
    graph: Graph


class Job(NamedTuple):
    """How a build is done."""

    seed: int
    threads: int
    report: Progress


class Shape(NamedTuple):
    """What a config means to the builder: lengths of lists and beams."""

    nearest: int
    width: int
    cap: int
    beam: int


def shape_of(hnsw: HnswConfig, density: float = 1.0) -> Shape:
    """Return the shape for a config. The reference's base layer has 2m links; ours 2m chosen, up to 3m with reverse."""
    m = max(4.0, hnsw.m * density)
    width = round(2 * m)
    beam = max(round(hnsw.ef_construct * density), width)
    return Shape(nearest=round(min(48.0, max(16.0, m))), width=width, cap=round(3 * m), beam=beam)


def build_graph(
    vectors: Floats,
    distance: Distance,
    hnsw: HnswConfig,
    *,
    threads: int = 0,
    progress: Progress | None = None,
    seed: int = 1,
    density: float = 1.0,
) -> BuiltGraph:
    """Return the graph and the row order for `vectors` (n, dim), n < 2**31. `threads` 0 takes all processors.

    density   > 1 asks for more neighbours and wider beams: for the repeat after a missed recall gate
    """
    assert hnsw.m > 0, "m 0 asks for no graph"
    job = Job(seed, threads or os.cpu_count() or 1, progress or _silent)
    if len(vectors) == 0:
        return BuiltGraph(np.empty(0, dtype=np.int32), _empty_graph())
    distinct = distinct_rows(vectors, _hashes(vectors, job.threads))
    rows = vectors if len(distinct.rows) == len(vectors) else np.ascontiguousarray(vectors[distinct.rows])
    order, graph, entries = _linked(rows, distance, shape_of(hnsw, density), job)
    if len(rows) < len(vectors):
        graph, order, places = with_duplicates(graph, order, distinct)
        entries = places[entries].astype(np.int32)
    return BuiltGraph(order, Graph(graph.offsets, graph.rows, entries))


def _linked(rows: Floats, distance: Distance, shape: Shape, job: Job) -> tuple[Lists, Flat, Lists]:
    """Return row order, graph and entries over distinct rows; the graph's rows are in the new order."""
    geometry = Distance.MANHATTAN if distance is Distance.MANHATTAN else Distance.EUCLID
    space = extended(rows) if distance is Distance.DOT else rows
    lists = nearest_lists(space, geometry, shape.nearest, seed=job.seed, threads=job.threads, progress=job.report)
    order = local_order(lists, len(rows))
    space = np.ascontiguousarray(space[order])
    alpha = ALPHA if geometry is Distance.EUCLID else ALPHA**0.5
    bench = Bench(_encoded(space, geometry, job.threads), geometry, job.threads, job.report)
    chosen = pruned(bench, _reordered(lists, order), Pruning(shape.width, alpha, shape.width // 2))
    graph = flat(pruned(bench, both_ways(chosen), Pruning(shape.cap, alpha, shape.cap)))
    if distance is Distance.DOT and norms_vary(rows):
        codes = _encoded(np.ascontiguousarray(rows[order]), Distance.DOT, job.threads)
        bench, alpha = Bench(codes, Distance.DOT, job.threads, job.report), 1.0
    for beam in (round(FIRST_BEAM * shape.beam), shape.beam):
        wide = min(max(beam, shape.width), len(rows))
        chosen, nearest = refined(bench, graph, wide, Pruning(shape.width, alpha, shape.width // 2))
        chosen = pruned(bench, both_ways(chosen), Pruning(shape.cap, alpha, shape.cap))
        graph = flat(reinforced(chosen, nearest, HOLDERS, shape.width))
    job.report("connect", 0, len(rows))
    entries = choose_entries(space, job.seed)
    graph = connected(bench, graph, entries)
    job.report("connect", len(rows), len(rows))
    return order, graph, entries


def norms_vary(vectors: Floats) -> bool:
    """Return whether the longest row is so much longer than most that inner products are not distances."""
    squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    return bool(squares.mean() < UNEVEN * squares.max())


def extended(vectors: Floats) -> Floats:
    """Return rows (n, dim + 1), all of the length of the longest, between which distances order as inner products."""
    squares = np.einsum("ij,ij->i", vectors, vectors, dtype=np.float64)
    rest = np.sqrt(np.maximum(squares.max() - squares, 0))
    return np.concatenate([vectors, rest[:, None].astype(np.float32)], axis=1)


def warm_builder(distance: Distance = Distance.COSINE, dim: int = 64) -> None:
    """Pay pynndescent's and our own compilation for a metric up front, with small data."""
    warmup(build=True)
    draw = np.random.default_rng(1)
    build_graph(draw.random((EXACT_MAX, dim), dtype=np.float32), distance, HnswConfig(m=8, ef_construct=16))


def _encoded(vectors: Floats, geometry: Distance, threads: int) -> ByteCodes:
    codes = ByteCodes.prepare(vectors, geometry, is_centred=geometry is not Distance.DOT)
    encode = lambda first, last: codes.encode(vectors, geometry, first, last)  # noqa: E731
    each_chunk(len(vectors), _CHUNK, threads, encode, lambda done: None)
    return codes


def _hashes(vectors: Floats, threads: int) -> npt.NDArray[np.uint64]:
    hashes = np.empty(len(vectors), dtype=np.uint64)

    def work(first: int, last: int) -> None:
        hash_rows(address(vectors), vectors.shape[1], first, last, address(hashes))

    each_chunk(len(vectors), _CHUNK, threads, work, lambda done: None)
    return hashes


def _reordered(lists: Flat, order: Lists) -> Flat:
    """Return lists of equal length in the new order and the new numbers."""
    count = len(order)
    number = np.empty(count + 1, dtype=np.int32)
    number[order] = np.arange(count, dtype=np.int32)
    number[count] = -1
    table = lists.rows.reshape(count, -1)[order]
    return Flat(lists.offsets, np.ascontiguousarray(number[table]).reshape(-1))


def _empty_graph() -> Graph:
    return Graph(np.zeros(1, dtype=np.int64), np.empty(0, dtype=np.int32), np.empty(0, dtype=np.int32))


def _silent(stage: str, done: int, total: int) -> None:
    """Report nothing."""
