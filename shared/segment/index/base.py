"""What a segment holds for one slot: its vectors, their codes, maybe a graph, and one way to search them.

`SlotIndex.search` is the only door. It chooses by estimated cost between four ways to find candidates and gives the
same scores from all of them, because every score that leaves comes from `exact.score_rows`:

1. exact     score every matching row                       few matching rows, `exact`, or no codes
2. codes     scan matching rows by their codes              rather few matching rows, Manhattan, fewer than 64 dims
3. signs     scan all groups of 1-bit codes                 no graph, or a mask too thin for a walk
4. walk      walk the graph; masked rows steer, never enter the results; ends as 2 or 3 when it finds too little

The codes of a quantization take the place of the built-in ones in 2 and 4; with them 3 is not there. Only they may have
the last word, where a search asks for it: then its scores are estimates.
"""

import numpy as np
import numpy.typing as npt

from shared.errors import BadInput
from shared.segment.elements import Stored, dtype_of
from shared.segment.index.codes import Codes
from shared.segment.index.exact import element_of
from shared.segment.index.graph import Graph
from shared.segment.index.groups import Groups, Region
from shared.segment.index.planning import Terrain, Way, choose
from shared.segment.index.regions import GroupPlaces, enter, enter_graph
from shared.segment.index.running import (
    NO_ROWS,
    NO_SCORES,
    Floats,
    IndexView,
    Prepared,
    Ready,
    Rows,
    SlotSearch,
    Words,
    found,
    run,
    scan_by_rows,
    written,
)
from shared.segment.index.scratch import POOL, Scratch
from shared.segment.kernels.table import AT, BYTES, CALL_PART, INDEX_PART, KINDS, RAW, address
from shared.segment.layout import SlotLayout

__all__ = ["Floats", "Rows", "SlotIndex", "SlotSearch", "Words"]

NO_CODES = Codes()


def _way(terrain: Terrain, options: SlotSearch, limit: int) -> tuple[Way, int]:
    """Return how a search goes, and for a walk its budget. Of few rows int8 codes are read without reckoning first."""
    if options.exact:
        return Way.EXACT, 0
    if options.rows is not None and terrain.has_codes and terrain.codec == BYTES:
        return Way.CODES, 0
    return choose(terrain, limit, options.ef)


