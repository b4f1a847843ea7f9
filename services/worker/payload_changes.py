"""Operations that change payloads: beside the rows, which stay where they are.

Changes of whole top-level keys are patches, which cost little more for many rows than for few. Changes along paths are
made row by row, in steps with pauses in between.
"""

from collections.abc import Callable, Generator

from services.worker.found_points import missing_ids, rows_found, words_passing
from services.worker.segment_list import SegmentList
from shared.schema.filters import Filter
from shared.schema.operations import ClearPayload, DeletePayload, OverwritePayload, SetPayload
from shared.schema.points import PointId
from shared.segment import bits
from shared.segment.base import Segment
from shared.segment.bits import Rows
from shared.segment.columns.paths import parse_path
from shared.segment.id_map import IdBatch
from shared.segment.patches import PayloadPatch
from shared.segment.payload_edits import PayloadEdit, merging_at, removing

RowsChange = Callable[[Segment, Rows], None]

PayloadOperation = SetPayload | OverwritePayload | DeletePayload | ClearPayload

STEP_POINTS = 128
"""Points whose payloads are changed one by one between two pauses: about a millisecond's work."""

PATCHED_POINTS = 4096
"""Points that are looked up by their ids and patched between two pauses: a few milliseconds' work."""


def change_payloads(
    segments: SegmentList, operation: PayloadOperation, position: int
) -> Generator[None, None, list[PointId]]:
    """Change the payload of each point that the operation names; return the ids that do not exist."""
    change, wanted = change_of(operation), operation.filter
    if wanted is None:
        return (yield from _change_points(segments, operation.ids, *_rows_change(change, position)))
    if isinstance(change, PayloadPatch):
        _patch_passing(segments, wanted, change, position)
    else:
        yield from _edit_passing(segments, wanted, change, position)
    return []


def _rows_change(change: PayloadPatch | PayloadEdit, position: int) -> tuple[RowsChange, int]:
    """Return what changes some rows, and for how many points it does between two pauses."""
    if isinstance(change, PayloadPatch):
        return lambda segment, rows: segment.patch_rows(rows, change, position), PATCHED_POINTS
    return lambda segment, rows: _edit_rows(segment, rows, change, position), STEP_POINTS


def change_of(operation: PayloadOperation) -> PayloadPatch | PayloadEdit:
    """Return what an operation does to a payload."""
    match operation:
        case SetPayload(_, payload, _, key):
            return merging_at(key, payload) if key else PayloadPatch.setting(payload)
        case OverwritePayload(_, payload):
            return PayloadPatch.replacing(payload)
        case DeletePayload(_, keys):
            steps = [parse_path(key) for key in keys]
            names = [str(path[0]) for path in steps if len(path) == 1]
            return PayloadPatch.removing(names) if len(names) == len(steps) else removing(keys)
        case ClearPayload():
            return PayloadPatch.replacing(b"")


def _change_points(
    segments: SegmentList, ids: list[PointId], change_rows: RowsChange, step: int
) -> Generator[None, None, list[PointId]]:
    segments.points_applied += len(ids)
    missing: list[PointId] = []
    for first in range(0, len(ids), step):
        if first:
            yield
        batch = IdBatch.from_ids(ids[first : first + step])
        found = rows_found(segments.mounted, batch)
        for part in found:
            change_rows(part.segment, part.rows)
        missing += missing_ids(found, batch)
    return missing


def _patch_passing(segments: SegmentList, wanted: Filter, patch: PayloadPatch, position: int) -> None:
    for segment, words in words_passing(segments.mounted, wanted):
        segment.patch_payload(words, patch, position)
        segments.points_applied += bits.count(words)


def _edit_passing(
    segments: SegmentList, wanted: Filter, edit: PayloadEdit, position: int
) -> Generator[None, None, None]:
    """Edit what passes now. Where a segment is succeeded by another meanwhile, its points are looked up there."""
    passing = [(segment, bits.to_rows(words)) for segment, words in words_passing(segments.mounted, wanted)]
    for segment, rows in passing:
        segments.points_applied += len(rows)
        for first in range(0, len(rows), STEP_POINTS):
            some = rows[first : first + STEP_POINTS]
            if segment in segments.mounted:
                _edit_rows(segment, some, edit, position)
            else:
                for part in rows_found(segments.mounted, IdBatch.from_ids(segment.ids(some))):
                    _edit_rows(part.segment, part.rows, edit, position)
            yield


def _edit_rows(segment: Segment, rows: Rows, edit: PayloadEdit, position: int) -> None:
    segment.set_payload(rows.tolist(), [edit(payload) for payload in segment.payloads(rows)], position)
