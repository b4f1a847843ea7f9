"""Rows on their way into an appendable segment: one upsert, or one chunk read back."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.schema.operations import Upsert
from shared.schema.points import PointId
from shared.segment.id_map import IdBatch
from shared.segment.layout import Layout


class SlotBatch(NamedTuple):
    """One slot's vectors for a batch of n rows.

    vectors   float32 (n, dim), zeros where a row lacks the slot
    present   bool (n,), None when all rows carry it
    """

    vectors: NDArray[np.float32]
    present: NDArray[np.bool_] | None


@dataclass(frozen=True, slots=True)
class RowBatch:
    """New rows.

    ids        n ids; distinct in an upsert, maybe repeated in a chunk (the last one counts)
    versions   uint64 (n,)
    slots      by name; a slot that is missing here is absent from all n rows
    payloads   n JSON object texts, b"" when empty
    """

    ids: IdBatch
    versions: NDArray[np.uint64]
    slots: dict[str, SlotBatch]
    payloads: list[bytes]


def row_batch(upsert: Upsert, version: int, layout: Layout) -> RowBatch:
    """Return the rows of an upsert at a position. Slots that the layout does not know (removed since) are left out."""
    ids = IdBatch.from_ids(upsert.ids)
    count = len(upsert.ids)
    slots = {}
    for name, rows in upsert.slots.items():
        if name in layout:
            vectors = np.frombuffer(rows.rows, dtype="<f4").reshape(-1, rows.dim)
            slots[name] = _spread(vectors, rows.present, count)
    return RowBatch(ids, np.full(count, version, dtype=np.uint64), slots, upsert.payloads)


def joined(batches: Sequence[RowBatch], layout: Layout) -> RowBatch:
    """Return one batch that, appended, gives the very rows that the batches give one after another, only faster."""
    if len(batches) == 1:
        return batches[0]
    ids: list[PointId] = [point_id for batch in batches for point_id in batch.ids.ids]
    return RowBatch(
        ids=IdBatch.from_ids(ids),
        versions=np.concatenate([batch.versions for batch in batches]),
        slots={name: _joined_slot(batches, name, slot.dim) for name, slot in layout.items()},
        payloads=[payload for batch in batches for payload in batch.payloads],
    )


def _joined_slot(batches: Sequence[RowBatch], name: str, dim: int) -> SlotBatch:
    vectors, present, are_all_present = [], [], True
    for batch in batches:
        count, slot = len(batch.ids), batch.slots.get(name)
        if slot is None:
            slot = SlotBatch(np.zeros((count, dim), dtype=np.float32), np.zeros(count, dtype=np.bool_))
        vectors.append(slot.vectors)
        present.append(np.ones(count, dtype=np.bool_) if slot.present is None else slot.present)
        are_all_present &= slot.present is None
    return SlotBatch(np.concatenate(vectors), None if are_all_present else np.concatenate(present))


def _spread(vectors: NDArray[np.float32], present: bytes, count: int) -> SlotBatch:
    """Put each vector at its point's row."""
    if not present:
        return SlotBatch(vectors, None)
    mask = np.frombuffer(present, dtype=np.uint8).astype(np.bool_)
    if mask.all():
        return SlotBatch(vectors, None)
    spread = np.zeros((count, vectors.shape[1]), dtype=np.float32)
    spread[mask] = vectors
    return SlotBatch(spread, mask)
