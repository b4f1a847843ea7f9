"""Speed against recall: pure arithmetic over one engine's sweep of its beam."""

from collections.abc import Sequence
from typing import NamedTuple


class Point(NamedTuple):
    """One beam width: recall@10 and queries a second."""

    ef: int
    recall: float
    rate: float


class AtRecall(NamedTuple):
    """An engine's speed at a wanted recall. `reached` is the first measured point at or above it; None: never."""

    wanted: float
    rate: float | None
    reached: Point | None


def at_recall(points: Sequence[Point], wanted: float) -> AtRecall:
    """Return the speed at a recall: straight between the two measured points around it, time per query over recall.

    An engine that starts above the wanted recall gets its first point's speed: it has no faster one to show.
    """
    ordered = sorted(points)
    above = next((place for place, point in enumerate(ordered) if point.recall >= wanted), None)
    if above is None:
        return AtRecall(wanted, None, None)
    high = ordered[above]
    if above == 0:
        return AtRecall(wanted, high.rate, high)
    low = ordered[above - 1]
    share = (wanted - low.recall) / (high.recall - low.recall)
    seconds = (1 - share) / low.rate + share / high.rate
    return AtRecall(wanted, 1 / seconds, high)
