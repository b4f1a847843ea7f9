"""What reads cost under a rate limit (features.md section 7)."""

from services.api.strict.filters import conditions_of
from services.api.validate.given import WireSparse, is_multi
from services.api.validate.searches import SearchCall
from shared.schema.filters import Filter

SPARSE_INDICES = 64
"""Indices of a sparse vector that cost as much as a dense vector."""


def search_cost(call: SearchCall) -> int:
    """Return what one search costs; one by a point's id costs as one by a dense vector."""
    conditions = len(conditions_of(call.filter))
    if call.vector is None:
        return 1 + conditions
    if isinstance(call.vector, WireSparse):
        return max(1, -(-len(call.vector.indices) // SPARSE_INDICES)) + conditions
    return (len(call.vector) if is_multi(call.vector) else 1) + conditions


def listing_cost(kept: Filter | None) -> int:
    """Return what a scroll or a count costs."""
    return 1 + len(conditions_of(kept))
