"""Declared indexes in the state: every segment knows them, and what is built decides nothing."""

from pathlib import Path

from services.worker.state import ShardState
from shared.schema.filters import Filter, MatchText
from shared.schema.operations import Config, Delete, Operation, Seal, SetPayload
from shared.schema.payload_index import FieldType, PayloadIndex
from shared.segment.checksum import logical_checksum
from tests.builders import config, payload_text, point, upsert
from tests.unit.worker.shard_log import Disk, apply_all, content, new_state, switch

TEXT = PayloadIndex(type=FieldType.TEXT, stopwords="english")
WORDS = ("The House", "house and garden", "HOUSES", "a tree")


def declared(generation: int, **indexes: PayloadIndex) -> Config:
    return Config(generation, config(payload_indexes=indexes).model_dump_json().encode())


def written(first: int) -> Operation:
    return upsert([point(first + place, payload={"text": text}) for place, text in enumerate(WORDS)])


def known_to(state: ShardState) -> list[list[str]]:
    return [list(segment.columns.declared) for segment in state.segments()]


def test_every_segment_knows_the_declared_indexes_however_it_came(tmp_path: Path) -> None:
    disk = Disk(tmp_path)
    state = new_state()
    apply_all(state, written(1), Seal("a00000001"), written(10), declared(2, text=TEXT))
    on_live_data = known_to(state)
    apply_all(state, Seal("a00000002"), written(20))
    after_a_seal = known_to(state)
    disk.checkpoint(state)
    swap = disk.build(state, ["a00000001", "a00000002"], "b1")
    apply_all(state, swap)
    [pending] = state.pending
    switch(state, pending, disk.prepared(state, pending))
    after_a_switch = known_to(state)
    disk.checkpoint(state)

    after_a_restart = known_to(disk.load())
    apply_all(state, declared(3))

    assert on_live_data == after_a_switch == after_a_restart == [["text"], ["text"]]
    assert after_a_seal == [["text"]] * 3
    assert known_to(state) == [[], []]


def test_operations_by_a_filter_on_texts_mean_the_same_built_or_not() -> None:
    log = [
        written(1),
        Seal("a00000001"),
        written(10),
        declared(2, text=TEXT),
        SetPayload([], payload_text({"has": "house"}), Filter(must=[MatchText("text", "the HOUSE")])),
        declared(3),
        Delete([], Filter(must=[MatchText("text", "the house")])),
    ]
    lazy, eager = new_state(), new_state()

    for operation in log:
        apply_all(lazy, operation)
        apply_all(eager, operation)
        for segment in eager.sealed():
            for key, kind in segment.columns.unbuilt():
                segment.columns.build(key, kind)

    assert logical_checksum(lazy.segments()) == logical_checksum(eager.segments())
    assert {number: "has" in payload for number, payload in content(lazy).items()} == {
        2: True,
        3: False,
        4: False,
        11: True,
        12: False,
        13: False,
    }
