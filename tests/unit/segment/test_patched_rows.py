"""Payload changes of many rows: like changing each, however they are kept, stored, built and swapped."""

import json
import random
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.errors import ChecksumMismatch
from shared.schema.collections import HnswConfig
from shared.schema.filters import FieldCondition, IsEmpty, MatchAny, MatchExcept, Range
from shared.segment import bits
from shared.segment.bits import Rows
from shared.segment.builder import BuildSpec, SegmentBuilder
from shared.segment.checkpoint import freeze_segment, load_segment, write_frozen
from shared.segment.checksum import logical_checksum
from shared.segment.layout import SlotPlan
from shared.segment.marks import FEW_ROWS, LAYERS_MAX
from shared.segment.patches import PayloadPatch
from shared.segment.rows import RowBatch, row_batch
from shared.segment.sealed import SealedSegment
from shared.segment.swap import Succession
from shared.store.manifest import SegmentEntry
from tests.builders import point, points, upsert
from tests.unit.segment.segment_builders import LAYOUT, SEED, AnySegment, appendable, content, edit

COUNT = 1500
CONDITIONS: list[FieldCondition] = [
    MatchAny("kind", ["odd"]),
    MatchAny("flag", [1]),
    MatchAny("flag", [2, 3]),
    MatchExcept("flag", [1]),
    Range("n", gte=100, lt=700),
    IsEmpty("flag"),
    IsEmpty("n"),
]


def filled(count: int = COUNT) -> AnySegment:
    given = [point(1 + n, payload={"n": n, "kind": "odd" if n % 2 else "even"}) for n in range(count)]
    return appendable(given)


def every(segment: AnySegment, step: int = 1, first: int = 0) -> bits.Words:
    """Return the words of every so many rows."""
    return bits.from_rows(np.arange(first, segment.count, step), segment.count)


def satisfied(condition: FieldCondition, payload: dict[str, Any]) -> bool:
    """Say in plain Python whether a payload without arrays satisfies a condition."""
    value = payload.get(condition.key)
    match condition:
        case MatchAny(_, values):
            return value in values
        case MatchExcept(_, values):
            return value is not None and value not in values
        case Range():
            return type(value) is int and condition.gte <= value < condition.lt
        case _:
            return value is None


def mistaken(segment: AnySegment) -> list[FieldCondition]:
    """Return the conditions that columns answer otherwise than the payloads of live rows do."""
    live = segment.live_words
    payloads = {row: json.loads(segment.payload(row)) for row in bits.to_rows(live).tolist()}
    found = []
    for condition in CONDITIONS:
        wanted = [row for row, payload in payloads.items() if satisfied(condition, payload)]
        if bits.to_rows(segment.column(condition.key).matches(condition) & live).tolist() != wanted:
            found.append(condition)
    return found


class Twin:
    """A segment and beside it, by point, what each change does to one payload after the other."""

    def __init__(self, segment: AnySegment, chance: random.Random) -> None:
        self.segment, self.chance, self.version = segment, chance, 1
        rows = range(segment.count)
        self.points = {row + 1: (1, segment.payload(row)) for row in rows}

    def patch(self) -> None:
        self.version += 1
        patch = self._some_patch()
        rows = self._some_rows()
        self.segment.patch_payload(bits.from_rows(rows, self.segment.count), patch, self.version)
        self._change(rows, patch)

    def edit(self) -> None:
        self.version += 1
        rows = self._some_rows()[:5]
        rows = rows[bits.test(self.segment.live_words, rows)]
        patch = PayloadPatch.replacing(b'{"flag":%d,"n":%d}' % (self.version % 4, self.version))
        self.segment.set_payload(rows.tolist(), [patch.payload] * len(rows), self.version)
        self._change(rows, patch)

    def kill(self) -> None:
        rows = self._some_rows()[:40]
        for point_id in self.segment.ids(rows):
            self.points.pop(point_id, None)
        self.segment.tombstone(rows)

    def _change(self, rows: Rows, patch: PayloadPatch) -> None:
        for point_id in self.segment.ids(rows):
            if point_id in self.points:
                text = patch.applied(self.points[point_id][1]) or b"{}"
                self.points[point_id] = self.version, text

    def _some_patch(self) -> PayloadPatch:
        number = self.chance.randrange(4)
        kinds = [
            PayloadPatch.setting(b'{"flag":%d}' % number),
            PayloadPatch.setting(b'{"flag":null,"n":%d}' % (number * 100)),
            PayloadPatch.removing(["n"] if number % 2 else ["flag", "kind"]),
            PayloadPatch.replacing(b'{"kind":"odd"}' if number % 2 else b""),
        ]
        return self.chance.choices(kinds, (4, 3, 2, 1))[0]

    def _some_rows(self) -> Rows:
        share = self.chance.choice([0.02, 0.3, 0.6, 1])
        return np.array([row for row in range(self.segment.count) if self.chance.random() < share], np.int64)

    def seen(self) -> dict[int, tuple[int, bytes]]:
        """Return version and payload of each live point, as the segment has them."""
        rows = bits.to_rows(self.segment.live_words)
        versions, ids = self.segment.versions(rows), self.segment.ids(rows)
        payloads = map(self.segment.payload, rows.tolist())
        return {name: pair for name, *pair in zip(ids, versions, payloads, strict=True)}  # type: ignore[misc]

    def expected(self) -> dict[int, list[Any]]:
        return {name: list(pair) for name, pair in self.points.items()}


