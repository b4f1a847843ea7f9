"""Checkpoints: exact cuts, written as what changed, read back as they were, or refused."""

import threading
from pathlib import Path

import numpy as np
import pytest

from shared.errors import ChecksumMismatch, Corrupt
from shared.schema.collections import UNNAMED, Distance
from shared.segment.appendable import AppendableSegment
from shared.segment.checkpoint import freeze_segment, load_segment, write_frozen
from shared.segment.layout import Layout, SlotLayout
from shared.segment.rows import row_batch
from shared.segment.sealed import SealedSegment
from shared.store.manifest import SegmentEntry
from tests.builders import Point, point, points, upsert, uuid_id, vectors
from tests.unit.segment.segment_builders import LAYOUT, SEED, AnySegment, appendable, content, delete, edit

TWO_SLOTS: Layout = {"a/../b": SlotLayout(3, Distance.DOT), "wide": SlotLayout(64, Distance.EUCLID)}


def checkpoint(directory: Path, segment: AnySegment, entry: SegmentEntry | None, position: int) -> SegmentEntry:
    return write_frozen(directory, freeze_segment(segment, entry, position=position, generation=3))


def mixed_points(count: int, first: int = 1) -> list[Point]:
    """Return points of both kinds of id, some without a slot, some without any payload."""
    rows = vectors(count, 64, seed=first)
    found = []
    for place in range(count):
        number = first + place
        slots = {"a/../b": rows[place, :3]} if number % 3 else {}
        slots |= {"wide": rows[place]} if number % 4 else {}
        payload = {"n": number, "t": "ä" * (number % 5)} if number % 2 else {}
        found.append(point(number if number % 5 else uuid_id(number << 8), slots, payload))
    return found


def busy_segment() -> AppendableSegment:
    segment = appendable(mixed_points(70), mixed_points(40, first=50), layout=TWO_SLOTS)
    delete(segment, 1, 2, uuid_id(5 << 8))
    edit(segment, 3, b'{"edited":1}', 5)
    edit(segment, 4, b"{}", 6)
    return segment


def test_an_appendable_comes_back_as_it_was(tmp_path: Path) -> None:
    segment = busy_segment()

    entry = checkpoint(tmp_path, segment, None, 6)
    back = load_segment(tmp_path, entry, TWO_SLOTS, SEED)

    assert isinstance(back, AppendableSegment)
    assert content(back) == content(segment)
    assert (entry.state, entry.rows, entry.live, entry.generation) == ("appendable", 110, segment.live_count, 3)


def test_a_sealed_segment_comes_back_as_it_was(tmp_path: Path) -> None:
    segment = busy_segment().seal(generation=2)

    entry = checkpoint(tmp_path, segment, None, 6)
    back = load_segment(tmp_path, entry, TWO_SLOTS, SEED)

    assert isinstance(back, SealedSegment)
    assert content(back) == content(segment)
    assert (entry.state, entry.generation, back.parts.generation) == ("sealed", 2, 2)


def test_sealing_changes_nothing_that_a_reader_sees() -> None:
    segment = busy_segment()
    before = content(segment)

    sealed = segment.seal()

    assert content(sealed) == before


def test_a_checkpoint_writes_only_what_changed(tmp_path: Path) -> None:
    segment = appendable(points(100))
    first = checkpoint(tmp_path, segment, None, 1)

    segment.append(row_batch(upsert(points(10, first=200)), 2, LAYOUT))
    second = checkpoint(tmp_path, segment, first, 2)
    edit(segment, 1, b'{"a":1}', 3)
    third = checkpoint(tmp_path, segment, second, 3)
    fourth = checkpoint(tmp_path, segment, third, 4)

    assert second.rows_chunks[0] == first.rows_chunks[0]
    assert [chunk.rows for chunk in second.rows_chunks] == [100, 10]
    assert second.tombstones is None
    assert third.rows_chunks == second.rows_chunks
    assert [(chunk.rows, chunk.through) for chunk in third.overlays] == [(1, 3)]
    assert fourth == third
    assert content(load_segment(tmp_path, fourth, LAYOUT, SEED)) == content(segment)


