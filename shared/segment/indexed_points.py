"""How many live rows each declared payload index of a segment has: those with a value of the index's type."""

from shared.schema.filters import HasType
from shared.segment import bits
from shared.segment.marked import MarkedSegment


def indexed_points(segment: MarkedSegment) -> dict[str, int]:
    """Count by path. For any thread; quick where columns are built, which is what a first count elsewhere does."""
    return {key: _points(segment, HasType(key, index.type)) for key, index in segment.columns.declared.items()}


def _points(segment: MarkedSegment, condition: HasType) -> int:
    live = segment.live_words
    words = segment.column(condition.key).matches(condition)
    return bits.count(live & words[: len(live)])