def built(segment: AnySegment, segment_id: str) -> SealedSegment:
    """Return a segment of the live rows in reverse, with all changes folded in: as the optimizer builds."""
    rows = bits.to_rows(segment.live_words)[::-1]
    batch = row_batch(upsert([point(name) for name in segment.ids(rows)]), 1, LAYOUT)
    payloads = [segment.payload(row) for row in rows.tolist()]
    fresh = appendable(segment_id=segment_id)
    fresh.append(RowBatch(batch.ids, np.array(segment.versions(rows), np.uint64), batch.slots, payloads))
    return fresh.seal()


def test_a_patch_of_many_rows_is_one_layer_and_of_few_an_entry_each() -> None:
    segment = filled()

    segment.patch_payload(every(segment, 2), PayloadPatch.setting(b'{"flag":1}'), 5)
    segment.patch_rows(np.array([1, 3]), PayloadPatch.setting(b'{"flag":2}'), 6)

    assert (len(segment.overlay.layers), len(segment.overlay)) == (1, 2)
    assert segment.payload(0) == b'{"n":0,"kind":"even","flag":1}'
    assert segment.payload(3) == b'{"n":3,"kind":"odd","flag":2}'
    assert segment.versions(np.array([0, 1, 2, 5])) == [5, 6, 5, 1]


def test_the_same_patch_again_and_again_leaves_one_layer() -> None:
    segment = filled()

    for version in range(2, 100):
        segment.patch_payload(every(segment, 1), PayloadPatch.setting(b'{"flag":%d}' % version), version)

    assert len(segment.overlay.layers) == 1
    assert segment.payload(7) == b'{"n":7,"kind":"odd","flag":99}'


def test_an_operation_that_comes_in_parts_leaves_one_layer() -> None:
    segment = filled()

    for first in range(0, 1200, 300):
        segment.patch_rows(np.arange(first, first + 400), PayloadPatch.setting(b'{"flag":1}'), 5)
    segment.patch_rows(np.arange(300), PayloadPatch.setting(b'{"flag":1}'), 6)

    assert [(layer.count, layer.version) for layer in segment.overlay.layers] == [(1000, 5), (300, 6)]


def test_a_row_that_dies_or_changes_wholly_leaves_its_layer() -> None:
    segment = filled()
    segment.patch_payload(every(segment), PayloadPatch.setting(b'{"flag":1}'), 5)
    before = segment.overlay.nbytes

    segment.tombstone(np.arange(100))
    edit(segment, 200, b"{}", 6)
    segment.overlay.settle()

    assert segment.overlay.layers[0].count == COUNT - 101
    assert segment.overlay.nbytes == before - 101 * len(b'{"flag":1}') + 2
    assert segment.payload(199) == b"{}"


def test_layers_beyond_the_bound_become_entries_and_nothing_else_changes() -> None:
    rows = FEW_ROWS + 1
    segment = filled((LAYERS_MAX + 3) * rows)

    for number in range(LAYERS_MAX + 3):
        words = bits.from_rows(np.arange(number * rows, (number + 1) * rows), segment.count)
        segment.patch_payload(words, PayloadPatch.setting(b'{"flag":%d}' % number), 2 + number)

    assert len(segment.overlay.layers) == LAYERS_MAX
    assert len(segment.overlay) == 3 * rows
    flags = [json.loads(segment.payload(number * rows))["flag"] for number in range(LAYERS_MAX + 3)]
    assert flags == list(range(LAYERS_MAX + 3))
    assert segment.versions(np.arange(LAYERS_MAX + 3) * rows) == list(range(2, LAYERS_MAX + 5))
    assert bits.count(segment.column("flag").matches(MatchAny("flag", [0, 1, 34]))) == 3 * rows
    assert [change.noted for change in segment.overlay.changed_after(2 + LAYERS_MAX)] == sorted(
        change.noted for change in segment.overlay.changed_after(2 + LAYERS_MAX)
    )


