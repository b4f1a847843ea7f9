"""Points of a request on their way into the log: checked against a config, packed as rows, divided over shards.

Only this is done again when the config moves under the request. Of points with the same id the last one wins: an
operation's ids are distinct.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from services.api.validate.given import Given
from services.api.validate.shard_keys import WireShardKey
from services.api.validate.vectors import known_layout, pack_batch
from shared.schema.collections import UNNAMED, CollectionConfig
from shared.schema.filters import Filter
from shared.schema.operations import SlotRows, UpdateMode, Upsert
from shared.schema.points import PointId, shard_of
from shared.segment.batches import Batch, Present, absent_batch, carried, joined_batches, row_bytes
from shared.segment.layout import Layout, SlotLayout
from shared.segment.rows import slot_rows

Made = TypeVar("Made")
"""An operation that carries vectors."""

OPERATION_BYTES = 2**19
"""About the most vector and payload bytes of one operation; a larger request becomes several, logged together.

A worker applies an operation without a pause, about 10 ms for this much, and searches wait meanwhile.
"""

Vectors = Given | dict[str, Given]
"""The vectors of a point: the unnamed one, or vectors by name."""


class Choice(NamedTuple):
    """Which of a body's points are written. `shard_key` is still to be refused."""

    update_filter: Filter | None = None
    mode: UpdateMode = UpdateMode.UPSERT
    shard_key: WireShardKey = None


class Points(NamedTuple):
    """Points of an upsert with distinct ids; vectors are checked, and still as the body gave them (or all float64)."""

    ids: list[PointId]
    vectors: list[Vectors]
    payloads: list[bytes]
    choice: Choice = Choice()


class PackedPoints(NamedTuple):
    """Points checked against a config; each slot's batch has a row for every point."""

    ids: list[PointId]
    slots: dict[str, Batch]
    layout: Layout
    payloads: list[bytes]
    choice: Choice = Choice()


class PackedPart(NamedTuple):
    """The points of one operation, as the log holds them."""

    ids: list[PointId]
    slots: dict[str, SlotRows]
    payloads: list[bytes]


def last_of_each_id(points: Points) -> Points:
    """Return the points without those whose id comes again."""
    last = {point_id: place for place, point_id in enumerate(points.ids)}
    if len(last) == len(points.ids):
        return points
    places = sorted(last.values())
    return Points(
        [points.ids[place] for place in places],
        [points.vectors[place] for place in places],
        [points.payloads[place] for place in places],
        points.choice,
    )


def pack_points(points: Points, config: CollectionConfig) -> PackedPoints:
    """Return the points with their vectors packed. Raises BadInput for unknown names, other kinds and dimensions."""
    gathered: dict[str, tuple[list[Given], list[int]]] = {}
    for place, vectors in enumerate(points.vectors):
        named = vectors if isinstance(vectors, dict) else {UNNAMED: vectors}
        for name, given in named.items():
            some, places = gathered.setdefault(name, ([], []))
            some.append(given)
            places.append(place)
    layout = {name: known_layout(config, name) for name in gathered}
    count = len(points.ids)
    slots = {
        name: pack_batch(some, name, layout[name], _present(places, count)) for name, (some, places) in gathered.items()
    }
    return PackedPoints(points.ids, slots, layout, points.payloads, points.choice)


def join_packed(pieces: Sequence[PackedPoints]) -> PackedPoints:
    """Return the points of several pieces, packed against one config, as if they had been packed together."""
    layout: dict[str, SlotLayout] = {}
    for piece in pieces:
        layout.update(piece.layout)
    slots = {
        name: joined_batches(
            [piece.slots[name] if name in piece.slots else absent_batch(slot, len(piece.ids)) for piece in pieces]
        )
        for name, slot in layout.items()
    }
    ids = [point_id for piece in pieces for point_id in piece.ids]
    payloads = [payload for piece in pieces for payload in piece.payloads]
    return PackedPoints(ids, slots, layout, payloads, pieces[0].choice)


def split_upsert(packed: PackedPoints, shard_number: int) -> dict[int, list[Upsert]]:
    """Return the operations of each shard that holds some of the points."""

    choice = packed.choice

    def upsert(part: PackedPart) -> Upsert:
        return Upsert(part.ids, part.slots, part.payloads, choice.update_filter, choice.mode)

    return split_points(packed, shard_number, upsert)


def split_points(
    packed: PackedPoints, shard_number: int, operation: Callable[[PackedPart], Made]
) -> dict[int, list[Made]]:
    """Return the operations of each shard that holds some of the points.

    One operation, or several where one would be larger than OPERATION_BYTES: a replica answers searches between two
    operations, so none may take long to apply.
    """
    count = len(packed.ids)
    if shard_number == 1:
        return {0: [operation(part) for part in _parts(packed, np.arange(count))]}
    shards = np.fromiter((shard_of(each, shard_number) for each in packed.ids), np.int64, count)
    places = {int(shard): np.flatnonzero(shards == shard) for shard in np.unique(shards)}
    return {shard: [operation(part) for part in _parts(packed, some)] for shard, some in places.items()}


def _parts(packed: PackedPoints, places: NDArray[np.int64]) -> list[PackedPart]:
    sizes = np.fromiter((len(packed.payloads[place]) for place in places), np.int64, len(places))
    for batch in packed.slots.values():
        sizes += row_bytes(batch)[places]
    parts = np.cumsum(sizes) // OPERATION_BYTES
    return [_part(packed, places[parts == part]) for part in np.unique(parts)]


def _part(packed: PackedPoints, places: NDArray[np.int64]) -> PackedPart:
    is_whole = len(places) == len(packed.ids)
    slots = {name: batch if is_whole else batch.taken(places) for name, batch in packed.slots.items()}
    return PackedPart(
        ids=[packed.ids[place] for place in places],
        slots={name: slot_rows(batch, packed.layout[name]) for name, batch in slots.items() if carried(batch)},
        payloads=[packed.payloads[place] for place in places],
    )


def _present(places: list[int], count: int) -> Present:
    if len(places) == count:
        return None
    present = np.zeros(count, np.bool_)
    present[places] = True
    return present
