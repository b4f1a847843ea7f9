"""Rows of a source's segment as rows of the target: same ids, versions, vectors and payloads, in the target's types."""

import numpy as np

from shared.errors import Corrupt
from shared.schema.operations import SlotRows
from shared.schema.slots import SlotKind
from shared.segment import bits
from shared.segment.base import Segment
from shared.segment.batches import Batch
from shared.segment.bits import Rows
from shared.segment.elements import keeps_length, narrowed, widened
from shared.segment.id_map import IdBatch
from shared.segment.layout import Layout, SlotLayout
from shared.segment.rows import RowBatch, slot_batch


class CannotTake(Corrupt):
    """A vector of the source has no place in the target's datatype."""


def carried(segment: Segment, rows: Rows, layout: Layout) -> RowBatch:
    """Return live rows of a segment as a batch for a segment of another layout, overlays folded in."""
    payloads = segment.payloads(rows)
    slots = {name: _slot(segment, name, rows, slot) for name, slot in layout.items() if segment.slot(name) is not None}
    return RowBatch(
        ids=IdBatch.from_ids(segment.ids(rows)),
        versions=np.array(segment.versions(rows), dtype=np.uint64),
        slots=slots,
        payloads=[b"" if payload == b"{}" else payload for payload in payloads],
    )


def _slot(segment: Segment, name: str, rows: Rows, layout: SlotLayout) -> Batch:
    index, words = segment.slot(name), segment.present_words(name)
    assert index is not None, f"segment {segment.segment_id} has no slot {name!r}"
    carries = np.ones(len(rows), dtype=np.bool_) if words is None else bits.test(words, rows)
    packed = index.packed(rows[carries])
    marks = b"" if carries.all() else carries.astype(np.uint8).tobytes()
    if layout.kind is SlotKind.SPARSE:
        return slot_batch(_sparse(packed, marks), layout, len(rows))
    matrix = np.frombuffer(b"".join(packed), "<f4").reshape(-1, layout.dim)
    if not keeps_length(layout):
        matrix = widened(index.layout, matrix)
    try:
        elements = narrowed(layout, matrix).tobytes()
    except OverflowError as error:
        raise CannotTake(f"vector {name!r}: {error}") from error
    counts = b""
    if layout.kind is SlotKind.MULTI:
        counts = np.array([len(one) // (4 * layout.dim) for one in packed], dtype="<u4").tobytes()
    return slot_batch(SlotRows(layout.dim, elements, marks, counts), layout, len(rows))


def _sparse(packed: list[bytes], marks: bytes) -> SlotRows:
    """Each packed vector is its uint32 indices, then its float32 values."""
    halves = [len(one) // 2 for one in packed]
    return SlotRows(
        dim=0,
        rows=b"".join(one[half:] for one, half in zip(packed, halves, strict=True)),
        present=marks,
        counts=(np.array(halves, dtype="<u4") // 4).astype("<u4").tobytes(),
        indices=b"".join(one[:half] for one, half in zip(packed, halves, strict=True)),
    )
