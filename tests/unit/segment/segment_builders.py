"""Segments for tests: filled from points, compared with one another."""

from collections.abc import Sequence
from typing import Any

import numpy as np

from shared.schema.collections import UNNAMED, Distance
from shared.segment import bits
from shared.segment.appendable import AppendableSegment
from shared.segment.id_map import IdBatch
from shared.segment.layout import Layout, SlotLayout
from shared.segment.rows import row_batch
from shared.segment.sealed import SealedSegment
from tests.builders import Point, upsert

SEED = 7
LAYOUT: Layout = {UNNAMED: SlotLayout(4, Distance.DOT)}

AnySegment = AppendableSegment | SealedSegment


def appendable(*batches: Sequence[Point], layout: Layout = LAYOUT, segment_id: str = "a00000000") -> AppendableSegment:
    """Return a segment to which each batch was appended; versions are 1, 2, …"""
    segment = AppendableSegment(segment_id, layout, SEED)
    for version, batch in enumerate(batches, 1):
        segment.append(row_batch(upsert(batch), version, layout))
    return segment


def delete(segment: AnySegment, *ids: int | bytes) -> None:
    """Tombstone points."""
    rows = segment.rows_of(IdBatch.from_ids(list(ids)))
    segment.tombstone(rows[rows >= 0])


def edit(segment: AnySegment, point_id: int | bytes, payload: bytes, version: int) -> None:
    """Change the payload of a point."""
    rows = segment.rows_of(IdBatch.from_ids([point_id])).tolist()
    segment.set_payload(rows, [payload], version)


def content(segment: AnySegment) -> dict[Any, Any]:
    """Return all that a segment's readers can see, by row: what must survive storage exactly."""
    rows = np.arange(segment.count)
    slots = {}
    for name in segment.layout:
        slot, words = segment.slot(name), segment.present_words(name)
        present = np.ones(segment.count, bool) if words is None else bits.to_bool(words, segment.count)
        slots[name] = None if slot is None else (slot.packed(rows[present]), present.tolist())
    return {
        "ids": segment.ids(rows),
        "versions": segment.versions(rows),
        "payloads": [segment.payload(row) for row in rows.tolist()],
        "live": bits.to_rows(segment.live_words).tolist(),
        "order": segment.rows_from(None).tolist(),
        "slots": slots,
    }
