"""Operations that change payloads: beside the rows, which stay where they are.

Each runs as a generator that pauses between steps and returns the ids that the operation needs and nobody has.
"""

from collections.abc import Generator

from services.worker.found_points import ids_passing, missing_ids, rows_found
from services.worker.segment_list import SegmentList
from shared.schema.operations import ClearPayload, DeletePayload, OverwritePayload, SetPayload
from shared.schema.points import PointId
from shared.segment.id_map import IdBatch
from shared.segment.payload_edits import PayloadEdit, merging, merging_at, removing, replacing

PayloadOperation = SetPayload | OverwritePayload | DeletePayload | ClearPayload

STEP_POINTS = 128
"""Points whose payloads are changed one by one between two pauses: about a millisecond's work."""


def change_payloads(
    segments: SegmentList, operation: PayloadOperation, position: int
) -> Generator[None, None, list[PointId]]:
    """Change the payload of each point that the operation names."""
    edit = edit_of(operation)
    ids = operation.ids if operation.filter is None else ids_passing(segments.mounted, operation.filter)
    segments.points_applied += len(ids)
    missing: list[PointId] = []
    for first in range(0, len(ids), STEP_POINTS):
        if first:
            yield
        batch = IdBatch.from_ids(ids[first : first + STEP_POINTS])
        found = rows_found(segments.mounted, batch)
        for part in found:
            rows = part.rows.tolist()
            part.segment.set_payload(rows, [edit(part.segment.payload(row)) for row in rows], position)
        missing += missing_ids(found, batch)
    return missing


def edit_of(operation: PayloadOperation) -> PayloadEdit:
    """Return what an operation does to one payload."""
    match operation:
        case SetPayload(_, payload, _, key):
            return merging_at(key, payload) if key else merging(payload)
        case OverwritePayload(_, payload):
            return replacing(payload)
        case DeletePayload(_, keys):
            return removing(keys)
        case ClearPayload():
            return replacing(b"")
