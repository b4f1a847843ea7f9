"""How many live rows each declared payload index of a segment has: those with a value of the index's type."""

from shared.schema.filters import HasType
from shared.segment import bits
from shared.segment.marked import MarkedSegment


def indexed_points(segment: MarkedSegment) -> dict[str, int]:
    """Count by path, for any thread. A sealed segment whose column is not built counts as none, until it is."""
    unbuilt = {key for key, _ in segment.columns.unbuilt()}
    indexes = segment.columns.declared.items()
    return {key: 0 if key in unbuilt else _points(segment, HasType(key, index.type)) for key, index in indexes}


def _points(segment: MarkedSegment, condition: HasType) -> int:
    live = segment.live_words
    words = segment.column(condition.key).matches(condition)
    return bits.count(live & words[: len(live)])
