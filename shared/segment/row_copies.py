"""Rows of points that are written again with other vectors: what they hold now, copied from wherever they live.

An operation that changes vectors of a point makes a new row of it, as sealed rows never change: it takes along the
vectors that stay, and the payload as it is by then.
"""

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from shared.segment import bits
from shared.segment.base import Segment
from shared.segment.batches import Batch, absent_batch, joined_batches
from shared.segment.bits import Rows
from shared.segment.id_map import IdBatch
from shared.segment.layout import Layout, SlotLayout
from shared.segment.parts import rows_of_index
from shared.segment.payloads import EMPTY
from shared.segment.rows import RowBatch


class FoundRows(NamedTuple):
    """Live rows of one segment.

    rows     int64 (k,)
    places   int64 (k,): whose they are, as places in a list of points
    """

    segment: Segment
    rows: Rows
    places: Rows


def copied_slots(found: Sequence[FoundRows], layout: Layout) -> dict[str, Batch]:
    """Return the vectors of points by slot, in the order of their places, which are 0 to n - 1."""
    order = _order(found)
    return {name: _copied_slot(found, name, slot).taken(order) for name, slot in layout.items()}


def copied_payloads(found: Sequence[FoundRows]) -> list[bytes]:
    """Return the payloads of points in the order of their places, overlays included; b"" when empty."""
    payloads = [payload for part in found for payload in part.segment.payloads(part.rows)]
    return [b"" if payloads[place] == EMPTY else payloads[place] for place in _order(found).tolist()]


def replaced(kept: Batch, given: Batch) -> Batch:
    """Return the rows of `given` where it carries the slot, else those of `kept`."""
    if given.present is None:
        return given
    count = len(given.present)
    return joined_batches([kept, given]).taken(np.where(given.present, np.arange(count) + count, np.arange(count)))


def taken_rows(batch: RowBatch, places: Rows) -> RowBatch:
    """Return some rows of a batch."""
    ids = [batch.ids.ids[place] for place in places.tolist()]
    payloads = [batch.payloads[place] for place in places.tolist()]
    slots = {name: slot.taken(places) for name, slot in batch.slots.items()}
    return RowBatch(IdBatch.from_ids(ids), batch.versions[places], slots, payloads)


def _order(found: Sequence[FoundRows]) -> Rows:
    """Return where in the parts, put end to end, each place's row is."""
    return np.argsort(np.concatenate([np.empty(0, np.int64), *(part.places for part in found)]), kind="stable")


def _copied_slot(found: Sequence[FoundRows], name: str, layout: SlotLayout) -> Batch:
    return joined_batches([_slot_of(part, name, layout) for part in found] or [absent_batch(layout, 0)])


def _slot_of(part: FoundRows, name: str, layout: SlotLayout) -> Batch:
    index = part.segment.slot(name)
    if index is None:
        return absent_batch(layout, len(part.rows))
    words = part.segment.present_words(name)
    present = None if words is None else bits.test(words, part.rows)
    return rows_of_index(index).taken(part.rows)._replace(present=present)
