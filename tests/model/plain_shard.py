"""A shard as a dict of points: what the real engine is compared with. Slow, and short enough to be seen to be right."""

import json
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from shared.query.payload_match import payload_matches
from shared.schema.collections import Distance
from shared.schema.operations import (
    ClearPayload,
    Delete,
    DeletePayload,
    DeleteVectors,
    OverwritePayload,
    SetPayload,
    UpdateVectors,
    Upsert,
)
from shared.schema.points import id_order
from tests.plain_payloads import changed


@dataclass
class PlainPoint:
    """A point and the position that last wrote it."""

    version: int
    vectors: dict[str, np.ndarray]
    payload: dict[str, Any]


@dataclass
class PlainShard:
    """Points by id."""

    points: dict[int | bytes, PlainPoint] = field(default_factory=dict)

    def apply(self, position, operation):
        """Apply one operation; return the ids that it needs and does not find."""
        match operation:
            case Upsert():
                self.upsert(position, operation)
                return []
            case Delete():
                for point_id in self.named(operation):
                    self.points.pop(point_id, None)
                return []
            case UpdateVectors(ids, slots):
                passing = set(self.kept(operation.update_filter))
                vectors = {name: unpacked(rows, len(ids)) for name, rows in slots.items()}
                for place, point_id in enumerate(ids):
                    if point_id in passing:
                        given = {name: rows[place] for name, rows in vectors.items() if rows[place] is not None}
                        self.points[point_id].vectors |= given
                        self.points[point_id].version = position
            case DeleteVectors(_, names):
                for point_id in self.known(operation):
                    point = self.points[point_id]
                    if point.vectors.keys() & names:
                        point.version = position
                    point.vectors = {name: row for name, row in point.vectors.items() if name not in names}
            case SetPayload() | OverwritePayload() | DeletePayload() | ClearPayload():
                for point_id in self.known(operation):
                    self.points[point_id].payload = changed(self.points[point_id].payload, operation)
                    self.points[point_id].version = position
            case _:
                return []
        return [point_id for point_id in operation.ids if point_id not in self.points]

    def upsert(self, position, operation):
        """Write the points that the mode and the filter let through."""
        ids, passing = operation.ids, set(self.kept(operation.update_filter))
        vectors = {name: unpacked(rows, len(ids)) for name, rows in operation.slots.items()}
        known = set(self.points)
        for place, point_id in enumerate(ids):
            is_wanted = {
                "upsert": point_id not in known or point_id in passing,
                "insert_only": point_id not in known,
                "update_only": point_id in passing,
            }
            if is_wanted[operation.mode]:
                carried = {name: rows[place] for name, rows in vectors.items() if rows[place] is not None}
                payload = json.loads(operation.payloads[place] or b"{}")
                self.points[point_id] = PlainPoint(position, carried, payload)

    def named(self, operation):
        """Return the points that an operation names by id or by filter."""
        return list(operation.ids) if operation.filter is None else self.kept(operation.filter)

    def known(self, operation):
        """Return those of them that exist."""
        return [point_id for point_id in self.named(operation) if point_id in self.points]

    def kept(self, wanted):
        """Return the ids that a filter keeps, in id order."""
        found = [one for one, point in self.points.items() if payload_matches(wanted, one, point.payload)]
        return sorted(found, key=id_order)

    def ranking(self, slot, distance, query, wanted=None):
        """Return (score, id) of all points that carry the slot, best first, equal scores by id."""
        ids = [one for one in self.kept(wanted) if slot in self.points[one].vectors]
        scored = [(score(distance, query, self.points[one].vectors[slot]), one) for one in ids]
        return sorted(scored, key=lambda hit: (-hit[0], id_order(hit[1])))


def unpacked(rows, count):
    """Return the vector of each point, None where it lacks the slot."""
    present = rows.present or bytes([1]) * count
    every = iter(np.frombuffer(rows.rows, "<f4").reshape(-1, rows.dim))
    return [next(every) if carries else None for carries in present]


def score(distance, query, vector):
    """Return a score in the inside convention; exact when all numbers are small integers."""
    if distance is Distance.EUCLID:
        return -float(np.sqrt(np.float32(((query - vector) ** 2).sum())))
    if distance is Distance.MANHATTAN:
        return -float(np.abs(query - vector).sum())
    return float((query * vector).sum())
