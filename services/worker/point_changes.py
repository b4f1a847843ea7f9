"""Operations that write rows, beyond the plain upsert: upserts that choose among their points, and changed vectors.

A sealed row never changes, so a point whose vectors change gets a new row that takes the rest along. Many points are
written again in steps, with pauses in between, and segments are sealed on the way: at the same rows on every replica,
as the points come in the order of the operation, or in that of their ids where a filter found them.
"""

from collections.abc import Generator, Sequence
from typing import NamedTuple

import numpy as np

from services.worker.found_points import are_known, ids_passing, missing_ids, passing, rows_found
from services.worker.segment_list import SegmentList
from shared.schema.operations import DeleteVectors, UpdateMode, UpdateVectors, Upsert
from shared.schema.points import PointId
from shared.segment import bits
from shared.segment.batches import Batch
from shared.segment.bits import Rows
from shared.segment.id_map import IdBatch
from shared.segment.row_copies import FoundRows, copied_payloads, copied_slots, replaced, taken_rows
from shared.segment.rows import RowBatch, known_slots, row_batch

STEP_POINTS = 128
"""Points that are written again between two pauses and chances to seal. Rows depend on it, so it is never changed."""


def is_plain(upsert: Upsert) -> bool:
    """True for an upsert that writes all of its points."""
    return upsert.update_filter is None and upsert.mode is UpdateMode.UPSERT


def upsert_some(segments: SegmentList, upsert: Upsert, position: int) -> None:
    """Write those points of an upsert that its mode and its filter let through."""
    batch = row_batch(upsert, position, segments.layout)
    places = _places_to_write(segments, upsert, batch.ids)
    if len(places):
        segments.append_and_seal(taken_rows(batch, places))


def _places_to_write(segments: SegmentList, upsert: Upsert, batch: IdBatch) -> Rows:
    found = rows_found(segments.mounted, batch)
    is_new = ~are_known(found, len(batch))
    if upsert.mode is UpdateMode.INSERT_ONLY:
        return np.flatnonzero(is_new)
    passes = are_known(passing(found, upsert.update_filter), len(batch))
    return np.flatnonzero(passes if upsert.mode is UpdateMode.UPDATE_ONLY else passes | is_new)


def update_vectors(
    segments: SegmentList, operation: UpdateVectors, position: int
) -> Generator[None, None, list[PointId]]:
    """Replace vectors of points that exist and pass; return the ids that do not exist."""
    given = known_slots(operation.slots, segments.layout, len(operation.ids))
    missing: list[PointId] = []
    for first in range(0, len(operation.ids), STEP_POINTS):
        if first:
            yield
        batch = IdBatch.from_ids(operation.ids[first : first + STEP_POINTS])
        found = rows_found(segments.mounted, batch)
        missing += missing_ids(found, batch)
        points = _Points.of(batch, passing(found, operation.update_filter))
        changed = {name: slot.taken(first + points.places) for name, slot in given.items()}
        kept = copied_slots(points.found, segments.layout)
        _write_again(
            segments, points, kept | {name: replaced(kept[name], slot) for name, slot in changed.items()}, position
        )
    return missing


def delete_vectors(
    segments: SegmentList, operation: DeleteVectors, position: int
) -> Generator[None, None, list[PointId]]:
    """Remove vectors of slots; points that carry none of them stay as they are. Return the ids that do not exist."""
    names = [name for name in operation.names if name in segments.layout]
    ids = operation.ids if operation.filter is None else ids_passing(segments.mounted, operation.filter)
    missing: list[PointId] = []
    for first in range(0, len(ids), STEP_POINTS):
        if first:
            yield
        batch = IdBatch.from_ids(ids[first : first + STEP_POINTS])
        found = rows_found(segments.mounted, batch)
        missing += missing_ids(found, batch)
        points = _Points.of(batch, [_carrying(part, names) for part in found])
        kept = {name: slot for name, slot in segments.layout.items() if name not in names}
        _write_again(segments, points, copied_slots(points.found, kept), position)
    return missing


class _Points(NamedTuple):
    """Points to write again.

    places   int64 (n,), ascending: theirs in the batch that they came in
    found    their rows; places there count the points from 0
    """

    ids: list[PointId]
    places: Rows
    found: list[FoundRows]

    @classmethod
    def of(cls, batch: IdBatch, found: Sequence[FoundRows]) -> "_Points":
        """Return the points of a batch whose rows these are."""
        places = np.sort(np.concatenate([np.empty(0, np.int64), *(part.places for part in found)]))
        ids = [batch.ids[place] for place in places.tolist()]
        return cls(ids, places, [part._replace(places=np.searchsorted(places, part.places)) for part in found])


def _write_again(segments: SegmentList, points: _Points, slots: dict[str, Batch], position: int) -> None:
    if points.ids:
        versions = np.full(len(points.ids), position, np.uint64)
        batch = RowBatch(IdBatch.from_ids(points.ids), versions, slots, copied_payloads(points.found))
        segments.append_and_seal(batch)


def _carrying(part: FoundRows, names: Sequence[str]) -> FoundRows:
    """Return the rows that carry one of the slots."""
    carries = np.zeros(len(part.rows), np.bool_)
    for name in names:
        words = part.segment.present_words(name)
        carries |= True if words is None else bits.test(words, part.rows)
    return FoundRows(part.segment, part.rows[carries], part.places[carries])
