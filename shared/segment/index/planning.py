"""Which way to search one slot, by estimated cost. Pure arithmetic; nanoseconds on the machine that it was fitted on.

Only ratios matter: a CPU that is twice as fast is about twice as fast at all four ways.
"""

import math
from enum import IntEnum
from functools import lru_cache
from typing import NamedTuple

from shared.segment.kernels.table import BINARY, BYTES, PRODUCT, RAW


class Way(IntEnum):
    """How candidates are found."""

    EXACT = 0
    CODES = 1
    SIGNS = 2
    WALK = 3


class Terrain(NamedTuple):
    """What a search finds in a slot, and how it may use it.

    scan_rows      so many matching rows, or fewer, are never walked for
    codec          of the row codes, see kernels/table.py; RAW where those of a quantization are to be ignored
    code_bytes     of a row's codes
    is_estimated   hits carry what the codes say: raw rows are not read
    oversampling   so many times the limit are found by codes, at least, and scored exactly
    """

    rows: int
    dim: int
    matching: int
    has_codes: bool
    has_signs: bool
    has_graph: bool
    scan_rows: int = 0
    codec: int = BYTES
    code_bytes: int = 0
    is_estimated: bool = False
    oversampling: float = 1.0


EF_DEFAULT = 80
"""Beam when a request names none."""

RAW_ROW_NS, RAW_DIM_NS = 5.0, 0.17
SPARSE_ROW_NS, SPARSE_DIM_NS = 15.0, 0.1
"""What a raw row costs more when its neighbours are left out."""
CODE_ROW_NS = {BYTES: 6.0, PRODUCT: 8.0, BINARY: 14.0}
CODE_BYTE_NS = {BYTES: 0.03, PRODUCT: 0.3, BINARY: 0.05}
"""What a scan pays for each row, and for each byte of its code."""
SIGN_GROUP_NS, SIGN_DIM_NS = 8.0, 0.07
SPARSE_GROUP_NS = 40.0
"""What a group of 1-bit codes costs more when its neighbours are left out."""
SIGN_QUERY_NS, SIGN_QUERY_DIM_NS = 500.0, 15.0
WALK_ROW_NS = {BYTES: 45.0, PRODUCT: 50.0, BINARY: 50.0, RAW: 80.0}
WALK_BYTE_NS = {BYTES: 0.05, PRODUCT: 0.35, BINARY: 0.1, RAW: 0.06}
QUERY_NS, QUERY_DIM_NS = {PRODUCT: 500.0, BINARY: 500.0}, {PRODUCT: 30.0, BINARY: 15.0}
"""What a query costs before the first row is looked at."""
WALK_FAN = 12
"""Rows estimated for each row of the beam."""
WALK_START = 300
"""Rows estimated before a walk reaches the neighbourhood."""
WALK_GAIN = 0.75
"""A walk has to promise so much of a scan's cost: how far it goes varies by query, what a scan costs does not."""
SHARE_MIN = 0.02
"""A mask thinner than this is scanned: the walk's second beam would be as long as the graph is wide."""


def raw_ns(plan: Terrain, rows: float) -> float:
    """Return the cost of scoring `rows` of the rows exactly."""
    sparse = 1 - rows / plan.rows
    row = RAW_ROW_NS + SPARSE_ROW_NS * sparse
    return rows * (row + (RAW_DIM_NS + SPARSE_DIM_NS * sparse) * plan.dim)


def codes_ns(plan: Terrain, limit: int) -> float:
    """Return the cost of scanning the matching rows by row codes."""
    row = CODE_ROW_NS[plan.codec] + CODE_BYTE_NS[plan.codec] * plan.code_bytes
    return query_ns(plan) + plan.matching * row + _rescore_ns(plan, code_candidates(plan, limit))


def query_ns(plan: Terrain) -> float:
    """Return the cost of encoding a query for the row codes."""
    return QUERY_NS.get(plan.codec, 0.0) + QUERY_DIM_NS.get(plan.codec, 0.0) * plan.dim


def walk_row_ns(plan: Terrain) -> float:
    """Return what a walk pays for each row that it estimates."""
    return WALK_ROW_NS[plan.codec] + WALK_BYTE_NS[plan.codec] * plan.code_bytes


