"""One search of one slot, written into a table, and how it runs: the cheapest way, then a scan where a walk fails."""

import math
from typing import NamedTuple

import numpy as np
import numpy.typing as npt

from shared.segment.elements import Stored
from shared.segment.index.planning import (
    Terrain,
    Way,
    beam_of,
    best_scan,
    choose,
    code_candidates,
    sign_candidates,
    walk_candidates,
)
from shared.segment.index.scratch import Scratch
from shared.segment.kernels.codes_scan import scan_bytes, scan_coded
from shared.segment.kernels.scores import scan_raw
from shared.segment.kernels.signs_scan import scan_signs, scan_signs_above
from shared.segment.kernels.table import AT, BYTES, EXHAUSTED, FINISHED, UNSURE
from shared.segment.kernels.walk import walk, walk_coded, walk_masked, walk_masked_coded

Floats = npt.NDArray[np.float32]
Rows = npt.NDArray[np.int64]
Words = npt.NDArray[np.uint64]

NO_ROWS: Rows = np.empty(0, dtype=np.int64)
NO_SCORES: Floats = np.empty(0, dtype=np.float32)

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
    matching   how many bits of `words` are set; read only beside `words`
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


class IndexView(NamedTuple):
    """One state of an index: a table of its addresses, and the arrays behind them. Replaced whole, never changed."""

    table: npt.NDArray[np.int64]
    vectors: Stored
    rows: int
    held: tuple[npt.NDArray[np.generic], ...]
    has_signs: bool
    code_bytes: int


class Ready(NamedTuple):
    """One search, written into the table of a scratch that it has to itself. `view` is kept alive while it runs.

    base   the row that it counts as 0
    """

    scratch: Scratch
    view: IndexView
    terrain: Terrain
    options: SlotSearch
    limit: int
    base: int


def found(ready: Ready, hits: int) -> tuple[Rows, Floats]:
    """Return copies of the rows and scores that a search wrote into its scratch."""
    rows, scores = ready.scratch.rows[:hits], ready.scratch.scores[:hits].copy()
    return (rows + ready.base if ready.base else rows.copy()), scores


def run(ready: Ready) -> int:
    """Search; return how many rows and scores were written into the scratch."""
    scratch, _, terrain, options, limit, _ = ready
    if options.exact:
        return int(scan_raw(scratch.table))
    way, budget = choose(terrain, limit, options.ef)
    if way is Way.WALK:
        hits = _walk(scratch, terrain, beam_of(terrain, limit, options.ef), budget, limit)
        if hits >= limit:
            return hits
        way, _ = best_scan(terrain, limit)
    return _scan(scratch, terrain, way, limit, has_floor=options.floor > -math.inf)


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
