"""Which way to search one slot, by estimated cost. Pure arithmetic; nanoseconds on the machine that it was fitted on.

Only ratios matter: a CPU that is twice as fast is about twice as fast at all four ways.
"""

from enum import IntEnum
from typing import NamedTuple


class Way(IntEnum):
    """How candidates are found."""

    EXACT = 0
    BYTES = 1
    SIGNS = 2
    WALK = 3


class Terrain(NamedTuple):
    """What a search finds in a slot."""

    rows: int
    dim: int
    matching: int
    has_bytes: bool
    has_signs: bool
    has_graph: bool
    scan_rows: int = 0
    """So many matching rows, or fewer, are never walked for."""


EF_DEFAULT = 80
"""Beam when a request names none."""

RAW_ROW_NS, RAW_DIM_NS = 5.0, 0.17
SPARSE_ROW_NS, SPARSE_DIM_NS = 15.0, 0.1
"""What a raw row costs more when its neighbours are left out."""
BYTE_ROW_NS, BYTE_DIM_NS = 10.0, 0.03
SIGN_GROUP_NS, SIGN_DIM_NS = 8.0, 0.07
SIGN_QUERY_NS, SIGN_QUERY_DIM_NS = 500.0, 15.0
WALK_ROW_NS, WALK_DIM_NS = 45.0, 0.05
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


def bytes_ns(plan: Terrain, limit: int) -> float:
    """Return the cost of scanning the matching rows by int8 codes."""
    return plan.matching * (BYTE_ROW_NS + BYTE_DIM_NS * plan.dim) + raw_ns(plan, byte_candidates(limit))


def signs_ns(plan: Terrain, limit: int) -> float:
    """Return the cost of scanning the groups that hold matching rows by 1-bit codes."""
    groups = (plan.rows + 15) // 16 * (1 - (1 - plan.matching / plan.rows) ** 16)
    query = SIGN_QUERY_NS + SIGN_QUERY_DIM_NS * plan.dim
    return query + groups * (SIGN_GROUP_NS + SIGN_DIM_NS * plan.dim) + raw_ns(plan, sign_candidates(limit))


def walk_ns(plan: Terrain, limit: int, ef: int) -> float:
    """Return the cost of a walk whose mask is spread evenly."""
    rows = WALK_START + WALK_FAN * ef * plan.rows / plan.matching
    return rows * (WALK_ROW_NS + WALK_DIM_NS * plan.dim) + raw_ns(plan, walk_candidates(limit, ef))


def byte_candidates(limit: int) -> int:
    """Return how many rows of an int8 scan are scored exactly."""
    return 2 * limit + 32


def sign_candidates(limit: int, *, has_floor: bool = False) -> int:
    """Return how many rows of a 1-bit scan are scored exactly at first: fewer beside a floor."""
    return limit + limit // 2 + 16 if has_floor else 4 * limit + 60


def walk_candidates(limit: int, ef: int) -> int:
    """Return how many rows of a walk's beam are scored exactly."""
    return min(ef, limit + limit // 4 + 8)


def beam_of(plan: Terrain, limit: int, ef: int) -> int:
    """Return the beam of a walk: at least the limit, at most all rows."""
    return min(plan.rows, max(limit, ef or EF_DEFAULT))


def best_scan(plan: Terrain, limit: int) -> tuple[Way, float]:
    """Return the cheapest way without the graph, and its cost."""
    costs = {Way.EXACT: raw_ns(plan, plan.matching)}
    if plan.has_bytes:
        costs[Way.BYTES] = bytes_ns(plan, limit)
    if plan.has_signs:
        costs[Way.SIGNS] = signs_ns(plan, limit)
    way = min(costs, key=lambda each: (costs[each], each))
    return way, costs[way]


def choose(plan: Terrain, limit: int, ef: int) -> tuple[Way, int]:
    """Return the cheapest way, and for a walk how many rows it may estimate before it costs as much as a scan."""
    way, cost = best_scan(plan, limit)
    if not plan.has_graph or plan.matching < max(SHARE_MIN * plan.rows, plan.scan_rows + 1):
        return way, 0
    if walk_ns(plan, limit, beam_of(plan, limit, ef)) >= WALK_GAIN * cost:
        return way, 0
    return Way.WALK, int(cost / (WALK_ROW_NS + WALK_DIM_NS * plan.dim)) + 1
