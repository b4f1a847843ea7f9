"""Sparse vectors of one slot, and their search: the dot product over the indices that query and row share.

A row that shares no index with the query has no score and is never a hit. Products are added in the order of the
indices, in float32, on every path: so the same row has the same score from all of them.
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared.segment.index.base import Floats, Rows, SlotSearch
from shared.segment.layout import SlotLayout

Indices = npt.NDArray[np.uint32]
Offsets = npt.NDArray[np.int64]


class _View(NamedTuple):
    """One state of an index. Replaced whole, never changed."""

    indices: Indices
    values: Floats
    offsets: Offsets
    rows: int


class SparseIndex:
    """Read by many threads; changed by one loop, through `replace` only.

    layout    kind SPARSE
    indices   uint32 (pairs,), ascending within a row, C-contiguous; may be a read-only map
    values    float32 (pairs,)
    offsets   int64 (count + 1 or longer,): the pairs of row r are [offsets[r], offsets[r + 1]); empty where it has none
    count     rows in use
    final     rows never come: search may keep an inverted form of them
    """

    graph = None

    def __init__(
        self, layout: SlotLayout, indices: Indices, values: Floats, offsets: Offsets, count: int, *, final: bool = False
    ) -> None:
        self.layout = layout
        self._is_final = final
        self.replace(indices, values, offsets, count)

    @property
    def count(self) -> int:
        """Return how many rows are in use."""
        return self._view.rows

    @property
    def indices(self) -> Indices:
        """Return the indices of all pairs."""
        return self._view.indices

    @property
    def values(self) -> Floats:
        """Return the values of all pairs."""
        return self._view.values

    @property
    def offsets(self) -> Offsets:
        """Return where each row's pairs begin."""
        return self._view.offsets

    @property
    def code_bytes(self) -> int:
        """Return the bytes held beside the pairs, for the memory figures."""
        return 0

    def replace(self, indices: Indices, values: Floats, offsets: Offsets, count: int) -> None:
        """Show rows that were appended: larger arrays with the same first pairs."""
        assert indices.dtype == np.uint32, f"expected uint32, got {indices.dtype}"
        assert values.dtype == np.float32, f"expected float32, got {values.dtype}"
        assert offsets.dtype == np.int64, f"expected int64, got {offsets.dtype}"
        assert 0 <= count < len(offsets), f"expected fewer than {len(offsets)} rows, got {count}"
        assert offsets[count] <= min(len(indices), len(values)), "pairs are missing"
        self._view = _View(indices, values, offsets, count)

    def packed(self, rows: Rows) -> list[bytes]:
        """Return the wire bytes of each row: uint32 indices, then float32 values."""
        view = self._view
        spans = [(int(view.offsets[row]), int(view.offsets[row + 1])) for row in rows]
        return [view.indices[first:last].tobytes() + view.values[first:last].tobytes() for first, last in spans]

    def search(self, query: bytes, options: SlotSearch) -> tuple[Rows, Floats]:
        """Return the best matching rows and their scores.

        query     uint32 indices, ascending, then as many float32 weights
        Gives     rows int64 (k,), scores float32 (k,), best first, ties by row, k = min(limit, matching that share)
        """
        raise NotImplementedError
