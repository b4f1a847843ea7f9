"""Which rows an operation means: those of its ids, or those that pass its filter at its position.

What a filter keeps depends on the log only, and so do the orders given here; which segment holds a point does not.
"""

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from shared.query.filters import words_of
from shared.schema.filters import Filter
from shared.schema.points import PointId
from shared.segment import bits
from shared.segment.bits import Words
from shared.segment.checkpoint import AnySegment
from shared.segment.id_map import IdBatch
from shared.segment.row_copies import FoundRows

Marks = NDArray[np.bool_]


def rows_found(segments: Sequence[AnySegment], batch: IdBatch) -> list[FoundRows]:
    """Return the live rows of points, with the place of each in the batch."""
    found = []
    for segment in segments:
        rows = segment.rows_of(batch)
        places = np.flatnonzero(rows >= 0)
        if len(places):
            found.append(FoundRows(segment, rows[places], places))
    return found


def are_known(found: Sequence[FoundRows], count: int) -> Marks:
    """Return which places of a batch have a row."""
    known = np.zeros(count, np.bool_)
    for part in found:
        known[part.places] = True
    return known


def missing_ids(found: Sequence[FoundRows], batch: IdBatch) -> list[PointId]:
    """Return the ids that do not exist, in the order of the batch."""
    unknown = np.flatnonzero(~are_known(found, len(batch)))
    return [batch.ids[place] for place in unknown.tolist()]


def passing(found: Sequence[FoundRows], wanted: Filter | None) -> list[FoundRows]:
    """Return those of the rows that a filter keeps."""
    if wanted is None:
        return list(found)
    kept = []
    for part in found:
        words, _ = words_of(part.segment, wanted)
        passes = bits.test(words, part.rows)
        if passes.any():
            kept.append(FoundRows(part.segment, part.rows[passes], part.places[passes]))
    return kept


def words_passing(segments: Sequence[AnySegment], wanted: Filter) -> Iterator[tuple[AnySegment, Words]]:
    """Yield the live rows that a filter keeps, segment by segment, where there are any."""
    for segment in segments:
        words, count = words_of(segment, wanted)
        if count:
            yield segment, words


def ids_passing(segments: Sequence[AnySegment], wanted: Filter) -> list[PointId]:
    """Return the points that a filter keeps, in the order of their ids."""
    ids = [one for segment, words in words_passing(segments, wanted) for one in segment.ids(bits.to_rows(words))]
    numbers = sorted(one for one in ids if isinstance(one, int))
    return [*numbers, *sorted(one for one in ids if isinstance(one, bytes))]
