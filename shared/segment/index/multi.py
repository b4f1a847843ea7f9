"""Multivectors of one slot, and their search: MaxSim, exactly.

The score of a point is the sum over the query's rows of the best score of any of the point's rows. Under Euclid the
squares are summed and the root is taken once: -sqrt(sum over q of min over x of (q - x)²).
"""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared.errors import BadInput
from shared.segment.elements import Stored, dtype_of
from shared.segment.index.base import Floats, Rows, SlotSearch
from shared.segment.index.exact import element_of
from shared.segment.index.scratch import POOL
from shared.segment.kernels.multi_scan import scan_multi
from shared.segment.kernels.table import AT, KINDS, address
from shared.segment.layout import SlotLayout

Offsets = npt.NDArray[np.int64]

_NO_ROWS: Rows = np.empty(0, dtype=np.int64)
_NO_SCORES: Floats = np.empty(0, dtype=np.float32)


class _View(NamedTuple):
    """One state of an index. Replaced whole, never changed."""

    vectors: Stored
    offsets: Offsets
    rows: int


class MultiIndex:
    """Read by many threads; changed by one loop, through `replace` only.

    layout    kind MULTI
    vectors   (capacity, dim) of the slot's own type, C-contiguous; unit rows under Cosine; may be a read-only map
    offsets   int64 (count + 1 or longer,): point row r has the vectors [offsets[r], offsets[r + 1]); none where absent
    count     point rows in use
    """

    graph = None

    def __init__(self, layout: SlotLayout, vectors: Stored, offsets: Offsets, count: int) -> None:
        self.layout = layout
        self.replace(vectors, offsets, count)

    @property
    def count(self) -> int:
        """Return how many point rows are in use."""
        return self._view.rows

    @property
    def vectors(self) -> Stored:
        """Return the vectors of all points end to end."""
        return self._view.vectors

    @property
    def offsets(self) -> Offsets:
        """Return where each point's vectors begin."""
        return self._view.offsets

    @property
    def code_bytes(self) -> int:
        """Return the bytes held beside the vectors, for the memory figures."""
        return 0

    def replace(self, vectors: Stored, offsets: Offsets, count: int) -> None:
        """Show rows that were appended: larger arrays with the same first rows."""
        assert vectors.dtype == dtype_of(self.layout), f"expected {dtype_of(self.layout)}, got {vectors.dtype}"
        assert vectors.shape[1:] == (self.layout.dim,), f"expected dim {self.layout.dim}"
        assert offsets.dtype == np.int64, f"expected int64, got {offsets.dtype}"
        assert 0 <= count < len(offsets), f"expected fewer than {len(offsets)} rows, got {count}"
        assert offsets[count] <= len(vectors), "vectors are missing"
        self._view = _View(vectors, offsets, count)

    def packed(self, rows: Rows) -> list[bytes]:
        """Return the wire bytes of each point: its vectors as float32, end to end."""
        view = self._view
        spans = [(int(view.offsets[row]), int(view.offsets[row + 1])) for row in rows]
        return [view.vectors[first:last].astype("<f4", copy=False).tobytes() for first, last in spans]

    def search(self, query: bytes | Floats, options: SlotSearch) -> tuple[Rows, Floats]:
        """Return the best matching rows and their scores.

        query     float32 (k, dim) or its bytes, unit rows under Cosine
        Gives     rows int64 (n,), scores float32 (n,), best first, ties by row, n = min(limit, matching)
        """
        view, dim = self._view, self.layout.dim
        wanted = np.frombuffer(query, np.float32) if isinstance(query, bytes) else np.ascontiguousarray(query).ravel()
        if len(wanted) == 0 or len(wanted) % dim:
            raise BadInput(f"Vector dimension error: expected rows of dim: {dim}, got {len(wanted)} values")
        matching = view.rows if options.words is None else min(options.matching, view.rows)
        limit = min(options.limit, matching)
        if limit <= 0:
            return _NO_ROWS, _NO_SCORES
        all_words = (view.rows + 63) >> 6
        with POOL.lease() as scratch:
            scratch.fit_limit(limit)
            table = scratch.table.copy()
            table[AT.kind] = KINDS[self.layout.distance]
            table[AT.element] = element_of(self.layout.distance, view.vectors)
            table[AT.dim], table[AT.rows], table[AT.limit] = dim, view.rows, limit
            table[AT.vectors], table[AT.query] = address(view.vectors), address(wanted)
            table[AT.words] = address(options.words)
            table[AT.word_count] = all_words if options.words is None else min(len(options.words), all_words)
            hits = scan_multi(table, address(view.offsets), len(wanted) // dim)
            return scratch.rows[:hits].copy(), scratch.scores[:hits].copy()
