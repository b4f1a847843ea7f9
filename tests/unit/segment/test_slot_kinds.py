"""Every kind of slot, every datatype: what was written is what is read, wherever the rows lie by then."""

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import xxhash

from services.worker.state import ShardState
from shared.schema.operations import Seal, SlotRows, Upsert
from shared.schema.slots import Datatype, Distance, SlotKind
from shared.segment import bits
from shared.segment.appendable import AppendableSegment
from shared.segment.batches import SlotBatch
from shared.segment.checksum import logical_checksum
from shared.segment.elements import narrowed, widened
from shared.segment.format import HEADER_NAME
from shared.segment.gather import LiveRows
from shared.segment.growing_slots import growing_slot
from shared.segment.index.multi import MultiIndex
from shared.segment.index.sparse import SparseIndex
from shared.segment.layout import SlotLayout
from shared.segment.placement import SlotPlacement
from shared.segment.rows import row_batch, slot_batch, slot_rows
from shared.segment.sealed import SealedSegment
from shared.segment.stored_slots import slot_of_arrays
from tests.builders import config, delete, points, upsert, vectors
from tests.kinds import MIXED, WirePoint, random_point, read, shown, written
from tests.unit.worker.shard_log import Disk, apply_all, new_state, switch

Stage = Callable[[ShardState, Disk], ShardState]


def growing(state: ShardState, disk: Disk) -> ShardState:
    return state


def chunks(state: ShardState, disk: Disk) -> ShardState:
    disk.checkpoint(state)
    return disk.load()


def sealed(state: ShardState, disk: Disk) -> ShardState:
    apply_all(state, Seal(state.appendable_id))
    return state


def reopened(state: ShardState, disk: Disk) -> ShardState:
    return chunks(sealed(state, disk), disk)


def built(state: ShardState, disk: Disk) -> ShardState:
    sealed(state, disk)
    inputs = [segment.segment_id for segment in state.segments() if isinstance(segment, SealedSegment)]
    apply_all(state, disk.build(state, inputs, "b1"))
    switch(state, state.pending[0], disk.prepared(state, state.pending[0]))
    return state


def some_points(seed: int = 1) -> list[list[WirePoint]]:
    """Return three upserts: later ones replace some of the points."""
    source = random.Random(seed)
    return [[random_point(source, one) for one in source.sample(range(60), 30)] for _ in range(3)]


@pytest.mark.parametrize("stage", [growing, chunks, sealed, reopened, built])
def test_every_kind_of_vector_is_read_as_it_was_written(stage: Stage, tmp_path: Path) -> None:
    state, disk = new_state(MIXED.model_copy(update={"seal": config().seal})), Disk(tmp_path)
    batches = some_points()
    apply_all(state, *(written(MIXED, batch) for batch in batches))
    last = {point["id"]: point for batch in batches for point in batch}
    checksum = logical_checksum(state.segments())

    after = stage(state, disk)

    assert read(after.segments(), MIXED, range(60)) == {one: shown(last[one]) for one in sorted(last)}
    assert logical_checksum(after.segments()) == checksum


def test_rows_of_a_growing_slot_stay_as_they_were_handed_out() -> None:
    segment = AppendableSegment("a1", {"many": SlotLayout(2, Distance.DOT, SlotKind.MULTI)}, 7)
    segment.append(row_batch(_multi([[1.0, 2.0], [3.0, 4.0]]), 1, segment.layout))
    cut, slot = segment.cut(0), segment.slot("many")
    assert isinstance(slot, MultiIndex)
    offsets = slot.offsets

    for version in range(2, 300):
        segment.append(row_batch(_multi([[5.0, 6.0]], point_id=version), version, segment.layout))

    assert cut.slots["many"].arrays()["vectors"].tolist() == [[1, 2], [3, 4]]
    assert offsets[:2].tolist() == [0, 2]
    assert slot.packed(np.array([0, 298])) == [np.float32([1, 2, 3, 4]).tobytes(), np.float32([5, 6]).tobytes()]


def test_a_point_with_an_empty_sparse_vector_carries_the_slot() -> None:
    state = new_state(MIXED)
    empty = {"words": {"indices": [], "values": []}}

    apply_all(state, written(MIXED, [{"id": 1, "vector": empty}, {"id": 2, "vector": {}}]))

    assert read(state.segments(), MIXED, [1, 2]) == {1: empty, 2: {}}
    words = state.segments()[0].present_words("words")
    assert words is not None
    assert bits.to_rows(words).tolist() == [0]


