"""Columns under edits and layers of patched rows: whose values count, whatever came in between."""

import json
import random
import weakref

import numpy as np
import pytest

from shared.schema.filters import MatchAny
from shared.segment import bits
from shared.segment.columns.cache import ColumnCache
from shared.segment.columns.column_set import ColumnSet
from shared.segment.columns.edits import SLACK, WAITING_LAYERS_MAX, Edits, EditsSeen
from shared.segment.columns.layers import overridden, parts_of
from shared.segment.patched_rows import Layers, PatchedRows, patched
from shared.segment.patches import PayloadPatch


class Written:
    """Payloads of rows, changed beside the edits that a column is told."""

    def __init__(self, count: int, chance: random.Random) -> None:
        self.texts = [b'{"a":1,"b":1}'] * count
        self.edits, self.layers, self.chance = Edits(), (), chance

    def edit(self) -> None:
        row = self.chance.randrange(len(self.texts))
        self.texts[row] = b'{"a":%d}' % self.chance.randrange(3)
        self.edits.add(row, self.texts[row])
        self.layers = tuple(layer.without(np.array([row])) for layer in self.layers)

    def patch(self) -> None:
        rows = self.chance.sample(range(len(self.texts)), len(self.texts) // 3)
        patch = self.chance.choice([PayloadPatch.setting(b'{"a":2}'), PayloadPatch.removing(["b"])])
        for row in rows:
            self.texts[row] = patch.applied(self.texts[row])
        self.layers = patched(self.layers, bits.from_rows(rows, len(self.texts)), patch, 1)
        self.edits.add_layers(self.layers)


def values(seen: EditsSeen, key: str, own: list[bytes]) -> list[object]:
    """Return each row's value as the parts say it."""
    parts = parts_of(seen, key, len(own))
    texts: dict[int, bytes] = {row: own[row] for row in bits.to_rows(parts.own).tolist()}
    edited = {int(seen.rows[number]): seen.texts[number] for number in parts.edits.tolist()}
    layered = {row: seen.layers[number].patch.payload for number, words in parts.layered for row in bits.to_rows(words)}
    assert len(texts) + len(edited) + len(layered) == len(own), "the parts are disjoint and cover every row"
    texts |= edited | layered
    return [json.loads(texts[row] or b"{}").get(key) for row in range(len(own))]


@pytest.mark.parametrize(("count", "edits"), [(64, 40), (3000, 40), (50, 3 * SLACK)])
def test_parts_are_disjoint_and_say_each_rows_value(count: int, edits: int) -> None:
    chance = random.Random(count)
    written = Written(count, chance)
    own = list(written.texts)

    for step in range(edits):
        written.edit()
        if step % (edits // 4) == 5:
            written.patch()
            written.edits.seen()
    seen = written.edits.seen()

    for key in ("a", "b"):
        assert values(seen, key, own) == [json.loads(text or b"{}").get(key) for text in written.texts]


@pytest.mark.parametrize(("edits", "expected"), [(5, [0, 1, 2, *range(4, 200)]), (4000, [])])
def test_later_edits_are_over_layers_and_earlier_ones_under_them(edits: int, expected: list[int]) -> None:
    count = 1000
    rows = np.arange(edits, dtype=np.int64) % count
    patch = PayloadPatch.setting(b'{"a":1}')
    layers: Layers = (PatchedRows(bits.from_rows(np.arange(200), 500), patch, 1),)
    seen = EditsSeen(0, 1, rows, [], 3, layers, 1)

    words = overridden(bits.empty(count), seen, bits.from_rows([0, 4], edits), [(0, True)])

    assert bits.to_rows(words).tolist() == expected


def test_layers_of_a_shorter_segment_leave_later_rows_alone() -> None:
    own = [b'{"a":1}'] * 70
    columns = ColumnSet(lambda first, last: own[first:last], lambda: len(own), ColumnCache())
    columns.overlay_layers((PatchedRows(bits.full(64), PayloadPatch.removing(["a"]), 2),))

    words = columns.column("a").matches(MatchAny("a", [1]))

    assert bits.to_rows(words).tolist() == list(range(64, 70))


def test_a_layer_that_does_not_touch_a_path_costs_its_column_nothing() -> None:
    own = [b'{"a":1}'] * 70
    cache = ColumnCache()
    columns = ColumnSet(lambda first, last: own[first:last], lambda: len(own), cache, final=True)
    columns.column("a").matches(MatchAny("a", [1]))
    before = cache.used_bytes

    columns.overlay_layers((PatchedRows(bits.full(64), PayloadPatch.setting(b'{"b":1}'), 2),))
    words = columns.column("a").matches(MatchAny("a", [1]))

    assert bits.count(words) == 70
    assert cache.used_bytes == before


def test_layers_that_no_filter_looked_at_are_not_kept() -> None:
    edits = Edits()
    words = [bits.full(64) for _ in range(3 * WAITING_LAYERS_MAX)]
    waiting = [weakref.ref(one) for one in words]

    for place in range(len(words)):
        edits.add_layers((PatchedRows(words.pop(0), PayloadPatch.removing(["a"]), place),))

    assert sum(one() is not None for one in waiting) <= WAITING_LAYERS_MAX + 1
    assert edits.seen().layers[0].version == 3 * WAITING_LAYERS_MAX - 1


def test_edits_that_no_filter_has_read_are_cold_rows() -> None:
    own = [b'{"a":1}'] * 70
    columns = ColumnSet(lambda first, last: own[first:last], lambda: len(own), ColumnCache(), final=True)
    columns.column("a").matches(MatchAny("a", [1]))

    for row in range(30):
        columns.overlay(row, b'{"a":2}')
    before = columns.column("a").cold_rows()
    columns.column("a").matches(MatchAny("a", [1]))

    assert (before, columns.column("a").cold_rows()) == (30, 0)
