"""How common the indices of a sparse query are, over the segments of a shard."""

import numpy as np

from shared.errors import BadInput
from shared.query.filters import kept_words, matches_all
from shared.query.view import Segments, SegmentView, View
from shared.schema.filters import Filter
from shared.schema.queries import TermCounts, Terms
from shared.segment import bits
from shared.segment.bits import Words
from shared.segment.index.sparse import SparseIndex


def count_terms(segments: Segments, terms: Terms) -> TermCounts:
    """Return the points of the corpus that carry the slot, and how many of them hold each index. Raises BadInput."""
    indices = np.frombuffer(terms.indices, np.uint32)
    points, counts = 0, np.zeros(len(indices), np.int64)
    for view in View.of(segments):
        slot = view.segment.slot(terms.slot)
        if slot is None:
            continue
        if not isinstance(slot, SparseIndex):
            raise BadInput(f"Conversion between sparse and regular vectors failed: '{terms.slot}' is not sparse")
        words, matching = _mask(view, terms.slot, terms.corpus)
        points += matching
        if matching:
            counts += slot.count_terms(indices, words)
    return TermCounts(points, counts.tolist())


def _mask(view: SegmentView, slot: str, corpus: Filter | None) -> tuple[Words | None, int]:
    """Return the rows of the corpus that carry the slot, and how many; None where those are all rows for good."""
    words, matching = kept_words(view, corpus)
    present = view.segment.present_words(slot)
    if present is not None:
        words = words & present[: len(words)]
        return words, bits.count(words)
    is_whole = (corpus is None or matches_all(corpus)) and view.live == view.size == view.segment.count
    return (None if is_whole else words), matching
