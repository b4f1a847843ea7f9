"""Figures of a segment that policies and people look at: live vectors by slot, and their bytes."""

from collections.abc import Mapping
from typing import NamedTuple, Protocol

import numpy as np

from shared.schema.segments import SlotFigures
from shared.segment import bits
from shared.segment.batches import PAIR_BYTES
from shared.segment.bits import Words
from shared.segment.elements import dtype_of
from shared.segment.index.base import SlotIndex
from shared.segment.index.kinds import AnyIndex
from shared.segment.index.multi import MultiIndex
from shared.segment.index.sparse import SparseIndex


class HeldSlot(Protocol):
    """What a segment holds of one slot."""

    @property
    def index(self) -> AnyIndex:
        """Vectors and how they are searched, over all rows."""

    @property
    def present(self) -> Words | None:
        """Bit words of the rows that carry the slot, None when all do."""


class SegmentFigures(NamedTuple):
    """Counts at one moment.

    vectors              live vectors over all slots
    vector_bytes         their raw bytes
    largest_slot_bytes   the same of the slot that has most
    slots                vectors and bytes of each slot that some live row carries
    payload_bytes        of all payloads that are stored: dead rows count until they are built away
    """

    rows: int
    live: int
    vectors: int
    vector_bytes: int
    largest_slot_bytes: int
    slots: dict[str, SlotFigures]
    payload_bytes: int = 0


def figures_of(live_words: Words, rows: int, slots: Mapping[str, HeldSlot]) -> SegmentFigures:
    """Count live vectors. Cost: one pass over the words of each slot, and over the dead rows of the ragged ones.

    slots   by name; a slot that is missing here is carried by no row
    """
    live = bits.count(live_words)
    figures = {name: _slot_figures(slot, live_words, live, rows) for name, slot in slots.items()}
    figures = {name: slot for name, slot in figures.items() if slot.vectors}
    slot_bytes = [slot.bytes for slot in figures.values()]
    vectors = sum(slot.vectors for slot in figures.values())
    return SegmentFigures(rows, live, vectors, sum(slot_bytes), max(slot_bytes, default=0), figures)


def _slot_figures(slot: HeldSlot, live_words: Words, live: int, rows: int) -> SlotFigures:
    words, index = slot.present, slot.index
    count = live if words is None else int(np.bitwise_count(live_words & words).sum(dtype=np.int64))
    if isinstance(index, SlotIndex):
        return SlotFigures(count, count * index.layout.dim * dtype_of(index.layout).itemsize)
    offsets = index.offsets
    dead = bits.to_rows(bits.full(rows) & ~live_words) if live < rows else np.empty(0, np.int64)
    elements = int(offsets[rows]) - int((offsets[dead + 1] - offsets[dead]).sum())
    return SlotFigures(count, elements * _element_bytes(index))


def _element_bytes(index: MultiIndex | SparseIndex) -> int:
    """Return the bytes of one vector of a multivector, or of one pair."""
    return PAIR_BYTES if isinstance(index, SparseIndex) else index.layout.dim * dtype_of(index.layout).itemsize
