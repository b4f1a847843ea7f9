"""`shoal check` and column files: damage is told, and is none of the segment's."""

from pathlib import Path

from services.check.inspect import inspect_shard
from shared.schema.operations import Seal
from shared.schema.payload_index import FieldType, PayloadIndex
from tests.builders import config, points, upsert
from tests.unit.worker.shard_log import COLLECTION, Disk, apply_all, new_state


def test_a_damaged_column_file_is_told_and_its_segment_is_whole(tmp_path: Path) -> None:
    directory = tmp_path / COLLECTION / "0"
    state = new_state(config(payload_indexes={"n": PayloadIndex(type=FieldType.INTEGER)}))
    apply_all(state, upsert(points(10, payload={"n": 1})), Seal("a00000001"))
    [segment] = state.sealed()
    for key, kind in segment.columns.unbuilt():
        segment.columns.build(key, kind)
    Disk(directory).checkpoint(state)
    whole = inspect_shard(directory)

    column = next(directory.glob("chunks/*.column.*"))
    column.write_bytes(column.read_bytes()[:-1] + b"?")
    damaged = inspect_shard(directory)

    assert whole.problems == []
    assert damaged.points == whole.points == 10
    [problem] = damaged.problems
    assert problem.startswith("segment a00000001: column `n` will be built anew: ")