def _rescore_ns(plan: Terrain, candidates: int) -> float:
    return 0.0 if plan.is_estimated else raw_ns(plan, candidates)


def signs_ns(plan: Terrain, limit: int) -> float:
    """Return the cost of scanning the groups that hold matching rows by 1-bit codes."""
    share = 1 - (1 - plan.matching / plan.rows) ** 16
    group = SIGN_GROUP_NS + SIGN_DIM_NS * plan.dim + SPARSE_GROUP_NS * (1 - share)
    query = SIGN_QUERY_NS + SIGN_QUERY_DIM_NS * plan.dim
    return query + (plan.rows + 15) // 16 * share * group + raw_ns(plan, sign_candidates(limit))


def walk_ns(plan: Terrain, limit: int, ef: int) -> float:
    """Return the cost of a walk whose mask is spread evenly."""
    rows = WALK_START + WALK_FAN * ef * plan.rows / plan.matching
    return query_ns(plan) + rows * walk_row_ns(plan) + _rescore_ns(plan, walk_candidates(plan, limit, ef))


def code_candidates(plan: Terrain, limit: int) -> int:
    """Return how many rows a scan by row codes keeps: to be scored exactly, unless codes have the last word."""
    if plan.is_estimated:
        return limit
    kept = 2 * limit + 32 if plan.codec == BYTES else 4 * limit + 60
    return max(kept, oversampled(plan, limit))


def oversampled(plan: Terrain, limit: int) -> int:
    """Return how many rows the search asks to be found by codes."""
    return math.ceil(min(plan.rows, limit * plan.oversampling))


def sign_candidates(limit: int, *, has_floor: bool = False) -> int:
    """Return how many rows of a 1-bit scan are scored exactly at first: fewer beside a floor."""
    return limit + limit // 2 + 16 if has_floor else 4 * limit + 60


def walk_candidates(plan: Terrain, limit: int, ef: int) -> int:
    """Return how many rows of a walk's beam are scored exactly: the fewer bits a dim's code has, the more of them.

    Below one bit a dim the whole beam. A larger beam always has more of them.
    """
    if plan.is_estimated or plan.codec == RAW:
        return limit
    kept = limit + limit // 4 + 8
    if plan.codec != BYTES:
        dims_per_bit = plan.dim / (8 * plan.code_bytes)
        kept = max(limit + math.ceil(4 * limit * dims_per_bit) + 8, math.ceil(ef * dims_per_bit))
    return min(ef, max(kept, oversampled(plan, limit)))


def beam_of(plan: Terrain, limit: int, ef: int) -> int:
    """Return the beam of a walk: at least what is to be found by codes, at most all rows."""
    return min(plan.rows, max(limit, ef or EF_DEFAULT, oversampled(plan, limit)))


def best_scan(plan: Terrain, limit: int) -> tuple[Way, float]:
    """Return the cheapest way without the graph, and its cost."""
    if plan.is_estimated and plan.has_codes:
        return Way.CODES, codes_ns(plan, limit)
    costs = {Way.EXACT: raw_ns(plan, plan.matching)}
    if plan.has_codes:
        costs[Way.CODES] = codes_ns(plan, limit)
    if plan.has_signs:
        costs[Way.SIGNS] = signs_ns(plan, limit)
    way = min(costs, key=lambda each: (costs[each], each))
    return way, costs[way]


@lru_cache(maxsize=4096)  # the same filter comes again with other vectors: then a hash takes the arithmetic's place
def choose(plan: Terrain, limit: int, ef: int) -> tuple[Way, int]:
    """Return the cheapest way, and for a walk how many rows it may estimate before it costs as much as a scan."""
    way, cost = best_scan(plan, limit)
    if not plan.has_graph or plan.matching < max(SHARE_MIN * plan.rows, plan.scan_rows + 1):
        return way, 0
    if walk_ns(plan, limit, beam_of(plan, limit, ef)) >= WALK_GAIN * cost:
        return way, 0
    return Way.WALK, int(cost / walk_row_ns(plan)) + 1
