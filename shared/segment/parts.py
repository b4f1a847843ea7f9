"""What a sealed segment consists of, but for its marks: arrays in memory or mapped from files."""

from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from shared.schema.segments import SlotBuild
from shared.segment.batches import Batch, MultiBatch, SlotBatch, SparseBatch
from shared.segment.bits import Words
from shared.segment.id_map import IdMap
from shared.segment.index.base import SlotIndex
from shared.segment.index.kinds import AnyIndex
from shared.segment.index.multi import MultiIndex
from shared.segment.payloads import PayloadBlob


@dataclass(frozen=True, slots=True)
class SealedSlot:
    """One slot: the index over all rows, and bit words of the rows that carry it (None: all)."""

    index: AnyIndex
    present: Words | None


class SealedParts(NamedTuple):
    """The immutable parts of a sealed segment of n rows.

    versions     uint64 (n,)
    slots        by name; a slot that no row carries may be missing
    generation   of the config that it was built under
    recall       what the gate measured, None before or without a graph
    built        what the slots of a built segment were built with; empty for one that was sealed as it was
    """

    segment_id: str
    id_map: IdMap
    versions: NDArray[np.uint64]
    payloads: PayloadBlob
    slots: dict[str, SealedSlot]
    generation: int
    recall: float | None = None
    built: dict[str, SlotBuild] = {}  # noqa: RUF012  # never changed


def rows_of_index(index: AnyIndex) -> Batch:
    """Return all rows of an index as views, without saying which carry the slot."""
    if isinstance(index, SlotIndex):
        return SlotBatch(index.vectors[: index.count], None)
    offsets = index.offsets[: index.count + 1]
    total = int(offsets[-1])
    if isinstance(index, MultiIndex):
        return MultiBatch(index.vectors[:total], offsets, None)
    return SparseBatch(index.indices[:total], index.values[:total], offsets, None)
