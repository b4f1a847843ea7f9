"""Counting the points that a filter keeps. Always exact: the figure comes from bit words."""

from shared.query.filters import kept_words
from shared.query.view import Segments, View
from shared.schema.queries import Count


def count_segments(segments: Segments, count: Count) -> int:
    """Return how many live points the filter keeps."""
    return sum(kept_words(one, count.filter)[1] for one in View.of(segments))
