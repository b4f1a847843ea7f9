"""Bounds of what one request may ask for."""

from typing import NamedTuple

from services.api.validate.filters import FilterLimits
from shared.errors import BadFormat, BadRequest, Invalid


class Limits(NamedTuple):
    """Bounds of what one request may ask for."""

    points_max: int
    limit_max: int
    searches_max: int
    filter: FilterLimits


def check_limit(limit: int, offset: int, prefix: str, limits: Limits) -> None:
    """Raise for a limit below 1 or above what one answer may hold, and for an offset below 0."""
    if limit < 0 or offset < 0:
        raise BadFormat(f"invalid value: integer `{min(limit, offset)}`, expected a whole number that is not negative")
    if limit < 1:
        raise Invalid(f"{prefix}limit: value {limit} invalid, must be 1 or larger")
    if limit + offset > limits.limit_max:
        raise BadRequest(
            f'Limit exceeded {limit + offset} > {limits.limit_max} for "limit" + "offset". Help: Ask for fewer points'
        )
