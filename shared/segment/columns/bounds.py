"""A range's bounds as integers, so that integers are compared exactly and not as rounded floats."""

import math

from shared.schema.filters import DatetimeRange, Range, ValuesCount

LOW, HIGH = -(2**63), 2**63 - 1

Bounds = Range | DatetimeRange | ValuesCount


def integer_bounds(bounds: Bounds) -> tuple[int, int]:
    """Return the least and the greatest int64 within the range; the first is above the second when there is none."""
    low, high = LOW, HIGH
    if bounds.gte is not None:
        low = max(low, inner(bounds.gte, up=True))
    if bounds.gt is not None:
        low = max(low, inner(bounds.gt, up=False) + 1)
    if bounds.lte is not None:
        high = min(high, inner(bounds.lte, up=False))
    if bounds.lt is not None:
        high = min(high, inner(bounds.lt, up=True) - 1)
    return (low, high) if low <= high else (1, 0)


def inner(bound: float, *, up: bool) -> int:
    """Return the integer next to a bound, above or below it; beyond int64 for infinity."""
    if isinstance(bound, int):
        return bound
    if math.isinf(bound):
        return HIGH + 1 if bound > 0 else LOW - 1
    return math.ceil(bound) if up else math.floor(bound)
