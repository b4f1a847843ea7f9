"""Makes every row reachable: entries, links to rows that no walk would find, duplicates on their representative."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared.segment.index.scratch import Scratch
from shared.segment.index.workshop import Bench, Flat, Lists
from shared.segment.kernels.connect import nearest_reached, spread
from shared.segment.kernels.table import AT, address

ENTRIES_MAX = 256
_SAMPLE = 4096
_BEAM = 32

Floats = npt.NDArray[np.float32]


def choose_entries(vectors: Floats, seed: int) -> Lists:
    """Return at most 256 well-spread rows: each next one drawn from a sample by squared distance to those before.

    So every far cluster gets an entry, and dense regions get several.
    """
    count = len(vectors)
    draw = np.random.default_rng(seed)
    sample = np.sort(draw.choice(count, min(count, _SAMPLE), replace=False))
    rows = np.asarray(vectors[sample], dtype=np.float32)
    squares = np.einsum("ij,ij->i", rows, rows)
    weights = np.full(len(rows), np.inf, dtype=np.float32)
    chosen = [int(draw.integers(len(rows)))]
    while len(chosen) < min(ENTRIES_MAX, len(rows)):
        last = chosen[-1]
        distances = np.maximum(squares - 2 * (rows @ rows[last]) + squares[last], 0)
        distances[last] = 0
        weights = np.minimum(weights, distances)
        total = np.cumsum(weights, dtype=np.float64)
        if total[-1] <= 0:
            break
        chosen.append(int(np.searchsorted(total, draw.random() * total[-1], side="right").clip(0, len(rows) - 1)))
    return np.unique(sample[chosen]).astype(np.int32)


def connected(bench: Bench, graph: Flat, entries: Lists) -> Flat:
    """Return the graph with links so that every row is reached from the entries.

    A row that is not reached is linked both ways with the nearest reached row that a walk finds for it.
    """
    count = bench.count
    reached = np.zeros(count, dtype=np.int32)
    queue = np.empty(count, dtype=np.int32)
    queue[: len(entries)] = entries
    reached[entries] = 1
    places = address(graph.offsets), address(graph.rows), count, address(reached), address(queue)
    tail = spread(*places, 0, len(entries))
    links: list[tuple[int, int]] = []
    scratch = Scratch()
    scratch.fit_walk(_BEAM, count)
    table = bench.table(scratch)
    table[AT.offsets], table[AT.neighbors] = places[0], places[1]
    table[AT.entries], table[AT.entry_count] = address(entries), len(entries)
    entry_rows = bench.codes.copies(entries)
    table[AT.entry_rows] = address(entry_rows)
    table[AT.ef] = min(_BEAM, count)
    first = 0
    while tail < count:
        first += int(np.argmin(reached[first:]))
        table[AT.epoch] = scratch.next_epoch()
        target = nearest_reached(table, first)
        links += [(target, first), (first, target)]
        reached[first] = 1
        queue[tail] = first
        tail = spread(*places, tail, tail + 1)
    return with_links(graph, np.array(links, dtype=np.int64).reshape(-1, 2))


def with_links(graph: Flat, links: npt.NDArray[np.int64]) -> Flat:
    """Return the graph with further links (k, 2), from and to."""
    if len(links) == 0:
        return graph
    rows = np.insert(graph.rows, graph.offsets[links[:, 0] + 1], links[:, 1].astype(np.int32))
    added = np.bincount(links[:, 0], minlength=len(graph.offsets) - 1)
    offsets = graph.offsets.copy()
    offsets[1:] += np.cumsum(added)
    return Flat(offsets, rows)


class Distinct(NamedTuple):
    """Rows without their duplicates.

    rows     int64 (d,): the representative of each group, ascending
    group    int64 (n,): the group of each row
    """

    rows: npt.NDArray[np.int64]
    group: npt.NDArray[np.int64]


def distinct_rows(vectors: Floats, hashes: npt.NDArray[np.uint64]) -> Distinct:
    """Return the groups of equal rows, found by their hashes and compared; a colliding row stands for itself."""
    _, first, group = np.unique(hashes, return_index=True, return_inverse=True)
    representative = first[group]
    doubtful = np.flatnonzero(representative != np.arange(len(vectors)))
    for start in range(0, len(doubtful), 4096):
        rows = doubtful[start : start + 4096]
        differ = (vectors[rows] != vectors[representative[rows]]).any(axis=1)
        representative[rows[differ]] = rows[differ]
    rows, group = np.unique(representative, return_inverse=True)
    return Distinct(rows, group.astype(np.int64))


def with_duplicates(graph: Flat, order: Lists, distinct: Distinct) -> tuple[Flat, Lists, npt.NDArray[np.int64]]:
    """Return graph, order and places for all rows, from those over representatives.

    order    int32 (d,): groups in the order of the graph's rows
    Gives    the graph; int32 (n,) row order with duplicates behind their representative; int64 (d,) the place of each
             of the given graph's rows. Duplicates form a binary tree below their representative, linked both ways.
    """
    count = len(distinct.group)
    rank = np.empty(len(order), dtype=np.int64)
    rank[order] = np.arange(len(order))
    full = np.argsort(rank[distinct.group], kind="stable").astype(np.int32)
    sizes = np.bincount(rank[distinct.group], minlength=len(order))
    places = np.cumsum(sizes) - sizes
    degrees = np.zeros(count, dtype=np.int64)
    degrees[places] = np.diff(graph.offsets)
    offsets = np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(degrees)])
    spread_out = Flat(offsets, places[graph.rows].astype(np.int32))
    owner = np.repeat(places, sizes)
    number = np.arange(count) - owner
    child = np.flatnonzero(number > 0)
    parent = owner[child] + (number[child] - 1) // 2
    links = np.concatenate([np.stack([parent, child], axis=1), np.stack([child, parent], axis=1)])
    return with_links(spread_out, links), full, places
