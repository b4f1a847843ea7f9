"""Swaps: the output answers as the inputs do, whatever changed meanwhile."""

from collections.abc import Sequence

import pytest

from shared.errors import Corrupt
from shared.schema.filters import MatchAny
from shared.segment import bits
from shared.segment.checksum import logical_checksum
from shared.segment.id_map import IdBatch
from shared.segment.rows import row_batch
from shared.segment.sealed import SealedSegment
from shared.segment.swap import Succession
from tests.builders import Point, points, upsert, uuid_id
from tests.unit.segment.segment_builders import LAYOUT, AnySegment, appendable, delete, edit


def sealed(batch: Sequence[Point], segment_id: str) -> SealedSegment:
    return appendable(batch, segment_id=segment_id).seal()


def payload_of(segment: AnySegment, point_id: int | bytes) -> tuple[int, bytes] | None:
    rows = segment.rows_of(IdBatch.from_ids([point_id]))
    return None if rows[0] < 0 else (segment.versions(rows)[0], segment.payload(int(rows[0])))


def test_the_output_answers_as_the_inputs_do_at_the_switch() -> None:
    one, other = sealed(points(100, payload={"a": 1}), "a0"), sealed(points(100, first=500), "a1")
    output = sealed([*points(100, payload={"a": 1})[::-1], *points(100, first=500)], "b0")
    delete(one, 1)
    succession = Succession([one, other], output)

    delete(one, 2)
    edit(one, 5, b'{"late":1}', 11)
    succession.prepare()
    delete(other, 501)
    edit(other, 502, b'{"late":2}', 12)
    delete(one, 5)
    edit(one, 6, b'{"late":3}', 13)
    succession.finish(base=10)

    assert logical_checksum([output]) == logical_checksum([one, other])
    assert [payload_of(output, point_id) for point_id in (1, 2, 5, 501)] == [None] * 4
    assert payload_of(output, 6) == (13, b'{"late":3}')
    assert payload_of(output, 502) == (12, b'{"late":2}')
    assert [change.version for change in output.overlay.changed_after(0)] == [12, 13]


def test_a_point_that_moved_to_another_input_before_the_base_is_taken_from_there() -> None:
    old, new = sealed(points(3), "a0"), sealed(points(1), "a1")
    delete(old, 1)
    output = sealed(points(3), "b0")
    succession = Succession([old, new], output)

    succession.prepare()
    succession.finish(base=1)

    assert output.live_count == 3


def test_a_point_that_moved_on_to_the_appendable_dies_in_the_output() -> None:
    segment, output = sealed(points(3), "a0"), sealed(points(3), "b0")
    fresh = appendable()
    succession = Succession([segment], output)
    succession.prepare()

    batch = row_batch(upsert(points(1, first=2)), 9, LAYOUT)
    fresh.append(batch)
    rows = segment.rows_of(batch.ids)
    segment.tombstone(rows[rows >= 0])
    succession.finish(base=5)

    assert bits.to_rows(output.live_words).tolist() == [0, 2]


def test_changes_up_to_the_base_are_not_copied_again() -> None:
    segment, output = sealed(points(3), "a0"), sealed(points(3), "b0")
    edit(segment, 1, b'{"early":1}', 4)
    succession = Succession([segment], output)

    succession.prepare()
    succession.finish(base=4)

    assert len(output.overlay) == 0


def test_an_output_that_lacks_a_living_point_is_refused() -> None:
    segment, output = sealed([*points(3), *points(1, first=9)], "a0"), sealed(points(3), "b0")

    with pytest.raises(Corrupt, match=r"b0 lacks points of its input a0: \[9\]"):
        Succession([segment], output).prepare()


def test_columns_in_use_are_warm_in_the_output() -> None:
    segment, output = sealed(points(3, payload={"a": 1}), "a0"), sealed(points(3, payload={"a": 1}), "b0")
    segment.column("a").matches(MatchAny("a", [1]))
    assert output.columns.in_memory() == []

    Succession([segment], output).warm()

    assert [path for path, _ in output.columns.in_memory()] == [("a",)]


def test_checksum_ignores_how_points_are_cut_into_segments() -> None:
    batch = [*points(20, payload={"a": 1}), *[point._replace(id=uuid_id(point.id)) for point in points(5)]]
    whole = appendable(batch)

    parts = [sealed(batch[12:], "a1"), appendable(batch[:12])]

    assert logical_checksum(parts) == logical_checksum([whole])
    edit(whole, 1, b'{"a":2}', 1)
    assert logical_checksum(parts) != logical_checksum([whole])