class SlotIndex:
    """Vectors, codes and graph of one slot. Read by many threads; changed by one loop, through `replace` only.

    layout       dim, distance, datatype
    vectors      (capacity, dim) of the slot's own type, C-contiguous; unit rows under Cosine, unless of bytes (see
                 elements.py); may be a read-only map
    count        rows in use, <= capacity
    codes        row codes cover all rows or are None (the appendable segment has none); groups of 1-bit codes may
                 cover fewer than `count` rows
    graph        or None; not used without row codes
    groups       blocks of rows, some with graphs, or None; likewise
    """

    def __init__(
        self,
        layout: SlotLayout,
        vectors: Stored,
        count: int,
        *,
        codes: Codes = NO_CODES,
        graph: Graph | None = None,
        groups: Groups | None = None,
    ) -> None:
        self.layout = layout
        self.codes = codes
        self._codec = BYTES if codes.rows is None else codes.rows.codec
        self.graph: Graph | None = None
        self._entry_rows: npt.NDArray[np.uint8] | None = None
        if codes.rows is not None and graph is not None and len(graph.entries):
            self.graph = graph
            self._entry_rows = codes.rows.copies(graph.entries)
        self._groups: GroupPlaces | None = None
        if codes.rows is not None and groups is not None:
            assert groups.count == count, "blocks cover all rows"
            self._groups = GroupPlaces.of(groups, codes.rows.copies(groups.entry_rows()))
        self.replace(vectors, count)

    @property
    def vectors(self) -> Stored:
        """Return the rows as they are stored, `count` of them in use."""
        return self._view.vectors

    @property
    def count(self) -> int:
        """Return how many rows are in use."""
        return self._view.rows

    @property
    def groups(self) -> Groups | None:
        """Return the blocks of rows that searches may confine themselves to."""
        return None if self._groups is None else self._groups.groups

    @property
    def is_indexed(self) -> bool:
        """Return whether searches may walk: a graph over all rows, or blocks of which large ones have graphs."""
        return self.graph is not None or self._groups is not None

    @property
    def code_bytes(self) -> int:
        """Return the bytes of codes and graphs, for the memory figures."""
        return self.codes.nbytes + sum(part.nbytes for part in (self.graph, self.groups) if part is not None)

    def packed(self, rows: Rows) -> list[bytes]:
        """Return the wire bytes of each row: little-endian float32."""
        block = self.vectors[rows].astype("<f4", copy=False).tobytes()
        size = 4 * self.layout.dim
        return [block[first : first + size] for first in range(0, len(block), size)]

    def replace(self, vectors: Stored, count: int) -> None:
        """Show rows that were appended: `vectors` may be a larger array with the same first rows.

        Groups of 1-bit codes, when there are any, must have been appended first. Rows below the old count never change.
        """
        assert vectors.dtype == dtype_of(self.layout), f"expected {dtype_of(self.layout)}, got {vectors.dtype}"
        assert vectors.shape[1:] == (self.layout.dim,), f"expected dim {self.layout.dim}"
        assert 0 <= count <= len(vectors), f"expected at most {len(vectors)} rows, got {count}"
        table = np.zeros(INDEX_PART, dtype=np.int64)
        table[AT.kind] = KINDS[self.layout.distance]
        table[AT.dim] = self.layout.dim
        table[AT.rows] = count
        table[AT.vectors] = address(vectors)
        table[AT.element] = element_of(self.layout.distance, vectors)
        held: list[npt.NDArray[np.generic]] = [vectors]
        rows, groups = self.codes
        if rows is not None:
            assert len(rows.rows) >= count, "row codes cover all rows"
            rows.fill(table)
        has_signs = groups is not None and groups.count >= count > 0
        if groups is not None and has_signs:
            groups.fill(table)
            held.extend(groups.held)
        if self.graph is not None:
            assert len(self.graph.offsets) == count + 1, "the graph covers all rows"
            table[AT.offsets] = address(self.graph.offsets)
            table[AT.neighbors] = address(self.graph.neighbors)
            table[AT.entries] = address(self.graph.entries)
            table[AT.entry_count] = len(self.graph.entries)
            table[AT.entry_rows] = address(self._entry_rows)
        code_bytes = 0 if rows is None else rows.rows.shape[1]
        self._view = IndexView(table, vectors, count, tuple(held), has_signs, code_bytes)

    def search(self, query: bytes | Floats, options: SlotSearch) -> tuple[Rows, Floats]:
        """Return the best matching rows and their scores.

        query     float32 (dim,) or its bytes, unit length under Cosine
        Gives     rows int64 (k,), scores float32 (k,), best first, ties by row, k = min(limit, matching)
        """
        scratch = POOL.take()
        try:
            ready = self.ready(scratch, query, options)
            return (NO_ROWS, NO_SCORES) if ready is None else found(ready, run(ready))
        finally:
            POOL.give(scratch)

    def search_prepared(self, query: bytes, prepared: Prepared, floor: float) -> tuple[Rows, Floats]:
        """Return what `search` gives for the options that a search was prepared for, but for their floor."""
        scratch = POOL.take()
        try:
            ready = written(prepared, scratch, np.frombuffer(query, np.float32), floor)
            return found(ready, run(ready))
        finally:
            POOL.give(scratch)

    def is_current(self, prepared: Prepared) -> bool:
        """Return whether a prepared search sees the rows that there are now."""
        return prepared.view is self._view

    def ready(self, scratch: Scratch, query: bytes | Floats, options: SlotSearch) -> Ready | None:
        """Write a search into the table of a scratch; None when nothing can be found."""
        if isinstance(query, bytes):
            query = np.frombuffer(query, np.float32)
        prepared = self.prepare(options)
        if prepared is None:
            return None
        if len(query) != self.layout.dim:
            raise BadInput(f"Vector dimension error: expected dim: {self.layout.dim}, got {len(query)}")
        return written(prepared, scratch, query, options.floor)

    def prepare(self, options: SlotSearch) -> Prepared | None:
        """Decide how to search, and write all but the query; None when nothing can be found."""
        view = self._view
        count = view.rows
        is_masked = options.words is not None or options.rows is not None
        matching = min(options.matching, count) if is_masked else count
        limit = min(options.limit, matching)
        if limit <= 0:
            return None
        words, rows = (None, None) if matching == count else (options.words, options.rows)
        terrain = Terrain(
            count,
            self.layout.dim,
            matching,
            self.codes.rows is not None,
            view.has_signs and rows is None,
            self.graph is not None and rows is None,
            options.scan_rows,
            code_bytes=view.code_bytes,
            oversampling=options.oversampling,
        )
        table, base = view.table, 0
        region = self._region(words, matching, options.scan_rows)
        if region is not None:
            table, base, words, count = table.copy(), region.base, region.words, region.rows
            self._enter(table, view, region)
            terrain = terrain._replace(rows=region.size, has_graph=region.has_graph)
        if self.codes.is_quantization and not options.exact:
            table, terrain = self._quantized(table, terrain, options)
        call = np.zeros(CALL_PART.stop - CALL_PART.start, np.int64)
        all_words = (count + 63) >> 6
        call[AT.words - CALL_PART.start] = address(words)
        call[AT.word_count - CALL_PART.start] = all_words if words is None else min(len(words), all_words)
        call[AT.limit - CALL_PART.start] = limit
        way, budget = _way(terrain, options, limit)
        scan, candidates = scan_by_rows(terrain, way, limit)
        call[AT.candidates - CALL_PART.start] = candidates
        listed = address(rows)
        return Prepared(view, options, table, call, listed, terrain, limit, base, way, budget, scan, candidates)

    def _region(self, words: Words | None, matching: int, scan_rows: int) -> Region | None:
        """Return the block that all matching rows lie in, where looking at it alone is best."""
        if self._groups is None or words is None or matching > self._groups.groups.largest:
            return None
        region = self._groups.groups.region(words)
        if region is not None and not region.has_graph and self.graph is not None and matching > scan_rows:
            return None
        return region

    def _enter(self, table: npt.NDArray[np.int64], view: IndexView, region: Region) -> None:
        assert self._groups is not None
        row_bytes = view.vectors.dtype.itemsize * self.layout.dim
        enter(table, region, row_bytes, has_signs=view.has_signs)
        if region.has_graph:
            enter_graph(table, region, self._groups)

    def _quantized(
        self, table: npt.NDArray[np.int64], terrain: Terrain, options: SlotSearch
    ) -> tuple[npt.NDArray[np.int64], Terrain]:
        """Return how the search goes with the codes of a quantization, or without them."""
        if options.ignores_codes:
            stride = self.vectors.dtype.itemsize * terrain.dim
            table = table.copy()
            table[AT.codec], table[AT.byte_rows], table[AT.byte_stride] = RAW, table[AT.vectors], stride
            return table, terrain._replace(
                codec=RAW, code_bytes=stride, has_codes=False, has_signs=False, oversampling=1.0
            )
        return table, terrain._replace(codec=self._codec, is_estimated=not options.is_rescored)
