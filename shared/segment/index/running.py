"""One search of one slot, written into a table, and how it runs: the cheapest way, then a scan where a walk fails."""

import math
import struct
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared.segment.elements import Stored
from shared.segment.index.planning import (
    Terrain,
    Way,
    beam_of,
    best_scan,
    code_candidates,
    sign_candidates,
    walk_candidates,
)
from shared.segment.index.scratch import Scratch
from shared.segment.kernels.codes_scan import scan_bytes, scan_coded
from shared.segment.kernels.registry import Kernel
from shared.segment.kernels.scores import scan_raw
from shared.segment.kernels.signs_scan import scan_signs, scan_signs_above
from shared.segment.kernels.table import (
    AT,
    BINARY,
    BYTES,
    CALL_PART,
    EXHAUSTED,
    FINISHED,
    INDEX_PART,
    PRODUCT,
    UNSURE,
)
from shared.segment.kernels.walk import walk, walk_coded, walk_masked, walk_masked_coded

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

NO_ROWS: Rows = np.empty(0, dtype=np.int64)
NO_SCORES: Floats = np.empty(0, dtype=np.float32)

_FLOAT, _FLOAT_BITS = struct.Struct("<f"), struct.Struct("<i")


def _float_bits(value: float) -> int:
    return int(_FLOAT_BITS.unpack(_FLOAT.pack(value))[0])


NO_FLOOR_BITS = _float_bits(-math.inf)

_LISTED, _LISTED_COUNT, _IS_ESTIMATED, _FLOOR = AT.listed, AT.listed_count, AT.is_estimated, AT.floor

BEAM_SLACK = 2.0
"""The steering beam of a masked walk holds so many rows for each passing one that the mask lets us expect."""

_WALKS = {
    (True, True): walk,
    (True, False): walk_masked,
    (False, True): walk_coded,
    (False, False): walk_masked_coded,
}
"""By whether int8 codes lead, and whether every row passes."""

SECOND_SHARE = 0.06
"""A second scan of 1-bit codes scores at most so many of the matching rows; for more, all are scored."""


class SlotSearch(NamedTuple):
    """How to search one slot.

    limit      1 and up
    words      uint64 row mask, bit r % 64 of word r // 64 set where row r may be a hit; None lets every row pass.
               Rows beyond the words do not pass.
    rows       int64, the same rows one by one, each once, in any order: where they are few; `words` are then left out
    matching   how many bits of `words` are set, or how many `rows` there are; read only beside these
    ef         beam of the walk; 0 is the default
    exact      score every matching row
    floor      a score that as many rows elsewhere reach as are wanted: a scan need not look twice for worse ones
    scan_rows  so many matching rows, or fewer, are scanned and never walked for (`full_scan_threshold`)

    Where the slot has the codes of a quantization:
    is_rescored    raw rows score what codes found; else the codes' estimates are the scores
    oversampling   how many times the limit codes find, at least, before raw rows choose among them
    ignores_codes  do as if there were no such codes: walk and scan by raw rows
    """

    limit: int
    words: Words | None = None
    matching: int = 0
    ef: int = 0
    exact: bool = False
    scan_rows: int = 0
    floor: float = -math.inf
    is_rescored: bool = True
    oversampling: float = 1.0
    ignores_codes: bool = False
    rows: Rows | None = None


class IndexView(NamedTuple):
    """One state of an index: a table of its addresses, and the arrays behind them. Replaced whole, never changed."""

    table: npt.NDArray[np.int64]
    vectors: Stored
    rows: int
    held: tuple[npt.NDArray[np.generic], ...]
    has_signs: bool
    code_bytes: int


class Prepared(NamedTuple):
    """All of a search but its query: it may be run again and again, by several threads at once.

    view      kept alive while it runs;  options  likewise: the mask is theirs
    table     the first part of the kernels' table;  call  the part of the call;  listed  the address of listed rows
    base      the row that it counts as 0
    way       how it goes, and for a walk its budget
    scan      the kernel that reads the passing rows one by one, where that is all; None for other ways
    """

    view: IndexView
    options: SlotSearch
    table: npt.NDArray[np.int64]
    call: npt.NDArray[np.int64]
    listed: int
    terrain: Terrain
    limit: int
    base: int
    way: Way
    budget: int
    scan: Kernel | None
    candidates: int


class Ready(NamedTuple):
    """One search, written into the table of a scratch that it has to itself; see SlotSearch for `floor`."""

    scratch: Scratch
    prepared: Prepared
    floor: float


