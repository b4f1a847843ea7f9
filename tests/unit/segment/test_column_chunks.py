"""Columns of declared indexes as files: written once they are built, read back as they were, never trusted blindly."""

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.schema.filters import DatetimeRange, FieldCondition, GeoRadius, MatchText, Range
from shared.schema.payload_index import FieldType, PayloadIndex
from shared.schema.slots import Memory
from shared.segment import bits
from shared.segment.appendable import AppendableSegment
from shared.segment.checkpoint import freeze_segment, load_segment, write_frozen
from shared.segment.column_chunks import misplaced_columns, open_columns
from shared.segment.columns.kept_columns import Abandoned
from shared.segment.indexed_points import indexed_points
from shared.segment.layout import layout_of
from shared.segment.rows import row_batch
from shared.segment.sealed import SealedSegment
from shared.store.manifest import ManifestStore, SegmentEntry
from tests.builders import config, match, point, upsert

LAYOUT = layout_of(config())
EVERY: dict[str, PayloadIndex] = {
    "word": PayloadIndex(type=FieldType.KEYWORD, is_bare=True),
    "n": PayloadIndex(type=FieldType.INTEGER),
    "x": PayloadIndex(type=FieldType.FLOAT),
    "flag": PayloadIndex(type=FieldType.BOOL),
    "day": PayloadIndex(type=FieldType.DATETIME),
    "place": PayloadIndex(type=FieldType.GEO),
    "text": PayloadIndex(type=FieldType.TEXT, phrase_matching=True),
}
ASKED: list[FieldCondition] = [
    match("word", "a1"),
    match("n", 3),
    Range("x", gte=0.4, lt=3.0),
    match("flag", True),
    DatetimeRange("day", gt=0),
    GeoRadius("place", (13.0, 52.0), 150_000.0),
    MatchText("text", "STEP 7"),
]


def payload(number: int) -> dict[str, Any]:
    if number % 10 == 9:
        return {}
    return {
        "word": [f"a{number % 4}", "all"],
        "n": number % 7,
        "x": number / 10,
        "flag": number % 3 == 0,
        "day": f"2020-01-{number % 28 + 1:02d}",
        "place": {"lon": 13.0 + number, "lat": 52.0},
        "text": f"Step {number}, then rest",
    }


def sealed(indexes: dict[str, PayloadIndex], rows: int = 100) -> SealedSegment:
    """Return a sealed segment in memory whose columns of these indexes are built."""
    appendable = AppendableSegment("a00000001", LAYOUT, seed=1)
    given = upsert([point(number, payload=payload(number)) for number in range(rows)])
    appendable.append(row_batch(given, 1, LAYOUT))
    segment = appendable.seal()
    segment.declare(indexes)
    for key, kind in segment.columns.unbuilt():
        segment.columns.build(key, kind)
    return segment


def written(directory: Path, segment: SealedSegment, known: SegmentEntry | None = None) -> SegmentEntry:
    return write_frozen(directory, freeze_segment(segment, known, position=1))


def loaded(directory: Path, entry: SegmentEntry, indexes: dict[str, PayloadIndex]) -> SealedSegment:
    segment = load_segment(directory, entry, LAYOUT, 1)
    assert isinstance(segment, SealedSegment)
    segment.declare(indexes)
    return segment


def answers(segment: SealedSegment) -> list[list[int]]:
    return [bits.to_rows(segment.column(asked.key).matches(asked)).tolist() for asked in ASKED]


def test_columns_of_every_type_come_back_from_their_files_without_reading_payloads(tmp_path: Path) -> None:
    segment = sealed(EVERY)
    entry = written(tmp_path, segment)
    back = loaded(tmp_path, entry, EVERY)

    damaged = open_columns(tmp_path, back, entry.columns)

    assert not damaged
    assert not back.columns.unbuilt()
    assert answers(back) == answers(segment)
    assert all(rows for rows in answers(back))
    assert {column.key for column in entry.columns} == set(EVERY)


def test_a_column_is_written_once_and_only_when_it_is_built(tmp_path: Path) -> None:
    segment = sealed({"n": EVERY["n"]})
    first = written(tmp_path, segment)
    segment.declare({"n": EVERY["n"], "place": EVERY["place"]})

    before = freeze_segment(segment, first, position=2)
    for key, kind in segment.columns.unbuilt():
        segment.columns.build(key, kind)
    after = written(tmp_path, segment, first)

    assert before.is_unchanged
    assert after.columns[: len(first.columns)] == first.columns
    assert {column.key for column in after.columns} == {"n", "place"}
    assert freeze_segment(segment, after, position=3).is_unchanged


def test_files_of_a_dropped_index_are_named_no_more(tmp_path: Path) -> None:
    segment = sealed({"n": EVERY["n"], "word": EVERY["word"]})
    entry = written(tmp_path, segment)

    segment.declare({"word": EVERY["word"]})
    after = written(tmp_path, segment, entry)

    assert {column.key for column in after.columns} == {"word"}
    assert {ref.name for ref in entry.files()} > {ref.name for ref in after.files()}


