"""What one read sees: the segments and their live rows at one moment.

Applying replaces `live_words` and never changes the array behind it, so a view stays true while operations go on. A
view must be taken in the loop that applies; the read may then run in a thread.
"""

from collections.abc import Iterable
from typing import NamedTuple

from shared.schema.points import PointId
from shared.segment.base import Segment
from shared.segment.bits import Words


class SegmentView(NamedTuple):
    """One segment and its live rows. `words` covers `size` rows, of which `live` are not tombstoned."""

    segment: Segment
    words: Words
    live: int
    size: int


class View(tuple[SegmentView, ...]):
    """The segments of a shard at one moment."""

    __slots__ = ()

    @classmethod
    def of(cls, segments: "Iterable[Segment] | View") -> "View":
        """Return the view of segments as they are now; a view stays what it is."""
        if isinstance(segments, View):
            return segments
        return cls(
            [SegmentView(segment, segment.live_words, segment.live_count, segment.count) for segment in segments]
        )


Segments = Iterable[Segment] | View
"""What reads take."""


class Ranking(NamedTuple):
    """Points of an answer without their content, parallel lists, in the order of the answer.

    `places` are indexes of segments in the view. Scores are 0 where nothing was ranked.
    """

    ids: list[PointId]
    scores: list[float]
    places: list[int]
    rows: list[int]