def test_rows_that_are_appended_after_a_patch_are_not_in_it() -> None:
    segment = filled(300)
    segment.patch_payload(every(segment), PayloadPatch.setting(b'{"flag":1}'), 5)

    segment.append(row_batch(upsert(points(300, first=1000, payload={"n": 1})), 6, LAYOUT))

    assert segment.payload(450) == b'{"n":1}'
    assert segment.versions(np.array([299, 300])) == [5, 6]
    assert bits.to_rows(segment.column("flag").matches(MatchAny("flag", [1]))).tolist() == list(range(300))


def test_sealing_takes_layers_along() -> None:
    segment = filled()
    segment.patch_payload(every(segment, 2), PayloadPatch.setting(b'{"flag":1}'), 5)
    edit(segment, 1, b'{"flag":2}', 6)
    before = content(segment)

    sealed = segment.seal()

    assert content(sealed) == before
    assert mistaken(sealed) == []


@pytest.mark.parametrize("seed", range(4))
def test_patches_edits_and_deaths_in_any_order_are_as_if_each_row_were_changed(seed: int) -> None:
    chance = random.Random(seed)
    twin = Twin(filled(), chance)

    for step in range(40):
        chance.choices([twin.patch, twin.edit, twin.kill], (5, 3, 1))[0]()
        if step == 20:
            twin.segment = twin.segment.seal()
        if step % 10 == 9:
            assert mistaken(twin.segment) == [], (seed, step)

    assert twin.seen() == twin.expected(), seed
    assert mistaken(twin.segment) == [], seed


@pytest.mark.parametrize("is_sealed", [False, True])
def test_layers_come_back_from_checkpoints_as_they_were(tmp_path: Path, is_sealed: bool) -> None:
    chance = random.Random(7)
    twin, entry = Twin(filled(), chance), None
    twin.segment = twin.segment.seal() if is_sealed else twin.segment

    for step in range(30):
        chance.choices([twin.patch, twin.edit, twin.kill], (3, 4, 2))[0]()
        if step % 4 == 1:
            entry = write_frozen(tmp_path, freeze_segment(twin.segment, entry, position=twin.version))
            back = load_segment(tmp_path, entry, LAYOUT, SEED)
            assert logical_checksum([back]) == logical_checksum([twin.segment]), step
            assert mistaken(back) == []

    entry = write_frozen(tmp_path, freeze_segment(twin.segment, entry, position=twin.version))
    twin.segment = load_segment(tmp_path, entry, LAYOUT, SEED)
    assert twin.seen() == twin.expected()


def test_a_checkpoint_writes_layers_only_after_a_further_patch(tmp_path: Path) -> None:
    segment = filled()
    segment.patch_payload(every(segment), PayloadPatch.setting(b'{"flag":1}'), 5)
    first = write_frozen(tmp_path, freeze_segment(segment, None, position=5))

    edit(segment, 9, b'{"late":1}', 6)
    second = write_frozen(tmp_path, freeze_segment(segment, first, position=6))
    segment.patch_payload(every(segment, 3), PayloadPatch.removing(["flag"]), 7)
    third = write_frozen(tmp_path, freeze_segment(segment, second, position=7))

    assert first.layers is not None
    assert second.layers == first.layers
    assert third.layers not in (None, first.layers)
    assert third.layers in third.files()
    assert freeze_segment(segment, third, position=8).is_unchanged
    assert content(load_segment(tmp_path, second, LAYOUT, SEED))["payloads"][8] == b'{"late":1}'


def test_entries_folded_out_of_layers_are_written_with_the_layers_that_lack_them(tmp_path: Path) -> None:
    rows, entry = FEW_ROWS + 1, None
    segment = filled((LAYERS_MAX + 6) * rows)

    for number in range(LAYERS_MAX + 6):
        words = bits.from_rows(np.arange(number * rows, (number + 1) * rows), segment.count)
        segment.patch_payload(words, PayloadPatch.setting(b'{"flag":%d}' % number), 2 + number)
        if number % 2:
            entry = write_frozen(tmp_path, freeze_segment(segment, entry, position=2 + number))

    assert entry is not None
    back = load_segment(tmp_path, entry, LAYOUT, SEED)
    assert content(back) == content(segment)
    again = write_frozen(tmp_path, freeze_segment(back, None, position=100))
    assert content(load_segment(tmp_path, again, LAYOUT, SEED)) == content(segment)