def test_figures_count_the_bytes_that_each_kind_really_has() -> None:
    state = new_state(MIXED)
    given = [
        {"id": 1, "vector": {"bytes": [1, 2, 3], "many": [[1, 2, 3], [4, 5, 6]], "words": _words(3)}},
        {"id": 2, "vector": {"half": [1, 2, 3, 4, 5], "many": [1, 0, 0], "words": _words(1)}},
        {"id": 3, "vector": {"many": [[1, 2, 3]] * 7, "words": _words(9)}},
    ]
    apply_all(state, written(MIXED, given), written(MIXED, [{"id": 3, "vector": {}}]))

    figures = state.segments()[0].figures()

    assert {name: tuple(slot) for name, slot in _astuples(figures.slots).items()} == {
        "bytes": (1, 3), "half": (1, 10), "many": (2, 3 * 3 * 4), "words": (2, 4 * 8),
    }  # fmt: skip
    assert (figures.vectors, figures.vector_bytes, figures.largest_slot_bytes) == (6, 81, 36)


def test_a_segment_is_sealed_by_the_bytes_that_its_slots_really_have() -> None:
    given = config(vectors={}, sparse_vectors=MIXED.sparse_vectors)
    given = given.model_copy(update={"seal": given.seal.model_copy(update={"vector_bytes": 8 * 10})})
    state = new_state(given)

    apply_all(state, *(written(given, [{"id": one, "vector": {"words": _words(4)}}]) for one in range(4)))

    assert [segment.count for segment in state.segments()] == [3, 1]


def test_an_upsert_for_another_slot_of_the_same_name_leaves_that_slot_out() -> None:
    layout = {"": SlotLayout(8, Distance.DOT), "many": SlotLayout(2, Distance.DOT)}

    batch = row_batch(upsert(points(3)), 1, layout)
    other = row_batch(_multi([[1.0, 2.0]]), 2, layout)

    assert (batch.slots, other.slots) == ({}, {})


@pytest.mark.parametrize("name", sorted({*MIXED.vectors, *MIXED.sparse_vectors}))
def test_bytes_of_the_log_give_back_the_batch(name: str) -> None:
    source = random.Random(3)
    layout = new_state(MIXED).segments()[0].layout[name]
    operation = written(MIXED, [random_point(source, one) for one in range(40)])

    rows = operation.slots[name]
    batch = slot_batch(rows, layout, 40)

    assert slot_rows(batch, layout) == rows
    assert batch.row_count == 40


