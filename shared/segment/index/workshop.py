"""The builder's bench: int8 codes of the rows being linked, threads, scratch, and the passes over all rows.

Each pass reads one state of the graph and writes another, so its result does not depend on how rows fall to threads.
"""

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared.schema.collections import Distance
from shared.segment.index.byte_codes import ByteCodes
from shared.segment.index.scratch import Scratch
from shared.segment.kernels.connect import count_both_ways, fill_both_ways, flatten, reinforce
from shared.segment.kernels.prune import NEAREST, prune_lists, refine_lists
from shared.segment.kernels.table import AT, KINDS, address

Lists = npt.NDArray[np.int32]
Progress = Callable[[str, int, int], None]
"""stage, done, total"""

CHUNK = 1024


class Flat(NamedTuple):
    """Lists of rows: those of row r are rows[offsets[r]:offsets[r + 1]]."""

    offsets: npt.NDArray[np.int64]
    rows: Lists


class Pruning(NamedTuple):
    """How candidates become a list of at most `width`, see kernels/prune.py.

    Lists that pruning leaves shorter than `fill` are filled up to it with the nearest pruned candidates.
    """

    width: int
    alpha: float
    fill: int


class Bench:
    """What all passes share. `distance` is Euclid or Manhattan: the geometry that the graph is built in."""

    def __init__(self, codes: ByteCodes, distance: Distance, threads: int, progress: Progress) -> None:
        self.codes = codes
        self.distance = distance
        self.threads = threads
        self.progress = progress

    @property
    def count(self) -> int:
        """Return how many rows are linked."""
        return len(self.codes.rows)

    def table(self, scratch: Scratch) -> npt.NDArray[np.int64]:
        """Return a table of the codes and a thread's scratch."""
        stride = self.codes.rows.shape[1]
        scratch.fit_dim(stride)
        table = scratch.table.copy()
        self.codes.fill(table)
        table[AT.kind] = KINDS[self.distance]
        table[AT.dim] = len(self.codes.centre)
        table[AT.rows] = self.count
        table[AT.other_bytes] = scratch.table[AT.other_bytes]
        return table

    def over_rows(self, stage: str, work: Callable[[int, int], None]) -> None:
        """Call `work(first, last)` over chunks of all rows in the bench's threads."""
        each_chunk(self.count, CHUNK, self.threads, work, lambda done: self.progress(stage, done, self.count))


def each_chunk(
    count: int, chunk: int, threads: int, work: Callable[[int, int], None], report: Callable[[int], None]
) -> None:
    """Call `work(first, last)` over [0, count) in chunks; reports rows done; raises what any call raised."""
    report(0)
    with ThreadPoolExecutor(threads) as pool:
        starts = range(0, count, chunk)
        futures = [pool.submit(work, first, min(count, first + chunk)) for first in starts]
        for number, future in enumerate(futures):
            future.result()
            report(min(count, (number + 1) * chunk))


def pruned(bench: Bench, lists: Flat, rule: Pruning) -> Lists:
    """Return (n, width) neighbours chosen from candidate lists, -1 where they end."""
    out = np.empty((bench.count, rule.width), dtype=np.int32)
    free: list[npt.NDArray[np.int64]] = []
    scratches: list[Scratch] = []

    def work(first: int, last: int) -> None:
        table = free.pop() if free else _table(bench, scratches, 0)
        table[AT.list_offsets] = address(lists.offsets)
        table[AT.list_rows] = address(lists.rows)
        _aim(table, out, rule)
        prune_lists(table, first, last)
        free.append(table)

    bench.over_rows("prune", work)
    return out


def refined(bench: Bench, graph: Flat, beam: int, rule: Pruning) -> tuple[Lists, Lists]:
    """Return (n, width) neighbours chosen from what a walk from each row over the present graph finds.

    Also int32 (n, NEAREST): the very nearest, pruned or not.
    """
    nearest = np.empty((bench.count, NEAREST), dtype=np.int32)
    out = np.empty((bench.count, rule.width), dtype=np.int32)
    free: list[npt.NDArray[np.int64]] = []
    scratches: list[Scratch] = []

    def work(first: int, last: int) -> None:
        table = free.pop() if free else _table(bench, scratches, beam)
        table[AT.offsets] = address(graph.offsets)
        table[AT.neighbors] = address(graph.rows)
        table[AT.ef] = beam
        table[AT.nearest] = address(nearest)
        _aim(table, out, rule)
        refine_lists(table, first, last)
        free.append(table)

    bench.over_rows("refine", work)
    return out, nearest


def reinforced(chosen: Lists, nearest: Lists, wanted: int, extra: int) -> Lists:
    """Return the lists, each longer by at most `extra`, so that (almost) every row is in `wanted` of them."""
    count, width = chosen.shape
    wider = np.full((count, width + extra), -1, dtype=np.int32)
    wider[:, :width] = chosen
    reinforce(address(wider), count, width + extra, address(nearest), wanted, width + extra)
    return wider


def _table(bench: Bench, scratches: list[Scratch], beam: int) -> npt.NDArray[np.int64]:
    scratch = Scratch()
    scratches.append(scratch)
    scratch.fit_walk(max(beam, 1), bench.count)
    return bench.table(scratch)


def _aim(table: npt.NDArray[np.int64], out: Lists, rule: Pruning) -> None:
    table[AT.chosen] = address(out)
    table[AT.width] = rule.width
    table[AT.alpha_milli] = round(1000 * rule.alpha)
    table[AT.fill] = rule.fill


def both_ways(chosen: Lists) -> Flat:
    """Return for each row the rows that it chose and those that chose it; a row may be there twice."""
    count, width = chosen.shape
    offsets = np.empty(count + 1, dtype=np.int64)
    size = count_both_ways(address(chosen), count, width, address(offsets))
    rows = np.empty(size, dtype=np.int32)
    fill_both_ways(address(chosen), count, width, address(offsets), address(rows))
    return Flat(offsets, rows)


def flat(chosen: Lists) -> Flat:
    """Return lists that end at -1 as flat ones."""
    count, width = chosen.shape
    offsets = np.empty(count + 1, dtype=np.int64)
    rows = np.empty(count * width, dtype=np.int32)
    places = np.array([address(offsets), address(rows)], dtype=np.int64)
    size = flatten(address(chosen), count, width, address(places))
    return Flat(offsets, rows[:size].copy())
