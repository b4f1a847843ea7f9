"""The gate before a swap: how much of the exact answer a built index finds."""

from shared.segment.index.base import SlotIndex


def measure_recall(index: SlotIndex, sample: int = 200, limit: int = 10, seed: int = 1) -> float:
    """Return the worst of the recalls over own points, jittered points and filtered queries, in [0, 1].

    A point that does not find itself (or an equal) as its best hit counts as a whole miss.
    """
    raise NotImplementedError
