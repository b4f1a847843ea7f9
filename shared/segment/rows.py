"""Rows on their way into an appendable segment: one upsert, or one chunk read back; and their bytes in the log."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from shared.schema.operations import SlotRows, Upsert
from shared.schema.points import PointId
from shared.schema.slots import SlotKind
from shared.segment.batches import (
    Batch,
    MultiBatch,
    Present,
    SlotBatch,
    SparseBatch,
    absent_batch,
    joined_batches,
    offsets_of,
)
from shared.segment.elements import dtype_of
from shared.segment.id_map import IdBatch
from shared.segment.layout import Layout, SlotLayout


@dataclass(frozen=True, slots=True)
class RowBatch:
    """New rows.

    ids        n ids; distinct in an upsert, maybe repeated in a chunk or a joined batch (the last one counts)
    versions   uint64 (n,)
    slots      by name; a slot that is missing here is absent from all n rows
    payloads   n JSON object texts, b"" when empty
    """

    ids: IdBatch
    versions: NDArray[np.uint64]
    slots: dict[str, Batch]
    payloads: list[bytes]


def row_batch(upsert: Upsert, version: int, layout: Layout) -> RowBatch:
    """Return the rows of an upsert at a position."""
    ids = IdBatch.from_ids(upsert.ids)
    count = len(upsert.ids)
    slots = known_slots(upsert.slots, layout, count)
    return RowBatch(ids, np.full(count, version, dtype=np.uint64), slots, upsert.payloads)


def known_slots(given: Mapping[str, SlotRows], layout: Layout, count: int) -> dict[str, Batch]:
    """Return the vectors of `count` points by slot, from their bytes in the log.

    Left out are slots that the layout does not know (removed since), or knows as another one of the same name.
    """
    slots = {}
    for name, rows in given.items():
        slot = layout.get(name)
        if slot is not None and _fits(rows, slot, count):
            slots[name] = slot_batch(rows, slot, count)
    return slots


def joined(batches: Sequence[RowBatch], layout: Layout) -> RowBatch:
    """Return one batch that, appended, gives the very rows that the batches give one after another, only faster."""
    if len(batches) == 1:
        return batches[0]
    ids: list[PointId] = [point_id for batch in batches for point_id in batch.ids.ids]
    carried = {name for batch in batches for name in batch.slots}
    return RowBatch(
        ids=IdBatch.from_ids(ids),
        versions=np.concatenate([batch.versions for batch in batches]),
        slots={name: _joined_slot(batches, name, layout[name]) for name in layout if name in carried},
        payloads=[payload for batch in batches for payload in batch.payloads],
    )


def slot_rows(batch: Batch, layout: SlotLayout) -> SlotRows:
    """Return the bytes of a batch for the log: the rows that carry the slot."""
    present = batch.present
    if present is not None:
        batch = batch.taken(np.flatnonzero(present))
    marks = b"" if present is None or present.all() else present.astype(np.uint8).tobytes()
    if isinstance(batch, SlotBatch):
        return SlotRows(layout.dim, batch.vectors.tobytes(), marks)
    counts = np.diff(batch.offsets).astype("<u4").tobytes()
    if isinstance(batch, MultiBatch):
        return SlotRows(layout.dim, batch.vectors.tobytes(), marks, counts)
    return SlotRows(0, batch.values.tobytes(), marks, counts, batch.indices.tobytes())


def slot_batch(rows: SlotRows, layout: SlotLayout, count: int) -> Batch:
    """Return one slot's vectors for `count` points from their bytes in the log, which fit the layout."""
    present = _present(rows.present)
    if layout.kind is SlotKind.DENSE:
        return _spread(np.frombuffer(rows.rows, dtype_of(layout)).reshape(-1, layout.dim), present, count)
    lengths = np.zeros(count, dtype=np.int64)
    lengths[slice(None) if present is None else present] = np.frombuffer(rows.counts, "<u4")
    offsets = offsets_of(lengths)
    if layout.kind is SlotKind.MULTI:
        return MultiBatch(np.frombuffer(rows.rows, dtype_of(layout)).reshape(-1, layout.dim), offsets, present)
    return SparseBatch(np.frombuffer(rows.indices, "<u4"), np.frombuffer(rows.rows, "<f4"), offsets, present)


def _fits(rows: SlotRows, layout: SlotLayout, count: int) -> bool:
    """Return whether rows are of this slot, and not of another that had or will have its name."""
    carried = rows.present.count(1) if rows.present else count
    if rows.dim != layout.dim or len(rows.counts) != (0 if layout.kind is SlotKind.DENSE else 4 * carried):
        return False
    if layout.kind is SlotKind.SPARSE:
        return len(rows.rows) == len(rows.indices)
    total = carried if layout.kind is SlotKind.DENSE else int(np.frombuffer(rows.counts, "<u4").sum(dtype=np.int64))
    return len(rows.rows) == total * layout.dim * dtype_of(layout).itemsize


def _joined_slot(batches: Sequence[RowBatch], name: str, layout: SlotLayout) -> Batch:
    return joined_batches([batch.slots.get(name) or absent_batch(layout, len(batch.ids)) for batch in batches])


def _present(marks: bytes) -> Present:
    present = np.frombuffer(marks, dtype=np.uint8).astype(np.bool_)
    return None if present.all() else present


def _spread(vectors: NDArray[np.generic], present: Present, count: int) -> SlotBatch:
    """Put each vector at its point's row."""
    if present is None:
        return SlotBatch(vectors, None)
    spread = np.zeros((count, vectors.shape[1]), dtype=vectors.dtype)
    spread[present] = vectors
    return SlotBatch(spread, present)