def test_folded_entries_are_written_again_when_their_chunk_is_merged_after_a_restart(tmp_path: Path) -> None:
    rows, layers = FEW_ROWS + 1, LAYERS_MAX + 2
    segment, entry = filled(layers * rows + 3000), None
    patches = [PayloadPatch.setting(b'{"flag":%d}' % number) for number in range(layers)]
    words = [bits.from_rows(np.arange(n * rows, (n + 1) * rows), segment.count) for n in range(layers)]
    for number in range(LAYERS_MAX):
        segment.patch_payload(words[number], patches[number], 2 + number)
    segment.set_payload(range(segment.count - 3000, segment.count - 600), [b'{"n":1}'] * 2400, 40)
    entry = write_frozen(tmp_path, freeze_segment(segment, entry, position=40))

    segment.patch_payload(words[-2], patches[-2], 41)
    segment.patch_payload(words[-1], patches[-1], 42)
    entry = write_frozen(tmp_path, freeze_segment(segment, entry, position=42))
    back = load_segment(tmp_path, entry, LAYOUT, SEED)
    back.set_payload(range(back.count - 600, back.count), [b'{"n":2}'] * 600, 43)
    merged = write_frozen(tmp_path, freeze_segment(back, entry, position=43))

    assert [(chunk.rows, chunk.through) for chunk in entry.overlays] == [(2400, 40), (2 * rows, 42)]
    assert [(chunk.rows, chunk.through) for chunk in merged.overlays] == [(2400, 40), (2 * rows + 600, 43)]
    assert content(load_segment(tmp_path, merged, LAYOUT, SEED)) == content(back)


def test_layers_of_more_rows_than_the_segment_has_are_refused(tmp_path: Path) -> None:
    segment = filled()
    segment.patch_payload(every(segment), PayloadPatch.setting(b'{"flag":1}'), 5)
    entry = write_frozen(tmp_path, freeze_segment(segment, None, position=5))
    small = write_frozen(tmp_path, freeze_segment(filled(64), None, position=5))

    mixed = SegmentEntry(small.segment_id, small.state, 64, 64, rows_chunks=small.rows_chunks, layers=entry.layers)

    with pytest.raises(ChecksumMismatch, match="of 64 rows"):
        load_segment(tmp_path, mixed, LAYOUT, SEED)


@pytest.mark.parametrize("seed", range(3))
def test_layers_are_carried_over_to_the_output_of_a_swap(seed: int) -> None:
    chance = random.Random(seed)
    twin = Twin(filled().seal(), chance)
    twin.patch(), twin.edit(), twin.patch(), twin.kill()
    base, output = twin.version, built(twin.segment, "b0")

    succession = Succession([twin.segment], output)
    for _ in range(3):
        twin.patch(), twin.edit(), twin.kill()
    succession.prepare()
    twin.patch(), twin.kill()
    succession.finish(base)

    assert logical_checksum([output]) == logical_checksum([twin.segment])
    assert mistaken(output) == []
    before = twin.segment
    twin.segment = output
    assert twin.seen() == twin.expected()
    assert len(output.overlay) <= len(before.overlay)


def test_the_checksum_is_the_same_for_layers_and_for_entries() -> None:
    layered, single = filled(), filled()
    patch = PayloadPatch.setting(b'{"flag":1,"n":null}')

    layered.patch_payload(every(layered), patch, 5)
    for row in range(single.count):
        single.patch_rows(np.array([row]), patch, 5)

    assert len(single.overlay) == COUNT
    assert logical_checksum([layered]) == logical_checksum([single])


def test_a_build_folds_layers_into_the_payloads(tmp_path: Path) -> None:
    twin = Twin(filled().seal(), random.Random(5))
    twin.patch(), twin.edit(), twin.kill(), twin.patch(), twin.edit()
    plans = {name: SlotPlan(HnswConfig(m=0)) for name in LAYOUT}
    builder = SegmentBuilder(BuildSpec("b0", LAYOUT, plans, SEED, generation=1))

    builder.add(twin.segment)
    builder.build(tmp_path / "b0")
    output = SealedSegment.open(tmp_path / "b0")

    assert logical_checksum([output]) == logical_checksum([twin.segment])
    assert output.overlay.is_empty
    assert mistaken(output) == []