def test_another_type_on_a_path_brings_other_files(tmp_path: Path) -> None:
    segment = sealed({"text": EVERY["text"]})
    entry = written(tmp_path, segment)

    segment.declare({"text": EVERY["text"].model_copy(update={"lowercase": False})})
    for key, kind in segment.columns.unbuilt():
        segment.columns.build(key, kind)
    after = written(tmp_path, segment, entry)

    assert {column.kind for column in after.columns} != {column.kind for column in entry.columns}


def _flip(path: Path) -> None:
    whole = bytearray(path.read_bytes())
    whole[-1] ^= 1
    path.unlink()
    path.write_bytes(whole)


@pytest.mark.parametrize("harm", [_flip, Path.unlink, lambda path: path.write_bytes(b"")], ids=["flip", "gone", "cut"])
def test_a_file_that_cannot_be_used_is_told_and_its_column_is_built_anew(tmp_path: Path, harm: Any) -> None:
    segment = sealed({"n": EVERY["n"], "word": EVERY["word"]})
    entry = written(tmp_path, segment)
    [harmed] = [column for column in entry.columns if column.key == "n"][:1]
    harm(tmp_path / harmed.file.name)
    back = loaded(tmp_path, entry, {"n": EVERY["n"], "word": EVERY["word"]})

    damaged = open_columns(tmp_path, back, entry.columns)

    assert [ref for ref, _ in damaged] == [harmed]
    assert (harmed.key, harmed.kind) in [(key, kind.name) for key, kind in back.columns.unbuilt()]
    assert answers(back)[:2] == answers(segment)[:2]


def test_columns_of_other_rows_are_refused(tmp_path: Path) -> None:
    entry = written(tmp_path, sealed({"n": EVERY["n"]}, rows=90))
    other = written(tmp_path / "other", sealed({"n": EVERY["n"]}))
    back = loaded(tmp_path / "other", other, {"n": EVERY["n"]})

    damaged = open_columns(tmp_path, back, entry.columns)

    assert len(damaged) == len(entry.columns)
    assert answers(back)[1] == [number for number in range(100) if number % 7 == 3 and number % 10 != 9]


@pytest.mark.parametrize("place", list(Memory))
def test_columns_are_kept_where_their_index_wants_them(tmp_path: Path, place: Memory) -> None:
    built = {"word": EVERY["word"]}
    asked = {"word": PayloadIndex(type=FieldType.KEYWORD, memory=place)}
    entry = written(tmp_path, sealed(built))
    back = loaded(tmp_path, entry, asked)

    open_columns(tmp_path, back, entry.columns)

    is_in_memory = back.columns.nbytes > 0
    assert is_in_memory is (place is Memory.PINNED)
    assert not misplaced_columns(back, entry.columns)
    back.declare({"word": PayloadIndex(type=FieldType.KEYWORD, on_disk=True)})
    assert bool(misplaced_columns(back, entry.columns)) is (place is not Memory.COLD)


def test_a_column_that_was_built_in_memory_is_out_of_place_where_its_index_is_on_disk(tmp_path: Path) -> None:
    segment = sealed({"n": PayloadIndex(type=FieldType.INTEGER, on_disk=True)})
    entry = written(tmp_path, segment)

    misplaced = misplaced_columns(segment, entry.columns)

    assert {ref.key for ref, _ in misplaced} == {"n"}


def test_points_of_an_index_are_the_live_rows_with_a_value_of_its_type() -> None:
    segment = sealed(EVERY)
    texts = [json.dumps({"n": "three", "word": 3, "text": "...", "place": {"lon": 13.0}, "x": 2}).encode()]

    segment.tombstone(np.array([0, 1, 19]))
    segment.set_payload([2], texts, 5)
    counted = indexed_points(segment)

    valued = 100 - 10 - 2
    assert counted == {
        "word": valued - 1,
        "n": valued - 1,
        "x": valued,
        "flag": valued - 1,
        "day": valued - 1,
        "place": valued - 1,
        "text": valued - 1,
    }


def test_a_column_that_is_not_built_is_not_built_to_count_its_points() -> None:
    segment = sealed({"n": EVERY["n"]})
    segment.declare({"n": EVERY["n"], "place": EVERY["place"]})

    counted = indexed_points(segment)

    assert counted == {"n": 90, "place": 0}
    assert [key for key, _ in segment.columns.unbuilt()] == ["place"]


def test_a_build_that_is_not_wanted_any_more_is_given_up_and_can_be_begun_again() -> None:
    segment = sealed({})
    segment.declare({"n": EVERY["n"]})
    [(key, kind)] = segment.columns.unbuilt()

    with pytest.raises(Abandoned):
        segment.columns.build(key, kind, lambda: False)
    left = segment.columns.unbuilt()
    segment.columns.build(key, kind)

    assert [one for one, _ in left] == ["n"]
    assert not segment.columns.unbuilt()


def test_points_are_told_by_the_manifest_of_a_shard_that_is_not_open(tmp_path: Path) -> None:
    entry = written(tmp_path, sealed({"n": EVERY["n"]}))

    assert entry.indexed_points == {"n": 90}
    assert not ManifestStore(tmp_path).newest()
