"""Blocks of rows with one value of a payload field, some with graphs of their own, and where a search need look.

Rows of a segment that is ordered by groups lie block by block. A search whose matching rows lie within one block works
on a region: the block, from the multiple of 64 rows at or before its start on, so that masks, codes and groups of codes
are the same arrays a little further in. Within a region rows are counted from its base; so are the links of its graph.
"""

from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from shared.segment.index.graph import Graph

Words = npt.NDArray[np.uint64]

ALIGNED = 64
"""Regions begin at multiples of so many rows: of a mask's word, and of a group of 1-bit codes."""


class Groups:
    """The blocks of a slot, and their graphs as one adjacency.

    starts         int64 (g + 1,): block b has the rows [starts[b], starts[b + 1])
    offsets        int64 (n + 1,): the neighbours of row r are neighbors[offsets[r]:offsets[r + 1]]; none in most blocks
    neighbors      int32, counted from the base of the row's block
    entries        int32, counted likewise: where walks begin, those of block b are entries[entry_starts[b] : …]
    entry_starts   int64 (g + 1,); a block without entries has no graph
    """

    def __init__(
        self,
        starts: npt.NDArray[np.int64],
        offsets: npt.NDArray[np.int64],
        neighbors: npt.NDArray[np.int32],
        entries: npt.NDArray[np.int32],
        entry_starts: npt.NDArray[np.int64],
    ) -> None:
        self.starts = starts
        self.offsets = offsets
        self.neighbors = neighbors
        self.entries = entries
        self.entry_starts = entry_starts
        self.largest = int(np.diff(starts).max()) if len(starts) > 1 else 0

    @property
    def count(self) -> int:
        """Return how many rows lie in blocks: all of them."""
        return int(self.starts[-1])

    @property
    def graphed(self) -> npt.NDArray[np.int64]:
        """Return the blocks that have a graph."""
        return np.flatnonzero(np.diff(self.entry_starts))

    def block(self, number: int) -> tuple[int, int]:
        """Return the first row of a block, and the one behind its last."""
        return int(self.starts[number]), int(self.starts[number + 1])

    def entry_rows(self) -> npt.NDArray[np.int32]:
        """Return the entries of all blocks as rows of the segment."""
        bases = (self.starts[:-1] // ALIGNED * ALIGNED).astype(np.int32)
        return np.asarray(self.entries + np.repeat(bases, np.diff(self.entry_starts)), np.int32)

    def region(self, words: Words) -> "Region | None":
        """Return where the rows of a mask lie: None when they are of several blocks, or there is none."""
        held = words != 0
        head = int(held.argmax())
        if not held[head]:
            return None
        tail = len(held) - 1 - int(held[::-1].argmax())
        low, high = int(words[head]), int(words[tail])
        first = head * ALIGNED + (low & -low).bit_length() - 1
        last = tail * ALIGNED + high.bit_length()
        number = int(self.starts.searchsorted(first, "right")) - 1
        if last > self.starts[number + 1]:
            return None
        begins, ends = self.block(number)
        base = begins // ALIGNED * ALIGNED
        has_graph = bool(self.entry_starts[number] < self.entry_starts[number + 1])
        return Region(number, base, ends - base, ends - begins, words[base >> 6 : (ends + 63) >> 6], has_graph)

    def arrays(self) -> dict[str, npt.NDArray[np.generic]]:
        """Return the arrays to store, by name."""
        names = ("starts", "offsets", "neighbors", "entries", "entry_starts")
        return {name: getattr(self, name) for name in names}

    @classmethod
    def from_arrays(cls, arrays: dict[str, npt.NDArray[np.generic]]) -> Self:
        """Return the groups over stored arrays, which may be read-only maps."""
        return cls(**arrays)  # type: ignore[arg-type]

    @property
    def nbytes(self) -> int:
        """Return the bytes held."""
        return sum(array.nbytes for array in self.arrays().values())


class Region(NamedTuple):
    """A block and how to look at it.

    number      of the block
    base        the row that is counted as 0
    rows        how many there are from the base to the block's end
    size        how many of them are of the block
    words       the mask from the base on; bits before the block and behind it are not set
    """

    number: int
    base: int
    rows: int
    size: int
    words: Words
    has_graph: bool


class GroupsMaker:
    """Takes the blocks' graphs in the order of the blocks, gives all as `Groups`."""

    def __init__(self, starts: npt.NDArray[np.int64]) -> None:
        self._starts = starts
        self._degrees = np.zeros(int(starts[-1]), dtype=np.int64)
        self._neighbors: list[npt.NDArray[np.int32]] = []
        self._entries: list[npt.NDArray[np.int32]] = []
        self._entry_counts = np.zeros(len(starts) - 1, dtype=np.int64)

    def add(self, number: int, graph: Graph) -> None:
        """Take the graph of a block, over its rows counted from its first one."""
        first, last = int(self._starts[number]), int(self._starts[number + 1])
        shift = np.int32(first % ALIGNED)
        self._degrees[first:last] = np.diff(graph.offsets)
        self._neighbors.append(graph.neighbors + shift)
        self._entries.append(graph.entries + shift)
        self._entry_counts[number] = len(graph.entries)

    def made(self) -> Groups:
        """Return the groups."""
        nothing = np.empty(0, dtype=np.int32)
        return Groups(
            self._starts,
            _running(self._degrees) if self._neighbors else np.empty(0, dtype=np.int64),
            np.concatenate(self._neighbors) if self._neighbors else nothing,
            np.concatenate(self._entries) if self._entries else nothing,
            _running(self._entry_counts),
        )


def _running(counts: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    return np.concatenate([np.zeros(1, dtype=np.int64), np.cumsum(counts)])
