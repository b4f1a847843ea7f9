"""How a sparse query runs: by rows or by inverted lists, chosen by estimated cost; the tables that kernels take."""

from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared.errors import BadInput
from shared.segment.index.base import Floats, SlotSearch
from shared.segment.index.postings import Pairs, Postings
from shared.segment.index.scratch import Scratch
from shared.segment.kernels.sparse_scan import BLOCK, PAIRS, PAIRS_SIZE, rescore_pairs, scan_lists, scan_pairs
from shared.segment.kernels.table import AT, FLOAT32, address

Indices = npt.NDArray[np.uint32]
Table = npt.NDArray[np.int64]

ROW_NS, PAIR_NS, LISTED_NS = 10.0, 1.5, 1.5
"""Costs of a row merged, of each of its pairs, of a pair in a list that is added up. Only ratios matter."""

CANDIDATES_MORE = 32
"""Narrow lists give twice the limit and so many rows to be scored by their pairs."""


class SparseView(NamedTuple):
    """One state of an index. Replaced whole, never changed."""

    pairs: Pairs
    rows: int


class Query(NamedTuple):
    """A sparse vector: indices ascending and distinct."""

    indices: Indices
    weights: Floats

    @classmethod
    def unpacked(cls, packed: bytes) -> "Query":
        """Return the query in wire bytes: uint32 indices, then as many float32 weights. Raises BadInput."""
        if len(packed) % 8:
            raise BadInput(f"expected indices and as many weights of 4 bytes each, got {len(packed)} bytes")
        half = len(packed) // 8
        return cls(np.frombuffer(packed, np.uint32, half), np.frombuffer(packed, np.float32, half, offset=4 * half))


class Found(NamedTuple):
    """The lists of a query's indices; `query` holds only the indices that occur, bool `occurs` says which they are."""

    query: Query
    occurs: npt.NDArray[np.bool_]
    cursors: npt.NDArray[np.int64]
    ends: npt.NDArray[np.int64]
    lows: Floats
    steps: Floats


def found_lists(lists: Postings, query: Query) -> Found:
    places = np.searchsorted(lists.terms, query.indices)
    places[places == len(lists.terms)] = 0
    occurs = lists.terms[places] == query.indices if len(lists.terms) else np.zeros(len(places), np.bool_)
    at = places[occurs]
    kept = Query(query.indices[occurs], query.weights[occurs])
    return Found(kept, occurs, lists.starts[at], lists.starts[at + 1], lists.lows[at], lists.steps[at])


def run(scratch: Scratch, view: SparseView, query: Query, lists: Postings | None, options: SlotSearch) -> int:
    """Return the hits, written into the scratch."""
    pairs = table_of(view)
    if lists is None:
        return _by_rows(scratch, view, pairs, query, options)
    found = found_lists(lists, query)
    if len(found.query.indices) == 0:
        return 0
    listed = int((found.ends - found.cursors).sum())
    each = ROW_NS + PAIR_NS * len(view.pairs.indices) / max(1, view.rows)
    if options.matching * each < listed * LISTED_NS:
        return _by_rows(scratch, view, pairs, query, options)
    ask_lists(pairs, lists, found)
    sums, marks = np.empty(BLOCK, dtype=np.float32), np.zeros(BLOCK // 64, dtype=np.uint64)
    pairs[PAIRS.sums], pairs[PAIRS.marks] = address(sums), address(marks)
    if lists.element == FLOAT32:
        aim(scratch, view, options)
        return int(scan_lists(scratch.table, pairs))
    aim(scratch, view, options._replace(limit=2 * options.limit + CANDIDATES_MORE))
    scan_lists(scratch.table, pairs)
    scratch.table[AT.limit] = options.limit
    return int(rescore_pairs(scratch.table, pairs))


def _by_rows(scratch: Scratch, view: SparseView, pairs: Table, query: Query, options: SlotSearch) -> int:
    aim(scratch, view, options)
    ask(pairs, query)
    return int(scan_pairs(scratch.table, pairs))


def table_of(view: SparseView) -> Table:
    pairs = np.zeros(PAIRS_SIZE, dtype=np.int64)
    pairs[PAIRS.indices] = address(view.pairs.indices)
    pairs[PAIRS.values] = address(view.pairs.values)
    pairs[PAIRS.offsets] = address(view.pairs.offsets)
    return pairs


def aim(scratch: Scratch, view: SparseView, options: SlotSearch) -> None:
    """Write mask and limit into the scratch's table."""
    limit = min(options.limit, view.rows)
    scratch.fit_limit(limit)
    all_words = (view.rows + 63) >> 6
    table = scratch.table
    table[AT.rows] = view.rows
    table[AT.limit] = limit
    table[AT.words] = address(options.words)
    table[AT.word_count] = all_words if options.words is None else min(len(options.words), all_words)


def ask(pairs: Table, query: Query) -> None:
    """Write the query into the table of pairs; the caller keeps it."""
    pairs[PAIRS.query_indices] = address(query.indices)
    pairs[PAIRS.query_weights] = address(query.weights)
    pairs[PAIRS.query_count] = len(query.indices)


def ask_lists(pairs: Table, lists: Postings, found: Found) -> None:
    """Write the query and its lists into the table of pairs; the caller keeps them."""
    ask(pairs, found.query)
    pairs[PAIRS.list_rows], pairs[PAIRS.list_weights] = address(lists.rows), address(lists.weights)
    pairs[PAIRS.element] = lists.element
    pairs[PAIRS.cursors], pairs[PAIRS.ends] = address(found.cursors), address(found.ends)
    pairs[PAIRS.lows], pairs[PAIRS.steps] = address(found.lows), address(found.steps)
