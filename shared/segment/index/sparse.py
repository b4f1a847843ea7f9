"""Sparse vectors of one slot, and their search: the dot product over the indices that query and row share.

A row that shares no index with the query has no score and is never a hit. Products are added in the order of the
indices, in float32, on every path, so the same row has the same score from all of them:

1. rows    merge each matching row with the query           fresh rows, few matching rows, `exact` over narrow lists
2. lists   add up the inverted lists of the query's indices sealed rows; see postings.py

Narrow lists (float16, uint8) give candidates that are scored by rows.
"""

import threading
import weakref

import numpy as np
import numpy.typing as npt

from shared.schema.slots import Datatype
from shared.segment.index.base import Floats, Rows, SlotSearch, Words
from shared.segment.index.postings import (
    BUILDS,
    NUMBERS,
    PAIRS_AT_ONCE,
    PROCESS_CACHE,
    Pairs,
    Postings,
    PostingsCache,
    build_postings,
    postings_bytes,
)
from shared.segment.index.scratch import POOL
from shared.segment.index.sparse_query import (
    Indices,
    Query,
    SparseView,
    aim,
    ask,
    ask_lists,
    found_lists,
    run,
    table_of,
)
from shared.segment.kernels.sparse_scan import PAIRS, count_by_lists, count_by_rows
from shared.segment.kernels.table import address
from shared.segment.layout import SlotLayout

Offsets = npt.NDArray[np.int64]

_NO_ROWS: Rows = np.empty(0, dtype=np.int64)
_NO_SCORES: Floats = np.empty(0, dtype=np.float32)