def test_ragged_slots_are_gathered_piece_by_piece_in_any_order(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("shared.segment.gather.WRITE_BYTES", 40)
    state = new_state(MIXED)
    apply_all(state, *(written(MIXED, batch) for batch in some_points(2)), Seal("a00000001"))
    segment = state.segments()[0]
    live = LiveRows.of([segment]).reordered(np.random.default_rng(4).permutation(segment.live_count))
    offsets = live.offsets("words")

    pieces = list(live.elements("words", "indices", offsets, 4))

    slot = segment.slot("words")
    assert isinstance(slot, SparseIndex)
    expected = [slot.indices[slot.offsets[row] : slot.offsets[row + 1]] for row in live.rows.tolist()]
    assert np.concatenate(pieces).tolist() == np.concatenate(expected).tolist()
    assert max(len(piece) for piece in pieces) <= 6
    assert np.diff(offsets).tolist() == [len(one) for one in expected]


def test_a_segment_written_before_there_were_kinds_is_read(tmp_path: Path) -> None:
    state, disk = new_state(), Disk(tmp_path)
    apply_all(state, upsert(points(5)), Seal("a00000001"))
    disk.checkpoint(state)
    header = tmp_path / "segments" / "a00000001" / HEADER_NAME
    before = header.read_bytes().partition(b"\n")[2]
    older = before.replace(b',"kind":"dense","datatype":"float32","born":0', b"")
    assert older != before

    _rewrite(header, older)
    opened = SealedSegment.open(header.parent, layout=state.segments()[0].layout)

    assert logical_checksum([opened]) == logical_checksum(state.segments())


def _rewrite(header: Path, body: bytes) -> None:
    header.write_bytes(f"shoal-segment 1 {xxhash.xxh3_64_intdigest(body):016x}\n".encode() + body)


def _multi(rows: list[list[float]], point_id: int = 1) -> Upsert:
    packed = np.array(rows, "<f4").tobytes()
    return Upsert([point_id], {"many": SlotRows(2, packed, b"", np.uint32([len(rows)]).tobytes())}, [b""])


def _words(count: int) -> dict[str, list[float]]:
    return {"indices": list(range(count)), "values": [1.0] * count}


def _astuples(slots: dict[str, object]) -> dict[str, tuple[int, int]]:
    return {name: (slot.vectors, slot.bytes) for name, slot in slots.items()}  # type: ignore[attr-defined]


@pytest.mark.parametrize(
    ("distance", "datatype"), [(Distance.EUCLID, Datatype.FLOAT16), (Distance.COSINE, Datatype.UINT8)]
)
def test_fresh_rows_of_any_datatype_have_the_codes_of_what_they_mean(distance: Distance, datatype: Datatype) -> None:
    layout = SlotLayout(64, distance, SlotKind.DENSE, datatype)
    stored = narrowed(layout, np.abs(50 * vectors(1400, 64)) + 1)
    slots = growing_slot(layout, 7), growing_slot(SlotLayout(64, distance), 7)

    for first, last in ((0, 600), (600, 1100), (1100, 1101), (1101, 1400)):
        for slot, rows in zip(slots, (stored, widened(layout, stored)), strict=True):
            slot.append(SlotBatch(rows[first:last], None), last - first)

    codes, plain = (slot.sealed().index.codes.groups for slot in slots)  # type: ignore[union-attr]
    assert codes is not None
    assert plain is not None
    assert codes.count == 1400
    for name, array in plain.arrays().items():
        np.testing.assert_array_equal(codes.arrays()[name], array)


RAGGED = {"vectors": np.zeros((5, 2), np.float32), "offsets": np.array([0, 2, 5])}
PAIRS = {"indices": np.zeros(3, np.uint32), "values": np.zeros(3, np.float32), "offsets": np.array([0, 3])}


@pytest.mark.parametrize(
    ("kind", "arrays"),
    [
        (SlotKind.MULTI, {"offsets": np.array([0, 2, 6])}),
        (SlotKind.MULTI, {"offsets": np.array([0, 7, 5])}),
        (SlotKind.MULTI, {"offsets": np.array([1, 2, 5])}),
        (SlotKind.MULTI, {"offsets": np.array([0, 2, 5], np.int32)}),
        (SlotKind.MULTI, {"offsets": np.empty(0, np.int64)}),
        (SlotKind.MULTI, {"vectors": np.zeros((5, 3), np.float32)}),
        (SlotKind.MULTI, {"vectors": np.zeros((5, 2), np.float16)}),
        (SlotKind.SPARSE, {"indices": np.zeros(2, np.uint32)}),
        (SlotKind.SPARSE, {"values": np.zeros(3, np.float64)}),
        (SlotKind.SPARSE, {"offsets": np.array([0, 2])}),
        (SlotKind.DENSE, {"vectors": np.zeros((2, 2), np.uint8)}),
    ],
)
def test_arrays_that_do_not_fit_one_another_are_not_opened(kind: SlotKind, arrays: dict[str, np.ndarray]) -> None:
    whole = {**(PAIRS if kind is SlotKind.SPARSE else RAGGED), **arrays}
    layout = SlotLayout(0 if kind is SlotKind.SPARSE else 2, Distance.DOT, kind)

    with pytest.raises(ValueError, match="expected"):
        slot_of_arrays(0, layout, {f"0.{name}": array for name, array in whole.items()}, SlotPlacement())


def test_figures_follow_rows_that_come_and_die() -> None:
    state = new_state(MIXED)
    apply_all(state, written(MIXED, [{"id": one, "vector": {"words": _words(2)}} for one in range(4)]))
    first = state.segments()[0].figures()

    apply_all(state, written(MIXED, [{"id": 9, "vector": {"words": _words(5)}}]), delete(0, 1))

    assert (first.vectors, first.vector_bytes) == (4, 64)
    after = state.segments()[0].figures()
    assert (after.vectors, after.vector_bytes, after.live) == (3, 2 * 16 + 40, 3)
