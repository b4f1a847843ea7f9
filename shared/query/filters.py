"""Filters over segments: which live rows pass, as bit words.

Conditions on payload come from columns, whole arrays at a time. `must` narrows and stops when nothing is left.
"""

from collections.abc import Iterator

from shared.query.view import Segments, SegmentView, View
from shared.schema.filters import Condition, Filter, HasId, HasVector, Nested, Slice
from shared.segment import bits
from shared.segment.base import Segment
from shared.segment.bits import Words
from shared.segment.id_map import IdBatch


def words_of(segment: Segment, wanted: Filter | None) -> tuple[Words, int]:
    """Return the live rows of a segment that the filter keeps, and how many they are. No filter keeps all."""
    return kept_words(SegmentView(segment, segment.live_words, segment.live_count, segment.count), wanted)


def kept_words(view: SegmentView, wanted: Filter | None) -> tuple[Words, int]:
    """Return the rows of a view that the filter keeps, and how many they are."""
    if wanted is None or matches_all(wanted):
        return view.words, view.live
    words = _within(view, wanted, view.words)
    return words, bits.count(words)


def matches_all(wanted: Filter) -> bool:
    """True for the empty filter."""
    return not (wanted.must or wanted.should or wanted.must_not)


def cold_rows(segments: Segments, wanted: Filter | None) -> int:
    """Return how many payloads a filter must parse first: about half a microsecond each, for the choice of a thread."""
    keys = set(_keys(wanted)) if wanted is not None else set()
    return sum(one.segment.column(key).cold_rows() for one in View.of(segments) for key in keys)


def _keys(condition: Condition) -> Iterator[str]:
    if isinstance(condition, Filter):
        for inner in (*condition.must, *condition.should, *condition.must_not):
            yield from _keys(inner)
    elif not isinstance(condition, HasId | HasVector | Slice | Nested):
        yield condition.key


def _within(view: SegmentView, wanted: Filter, words: Words) -> Words:
    """Return those rows of `words` that the filter keeps; a new array unless all stay."""
    for condition in wanted.must:
        words = words & _satisfying(view, condition)
        if not words.any():
            return words
    for condition in wanted.must_not:
        words = words & ~_satisfying(view, condition)
    if wanted.should:
        some = _satisfying(view, wanted.should[0])
        for condition in wanted.should[1:]:
            some = some | _satisfying(view, condition)
        words = words & some
    return words


def _satisfying(view: SegmentView, condition: Condition) -> Words:
    """Return the rows that satisfy a condition; those that are not live may or may not be among them."""
    if isinstance(condition, Filter):
        return _within(view, condition, view.words)
    if isinstance(condition, HasId):
        rows = view.segment.rows_of(IdBatch.from_ids(condition.ids))
        words = bits.empty(view.size)
        bits.set_rows(words, rows[(rows >= 0) & (rows < view.size)])
        return words
    if isinstance(condition, HasVector | Slice | Nested):
        raise NotImplementedError(f"condition {type(condition).__name__}")
    return view.segment.column(condition.key).matches(condition)[: len(view.words)]