def found(ready: Ready, hits: int) -> tuple[Rows, Floats]:
    """Return copies of the rows and scores that a search wrote into its scratch."""
    scratch, base = ready.scratch, ready.prepared.base
    rows = scratch.rows[:hits]
    return (rows + base if base else rows.copy()), scratch.scores[:hits].copy()


def written(prepared: Prepared, scratch: Scratch, query: Floats, floor: float) -> Ready:
    """Write a prepared search for one query into the table of a scratch."""
    dim = prepared.terrain.dim
    scratch.fit_dim(dim)
    scratch.fit_limit(prepared.limit)
    scratch.query[:dim] = query
    table, codec = scratch.table, prepared.terrain.codec
    table[:INDEX_PART] = prepared.table
    table[CALL_PART] = prepared.call
    table[_LISTED], table[_LISTED_COUNT] = prepared.listed, prepared.terrain.matching
    table[_IS_ESTIMATED] = prepared.terrain.is_estimated
    table[_FLOOR] = NO_FLOOR_BITS if floor == -math.inf else _float_bits(floor)
    if codec == PRODUCT:
        scratch.fit_parts(int(table[AT.product_parts]))
    elif codec == BINARY:
        scratch.fit_planes(int(table[AT.sign_padded]), int(table[AT.query_bits]))
    return Ready(scratch, prepared, floor)


def scan_by_rows(terrain: Terrain, way: Way, limit: int) -> tuple[Kernel | None, int]:
    """Return the kernel that reads passing rows one by one, and how many candidates it keeps; None for other ways."""
    if way is Way.EXACT:
        return scan_raw, 0
    if way is not Way.CODES:
        return None, 0
    candidates = code_candidates(terrain, limit)
    if candidates >= terrain.matching and not terrain.is_estimated:
        return scan_raw, 0
    return (scan_bytes if terrain.codec == BYTES else scan_coded), candidates


def run(ready: Ready) -> int:
    """Search; return how many rows and scores were written into the scratch."""
    scratch, prepared, floor = ready
    if prepared.scan is not None:
        scratch.fit_candidates(prepared.candidates)
        return prepared.scan(scratch.table)
    options, terrain, limit, way = prepared.options, prepared.terrain, prepared.limit, prepared.way
    if way is Way.WALK:
        hits = _walk(scratch, terrain, beam_of(terrain, limit, options.ef), prepared.budget, limit)
        if hits >= limit:
            return hits
        way, _ = best_scan(terrain, limit)
    return _scan(scratch, terrain, way, limit, has_floor=floor > -math.inf)


def _walk(scratch: Scratch, terrain: Terrain, ef: int, budget: int, limit: int) -> int:
    """Return the hits of a walk, 0 when it was given up."""
    table = scratch.table
    share = terrain.matching / terrain.rows
    is_open = terrain.matching == terrain.rows
    capacity = ef if is_open else min(terrain.rows, int(BEAM_SLACK * ef / share) + ef)
    scratch.fit_candidates(ef)
    scratch.fit_walk(capacity, int(table[AT.rows]))
    table[AT.ef] = ef
    table[AT.beam_capacity] = capacity
    table[AT.budget] = budget
    table[AT.candidates] = walk_candidates(terrain, limit, ef)
    table[AT.epoch] = scratch.next_epoch()
    hits = int(_WALKS[terrain.codec == BYTES, is_open](table))
    return 0 if table[AT.status] == EXHAUSTED else hits


def _scan(scratch: Scratch, terrain: Terrain, way: Way, limit: int, *, has_floor: bool) -> int:
    """Return the hits of a scan; where its candidates may not be enough, of a second one with all that may belong."""
    table = scratch.table
    is_by_rows = way is Way.CODES
    candidates = code_candidates(terrain, limit) if is_by_rows else sign_candidates(limit, has_floor=has_floor)
    if way is Way.EXACT or (candidates >= terrain.matching and not terrain.is_estimated):
        return int(scan_raw(table))
    scratch.fit_candidates(candidates)
    table[AT.candidates] = candidates
    if is_by_rows:
        return int(scan_bytes(table) if terrain.codec == BYTES else scan_coded(table))
    return sure_hits(scratch, terrain, int(scan_signs(table)))


def sure_hits(scratch: Scratch, terrain: Terrain, hits: int) -> int:
    """Return the hits of a scan of 1-bit codes, of a second one where it was not sure of them."""
    table = scratch.table
    if table[AT.status] != UNSURE:
        return hits
    table[AT.candidates] = int(terrain.matching * SECOND_SHARE)
    hits = int(scan_signs_above(table))
    return hits if table[AT.status] == FINISHED else int(scan_raw(table))
