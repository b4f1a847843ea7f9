"""A segment in plain Python and numpy that satisfies the Protocol, for query tests that need no real one."""

import numpy as np

from shared.schema.collections import Distance
from shared.segment import bits
from shared.segment.columns.cache import ColumnCache
from shared.segment.columns.column_set import ColumnSet
from shared.segment.id_map import IdBatch, IdMap
from shared.segment.id_slices import hash_of_id
from shared.segment.kept_masks import KeptMasks
from shared.segment.layout import SlotLayout
from shared.segment.overlay import Overlay
from tests.builders import Point, payload_text


class PlainSlot:
    """Vectors and a search by brute force, ties by row."""

    def __init__(self, layout, vectors, graph=None):
        self.layout, self.vectors, self.count, self.graph = layout, vectors, len(vectors), graph
        self.asked = []

    def search(self, query, options):
        self.asked.append(options)
        query = np.frombuffer(query, np.float32)
        words = bits.full(self.count) if options.words is None else options.words
        rows = bits.to_rows(words)
        scores = score(self.layout.distance, self.vectors[rows], query)
        best = np.argsort(-scores, kind="stable")[: options.limit]
        return rows[best], scores[best]

    def packed(self, rows):
        return [row.astype("<f4").tobytes() for row in self.vectors[rows]]


def score(distance, vectors, query):
    """Return scores in the inside convention."""
    if distance is Distance.EUCLID:
        return -np.sqrt(((vectors - query) ** 2).sum(axis=1))
    if distance is Distance.MANHATTAN:
        return -np.abs(vectors - query).sum(axis=1)
    return vectors @ query


class PlainSegment:
    """Points in the order given; one row each."""

    def __init__(self, points: list[Point], distance=Distance.DOT, dim=4, graph=None, cache=None, final=False):
        self.segment_id = "plain"
        self.overlay = Overlay()
        self.points = list(points)
        self.live_words = bits.full(len(self.points))
        self.columns = ColumnSet(self.base_payloads, lambda: self.count, cache or ColumnCache(), final=final)
        self.masks = KeptMasks(self.columns)
        names = {name for point in points for name in point.vectors} or {""}
        self.layout = {name: SlotLayout(dim, distance) for name in sorted(names)}
        self._slots = {name: PlainSlot(self.layout[name], self._rows(name, dim), graph) for name in names}

    def _rows(self, name, dim):
        zeros = np.zeros(dim, np.float32)
        rows = [point.vectors.get(name, zeros) for point in self.points]
        return np.array(rows, np.float32).reshape(-1, dim)

    @property
    def count(self):
        return len(self.points)

    @property
    def live_count(self):
        return bits.count(self.live_words)

    def live_points(self):
        return [self.points[row] for row in bits.to_rows(self.live_words)]

    def rows_of(self, batch):
        rows = {self.points[row].id: row for row in bits.to_rows(self.live_words).tolist()}
        return np.array([rows.get(one, -1) for one in batch.ids], np.int64)

    def ids(self, rows):
        return [self.points[row].id for row in rows]

    def sorted_ids(self, count):
        batch = IdBatch.from_ids([point.id for point in self.points[:count]])
        is_uuid = np.array([isinstance(point.id, bytes) for point in self.points[:count]], np.bool_)
        return IdMap.from_rows(batch.numbers, batch.uuids, is_uuid)

    def versions(self, rows):
        changes = [self.overlay.get(int(row)) for row in rows]
        return [int(row) + 1 if change is None else change.version for row, change in zip(rows, changes, strict=True)]

    def payload(self, row):
        change = self.overlay.get(row)
        return (payload_text(self.points[row].payload) if change is None else change.payload) or b"{}"

    def payloads(self, rows):
        return [self.payload(row) for row in rows.tolist()]

    def base_payloads(self, first, last):
        return [payload_text(point.payload) for point in self.points[first:last]]

    def slot(self, name):
        return self._slots.get(name)

    def present_words(self, name):
        carried = np.array([name in point.vectors for point in self.points], np.bool_)
        return None if carried.all() else bits.from_bool(carried)

    def slice_words(self, total, index):
        return bits.from_bool(np.array([hash_of_id(point.id) % total == index for point in self.points], np.bool_))

    def column(self, key):
        return self.columns.column(key)

    def declare(self, indexes):
        self.columns.declare(indexes)

    def tombstone(self, rows):
        words = self.live_words.copy()
        bits.clear_rows(words, np.asarray(rows, np.int64))
        self.live_words = words

    def set_payload(self, rows, payloads, version):
        for row, payload in zip(rows, payloads, strict=True):
            self.overlay.set(row, version, payload)
            self.columns.overlay(row, payload)

    def add(self, *points):
        """Append rows, for columns that grow; vectors are not."""
        self.points += points
        self.live_words = bits.full(len(self.points))