def test_many_small_checkpoints_leave_few_chunks(tmp_path: Path) -> None:
    segment, entry = appendable(), None

    for version in range(1, 65):
        segment.append(row_batch(upsert(point(version, payload={"v": version})), version, LAYOUT))
        edit(segment, (version + 1) // 2, b'{"e":%d}' % version, version)
        entry = checkpoint(tmp_path, segment, entry, version)

    assert entry is not None
    assert len(entry.rows_chunks) <= 7
    assert len(entry.overlays) <= 7
    assert content(load_segment(tmp_path, entry, LAYOUT, SEED)) == content(segment)


def test_chunks_of_tombstones_and_edits_stay_valid_when_the_segment_is_sealed(tmp_path: Path) -> None:
    segment = busy_segment()
    before = checkpoint(tmp_path, segment, None, 6)

    sealed = segment.seal()
    entry = checkpoint(tmp_path, sealed, before, 7)

    assert entry.rows_chunks == []
    assert (entry.tombstones, entry.overlays) == (before.tombstones, before.overlays)
    assert content(load_segment(tmp_path, entry, TWO_SLOTS, SEED)) == content(sealed)
    assert checkpoint(tmp_path, sealed, entry, 8) == entry


def test_a_frozen_segment_does_not_see_what_is_applied_while_it_is_written(tmp_path: Path) -> None:
    segment = appendable(points(500, payload={"a": 1}))
    edit(segment, 9, b'{"e":1}', 2)
    delete(segment, 1)
    expected = content(segment)
    frozen = freeze_segment(segment, None, position=2)
    written: list[SegmentEntry] = []
    thread = threading.Thread(target=lambda: written.append(write_frozen(tmp_path, frozen)))

    thread.start()
    for version in range(3, 60):
        segment.append(row_batch(upsert(points(40, first=version)), version, LAYOUT))
        edit(segment, version, b'{"e":2}', version)
        delete(segment, 200 + version)
    thread.join()

    assert content(load_segment(tmp_path, written[0], LAYOUT, SEED)) == expected


def test_a_sealed_segment_that_an_earlier_attempt_wrote_is_taken_as_it_is(tmp_path: Path) -> None:
    sealed = busy_segment().seal()
    first = checkpoint(tmp_path, sealed, None, 6)

    again = checkpoint(tmp_path, sealed, None, 6)

    assert again.header == first.header
    assert [path.name for path in (tmp_path / "segments").iterdir()] == ["a00000000"]


def test_another_segment_of_the_same_name_is_left_alone(tmp_path: Path) -> None:
    other = checkpoint(tmp_path, appendable(points(3)).seal(), None, 1)

    sealed = appendable(points(4)).seal()
    entry = checkpoint(tmp_path, sealed, None, 1)

    assert entry.header is not None
    assert entry.header.name == "segments/a00000000.1/header.json"
    assert load_segment(tmp_path, entry, LAYOUT, SEED).count == 4
    assert load_segment(tmp_path, other, LAYOUT, SEED).count == 3


def test_slots_of_another_layout_are_left_out_when_opened(tmp_path: Path) -> None:
    entry = checkpoint(tmp_path, busy_segment().seal(), None, 6)

    back = load_segment(tmp_path, entry, {"wide": TWO_SLOTS["wide"], "a/../b": SlotLayout(9, Distance.DOT)}, SEED)

    assert back.slot("a/../b") is None
    assert back.slot("wide") is not None


def test_no_name_of_a_client_is_in_a_file_name(tmp_path: Path) -> None:
    checkpoint(tmp_path, busy_segment().seal(), None, 6)
    checkpoint(tmp_path, busy_segment(), None, 6)

    names = {path.name for path in tmp_path.rglob("*")}

    assert not [name for name in names if "wide" in name or ".." in name]


@pytest.mark.parametrize("kind", ["sealed", "appendable"])
def test_a_flipped_byte_in_any_file_is_found(tmp_path: Path, kind: str) -> None:
    segment = busy_segment()
    entry = checkpoint(tmp_path, segment.seal() if kind == "sealed" else segment, None, 6)
    files = sorted(path for path in tmp_path.rglob("*") if path.is_file())
    assert len(files) >= (12 if kind == "sealed" else 3)

    for path in files:
        whole = path.read_bytes()
        for place in {0, len(whole) // 2, len(whole) - 1}:
            path.write_bytes(whole[:place] + bytes([whole[place] ^ 0x40]) + whole[place + 1 :])
            with pytest.raises(Corrupt, match=r"expected .*found"):
                load_segment(tmp_path, entry, TWO_SLOTS, SEED)
        path.write_bytes(whole[:-1])
        with pytest.raises(ChecksumMismatch, match=r"expected .* bytes, found"):
            load_segment(tmp_path, entry, TWO_SLOTS, SEED)
        path.unlink()
        with pytest.raises(ChecksumMismatch, match="expected a file, found none"):
            load_segment(tmp_path, entry, TWO_SLOTS, SEED)
        path.write_bytes(whole)

    assert load_segment(tmp_path, entry, TWO_SLOTS, SEED).count == 110


def test_a_header_without_a_manifest_is_checked_by_its_own_line(tmp_path: Path) -> None:
    checkpoint(tmp_path, busy_segment().seal(), None, 6)
    directory = tmp_path / "segments" / "a00000000"
    header = directory / "header.json"
    assert SealedSegment.open(directory).count == 110

    header.write_bytes(header.read_bytes().replace(b'"rows":110', b'"rows":111'))

    with pytest.raises(ChecksumMismatch, match="expected checksum"):
        SealedSegment.open(directory)


def test_a_segment_without_slots_and_one_without_rows_are_stored(tmp_path: Path) -> None:
    for number, segment in enumerate((appendable([point(1, {})], layout={}), appendable())):
        entry = checkpoint(tmp_path / str(number), segment.seal(), None, 1)

        back = load_segment(tmp_path / str(number), entry, segment.layout, SEED)

        assert content(back) == content(segment)


def test_mapped_arrays_are_read_only_and_aligned(tmp_path: Path) -> None:
    layout = {UNNAMED: SlotLayout(64, Distance.DOT)}
    segment = appendable([point(n, row) for n, row in enumerate(vectors(1200, 64))], layout=layout).seal()

    entry = checkpoint(tmp_path, segment, None, 1)
    back = load_segment(tmp_path, entry, layout, SEED)

    slot = back.slot(UNNAMED)
    assert slot is not None
    assert slot.codes.groups is not None
    assert slot.vectors.ctypes.data % 64 == 0
    with pytest.raises(ValueError, match="read-only"):
        slot.vectors[0, 0] = 1
    np.testing.assert_array_equal(slot.vectors, segment.parts.slots[UNNAMED].index.vectors)