class SparseIndex:
    """Read by many threads; changed by one loop, through `replace` only.

    layout    kind SPARSE; its datatype is that of the inverted lists
    indices   uint32 (pairs,), ascending within a row, C-contiguous; may be a read-only map
    values    float32 (pairs,)
    offsets   int64 (count + 1 or longer,): the pairs of row r are [offsets[r], offsets[r + 1]); empty where it has none
    count     rows in use
    final     rows never come: search may keep inverted lists
    cache     where they are kept
    """

    graph = None

    def __init__(
        self,
        layout: SlotLayout,
        indices: Indices,
        values: Floats,
        offsets: Offsets,
        count: int,
        *,
        final: bool = False,
        cache: PostingsCache = PROCESS_CACHE,
    ) -> None:
        self.layout = layout
        self._is_final = final
        self._cache = cache
        self._number = next(NUMBERS)
        self._building = threading.Lock()
        self._lists_bytes = 0
        if final:
            weakref.finalize(self, cache.forget, self._number)
        self.replace(indices, values, offsets, count)

    @property
    def count(self) -> int:
        """Return how many rows are in use."""
        return self._view.rows

    @property
    def indices(self) -> Indices:
        """Return the indices of all pairs."""
        return self._view.pairs.indices

    @property
    def values(self) -> Floats:
        """Return the values of all pairs."""
        return self._view.pairs.values

    @property
    def offsets(self) -> Offsets:
        """Return where each row's pairs begin."""
        return self._view.pairs.offsets

    @property
    def pair_count(self) -> int:
        """Return how many pairs the rows hold."""
        return int(self._view.pairs.offsets[self._view.rows])

    @property
    def code_bytes(self) -> int:
        """Return the bytes of the inverted lists in memory, for the memory figures."""
        return self._cache.bytes_of(self._number)

    @property
    def builds_lists(self) -> bool:
        """Return whether the next large search builds the inverted lists before it goes on: for cost estimates."""
        return self.pair_count <= PAIRS_AT_ONCE and self._may_have_lists and self._cache.bytes_of(self._number) == 0

    @property
    def _may_have_lists(self) -> bool:
        """Whether there are inverted lists, or room for them. `_lists_bytes` is what they took when there was none."""
        if not self._is_final or self._cache.bytes_of(self._number):
            return self._is_final
        nbytes = postings_bytes(self.pair_count, self.layout.datatype)
        return self._cache.has_room(max(nbytes, self._lists_bytes))

    def replace(self, indices: Indices, values: Floats, offsets: Offsets, count: int) -> None:
        """Show rows that were appended: larger arrays with the same first pairs."""
        assert indices.dtype == np.uint32, f"expected uint32, got {indices.dtype}"
        assert values.dtype == np.float32, f"expected float32, got {values.dtype}"
        assert offsets.dtype == np.int64, f"expected int64, got {offsets.dtype}"
        assert 0 <= count < len(offsets), f"expected fewer than {len(offsets)} rows, got {count}"
        assert offsets[count] <= min(len(indices), len(values)), "pairs are missing"
        self._view = SparseView(Pairs(indices, values, offsets), count)

    def packed(self, rows: Rows) -> list[bytes]:
        """Return the wire bytes of each row: uint32 indices, then float32 values."""
        indices, values, offsets = self._view.pairs
        spans = [(int(offsets[row]), int(offsets[row + 1])) for row in rows]
        return [indices[first:last].tobytes() + values[first:last].tobytes() for first, last in spans]

    def search(self, query: bytes, options: SlotSearch) -> tuple[Rows, Floats]:
        """Return the best matching rows that share an index with the query, and their scores.

        query     uint32 indices, ascending and distinct, then as many float32 weights
        Gives     rows int64 (k,), scores float32 (k,), best first, ties by row, k <= min(limit, matching)
        """
        wanted, view = Query.unpacked(query), self._view
        matching = view.rows if options.words is None else min(options.matching, view.rows)
        limit = min(options.limit, matching)
        if limit <= 0 or len(wanted.indices) == 0:
            return _NO_ROWS, _NO_SCORES
        lists = self._lists(view, matching, options)
        with POOL.lease() as scratch:
            hits = run(scratch, view, wanted, lists, options._replace(limit=limit, matching=matching))
            return scratch.rows[:hits].copy(), scratch.scores[:hits].copy()

    def count_terms(self, indices: Indices, words: Words | None) -> Offsets:
        """Return how many of the rows that pass hold each of the indices: int64 (k,).

        indices   uint32 (k,), ascending and distinct
        words     row mask as in SlotSearch; None lets every row pass
        """
        view, query = self._view, Query(indices, np.zeros(len(indices), dtype=np.float32))
        counts = np.zeros(len(indices), dtype=np.int64)
        lists = self._built(view) if self._may_have_lists else None
        pairs = table_of(view)
        if lists is None:
            ask(pairs, query)
            pairs[PAIRS.counts] = address(counts)
            with POOL.lease() as scratch:
                aim(scratch, view, SlotSearch(1, words))
                count_by_rows(scratch.table, pairs)
            return counts
        found = found_lists(lists, query)
        if words is None:
            counts[found.occurs] = found.ends - found.cursors
            return counts
        held = np.zeros(len(found.cursors), dtype=np.int64)
        ask_lists(pairs, lists, found)
        pairs[PAIRS.counts] = address(held)
        with POOL.lease() as scratch:
            aim(scratch, view, SlotSearch(1, words))
            count_by_lists(scratch.table, pairs)
        counts[found.occurs] = held
        return counts

    def _lists(self, view: SparseView, matching: int, options: SlotSearch) -> Postings | None:
        """Return the inverted lists, built when there are none; None where rows are to be scanned."""
        is_narrow = self.layout.datatype is not Datatype.FLOAT32
        if matching <= options.scan_rows or (options.exact and is_narrow) or not self._may_have_lists:
            return None
        return self._built(view)

    def _built(self, view: SparseView) -> Postings | None:
        """Return the inverted lists; None while large ones are in the making."""
        lists = self._cache.get(self._number)
        if lists is not None:
            return lists
        if self.pair_count > PAIRS_AT_ONCE:
            if self._building.acquire(blocking=False):
                BUILDS.submit(self._build_aside, view)
            return None
        with self._building:
            return self._cache.get(self._number) or self._build(view)

    def _build(self, view: SparseView) -> Postings:
        lists = build_postings(view.pairs, view.rows, self.layout.datatype)
        if not self._cache.put(self._number, lists):
            self._lists_bytes = lists.nbytes
        return lists

    def _build_aside(self, view: SparseView) -> None:
        """Build in the background; the lock was taken by who asked for it."""
        try:
            if self._cache.get(self._number) is None:
                self._build(view)
        finally:
            self._building.release()
