"""The appendable segment against a dict, and what its readers may rely on."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from shared.schema.collections import UNNAMED, Distance
from shared.schema.filters import MatchAny
from shared.segment import bits
from shared.segment.appendable import AppendableSegment
from shared.segment.id_map import IdBatch
from shared.segment.layout import SlotLayout
from shared.segment.rows import joined, row_batch
from tests.builders import point, points, upsert, uuid_id, vectors
from tests.unit.segment.segment_builders import LAYOUT, SEED, appendable, content, delete, edit


def test_an_upsert_of_a_known_point_makes_a_new_row_and_a_tombstone() -> None:
    segment = appendable(points(3))

    first = segment.append(row_batch(upsert(point(2, payload={"n": 2})), 9, LAYOUT))

    assert first == 3
    assert bits.to_rows(segment.live_words).tolist() == [0, 2, 3]
    assert segment.rows_of(IdBatch.from_ids([1, 2, 3, 4])).tolist() == [0, 3, 2, -1]
    assert segment.versions(np.array([3])) == [9]
    assert segment.payload(3) == b'{"n":2}'


def test_the_last_of_an_id_within_one_batch_lives() -> None:
    segment = appendable()

    segment.append(row_batch(upsert([point(1), point(2), point(1)]), 1, LAYOUT))

    assert bits.to_rows(segment.live_words).tolist() == [1, 2]


def test_a_deleted_point_can_come_back() -> None:
    segment = appendable(points(2))
    delete(segment, 1)

    segment.append(row_batch(upsert(point(1)), 2, LAYOUT))

    assert segment.rows_of(IdBatch.from_ids([1])).tolist() == [2]
    assert segment.live_count == 2


def test_what_a_reader_holds_stays_as_it_was() -> None:
    segment = appendable(points(3))
    words, slot, rows = segment.live_words, segment.slot(UNNAMED), segment.rows_from(None)
    assert slot is not None
    held = slot.vectors
    before = held[:3].copy()

    segment.append(row_batch(upsert(points(500, first=2)), 2, LAYOUT))

    assert bits.to_rows(words).tolist() == [0, 1, 2]
    assert rows.tolist() == [0, 1, 2]
    assert held[:3].tolist() == before.tolist()


def test_rows_without_a_slot_are_not_present_in_it() -> None:
    layout = {"a": SlotLayout(2, Distance.DOT), "b": SlotLayout(3, Distance.EUCLID)}

    segment = appendable([point(1, {"a": [1, 2]}), point(2, {"b": [1, 2, 3]}), point(3, {})], layout=layout)

    words = {name: segment.present_words(name) for name in layout}
    assert [bits.to_rows(words[name]).tolist() for name in "ab"] == [[0], [1]]
    assert segment.figures().vectors == 2
    assert segment.figures().largest_slot_bytes == 12


def test_a_payload_edit_lies_over_the_row_and_dies_with_it() -> None:
    segment = appendable(points(2, payload={"a": 1}))

    edit(segment, 1, b'{"a":2}', 5)

    assert segment.payload(0) == b'{"a":2}'
    assert segment.versions(np.array([0, 1])) == [5, 1]
    assert [change.row for change in segment.overlay.changed_after(4)] == [0]
    assert segment.overlay.changed_after(5) == []
    delete(segment, 1)
    assert len(segment.overlay) == 0


def test_scroll_order_is_by_id_whatever_the_row_order() -> None:
    segment = appendable([point(uuid_id(5)), point(9), point(3), point(uuid_id(1)), point(9)])

    rows = segment.rows_from(None)

    assert segment.ids(rows) == [3, 9, uuid_id(1), uuid_id(5)]
    assert segment.ids(segment.rows_from(4)) == [9, uuid_id(1), uuid_id(5)]


def test_joined_batches_give_the_rows_that_they_give_one_after_another() -> None:
    layout = {"a": SlotLayout(2, Distance.DOT), "b": SlotLayout(3, Distance.EUCLID)}
    given = [
        [point(1, {"a": [1, 2]}), point(uuid_id(2), {"b": [1, 2, 3]})],
        [point(3, {}), point(1, {"a": [5, 6], "b": [7, 8, 9]}, {"x": 1})],
        [point(1, {"b": [1, 1, 1]})],
    ]
    batches = [row_batch(upsert(batch), version, layout) for version, batch in enumerate(given, 1)]
    once = AppendableSegment("a00000000", layout, SEED)

    once.append(joined(batches, layout))

    assert content(once) == content(appendable(*given, layout=layout))


def test_columns_follow_appends_and_edits() -> None:
    segment = appendable(points(2, payload={"a": 1}))
    condition = MatchAny("a", [1])
    assert bits.to_rows(segment.column("a").matches(condition)).tolist() == [0, 1]

    segment.append(row_batch(upsert(points(1, first=7, payload={"a": 1})), 2, LAYOUT))
    edit(segment, 1, b'{"a":2}', 5)

    assert bits.to_rows(segment.column("a").matches(condition)).tolist() == [1, 2]


IDS = st.one_of(st.integers(1, 12), st.integers(1, 6).map(uuid_id))
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("upsert"), st.lists(IDS, min_size=1, max_size=5, unique=True)),
        st.tuples(st.just("delete"), st.lists(IDS, min_size=1, max_size=3)),
        st.tuples(st.just("edit"), IDS),
    ),
    max_size=30,
)


@settings(max_examples=60, deadline=None)
@given(STEPS)
def test_appendable_and_sealed_behave_like_a_dict(steps: list[tuple[str, object]]) -> None:
    segment, model = appendable(), {}

    for version, (kind, argument) in enumerate(steps, 1):
        match kind, argument:
            case "upsert", list(ids):
                batch = [point(one, payload={"v": version}) for one in ids]
                segment.append(row_batch(upsert(batch), version, LAYOUT))
                model.update(dict.fromkeys(ids, (version, b'{"v":%d}' % version)))
            case "delete", list(ids):
                delete(segment, *ids)
                for one in ids:
                    model.pop(one, None)
            case "edit", one if one in model:
                edit(segment, one, b'{"e":%d}' % version, version)
                model[one] = (version, b'{"e":%d}' % version)

    for kind in (segment, segment.seal()):
        rows = bits.to_rows(kind.live_words)
        found = zip(kind.versions(rows), [kind.payload(row) for row in rows.tolist()], strict=True)
        assert dict(zip(kind.ids(rows), found, strict=True)) == model
        assert kind.live_count == len(model)
        known = [*model, 999]
        assert kind.ids(kind.rows_of(IdBatch.from_ids(known))[:-1]) == list(model)
        assert kind.rows_of(IdBatch.from_ids(known))[-1] == -1


def test_the_same_operations_give_the_same_arrays_whatever_the_batches() -> None:
    layout = {UNNAMED: SlotLayout(64, Distance.DOT)}
    rows = [point(number, vector) for number, vector in enumerate(vectors(1500, 64).tolist())]

    whole = appendable(rows, layout=layout).seal()
    parts = appendable(rows[:700], rows[700:1100], rows[1100:], layout=layout).seal()

    assert content(whole)["slots"] == content(parts)["slots"]
    codes = [segment.parts.slots[UNNAMED].index.codes.groups for segment in (whole, parts)]
    arrays = [code.arrays() for code in codes if code is not None]
    assert len(arrays) == 2
    for name, array in arrays[0].items():
        np.testing.assert_array_equal(array, arrays[1][name])
