"""Figures of a segment that policies and people look at: live vectors by slot, and their bytes."""

from typing import NamedTuple

import numpy as np

from shared.schema.segments import SlotFigures
from shared.segment import bits
from shared.segment.bits import Words
from shared.segment.layout import Layout


class SegmentFigures(NamedTuple):
    """Counts at one moment.

    vectors              live vectors over all slots
    vector_bytes         their raw float32 bytes
    largest_slot_bytes   the same of the slot that has most
    slots                vectors and bytes of each slot that some live row carries
    """

    rows: int
    live: int
    vectors: int
    vector_bytes: int
    largest_slot_bytes: int
    slots: dict[str, SlotFigures]


def figures_of(layout: Layout, live_words: Words, rows: int, present: dict[str, Words | None]) -> SegmentFigures:
    """Count live vectors. Cost: one pass over the words of each slot.

    present   words of the rows that carry the slot, None for all; a slot that is missing here is carried by none
    """
    live = bits.count(live_words)
    counts = {name: _count(live_words, live, words) for name, words in present.items()}
    slots = {name: SlotFigures(some, some * layout[name].dim * 4) for name, some in counts.items() if some}
    slot_bytes = [slot.bytes for slot in slots.values()]
    return SegmentFigures(rows, live, sum(counts.values()), sum(slot_bytes), max(slot_bytes, default=0), slots)


def _count(live_words: Words, live: int, words: Words | None) -> int:
    return live if words is None else int(np.bitwise_count(live_words & words).sum(dtype=np.int64))
