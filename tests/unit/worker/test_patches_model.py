"""Random logs of operations on many points at once: however replicas keep what they change, they hold the same.

Segments are larger here than what becomes entries of single rows, so that changes lie in layers, are stored as layers,
folded by builds and carried over swaps, at other moments on each replica.
"""

import json
import random
import shutil
from pathlib import Path

import pytest
from msgspec.structs import replace

from shared.schema.collections import SealConfig
from shared.schema.filters import Filter
from shared.schema.operations import ClearPayload, Delete, DeletePayload, Operation, OverwritePayload, Seal, SetPayload
from shared.segment.checksum import logical_checksum
from shared.segment.marks import FEW_ROWS
from tests.builders import config, is_empty, match, point, upsert, within
from tests.unit.worker.shard_log import Disk, Model, Replica, content, random_operation

COUNT = 1200
CONFIG = config(seal=SealConfig(vector_bytes=2**30, rows=700))
STEPS = 30

BULK = SetPayload | OverwritePayload | DeletePayload | ClearPayload


def _bulk_operation(source: random.Random) -> Operation:
    """Return an operation on a large part of the points, by a filter or by ids."""
    some = json.dumps({source.choice("abc"): source.choice([0, 5, 9, None, [1, 2]])}).encode()
    choices: list[BULK] = [
        SetPayload([], some),
        SetPayload([], some),
        SetPayload([], b'{"b":1,"a":%d}' % source.randint(0, 9)),
        DeletePayload([], source.sample("abc", 2)),
        OverwritePayload([], some),
        ClearPayload([]),
    ]
    operation = source.choices(choices, (4, 4, 4, 2, 1, 0.3))[0]
    if source.random() < 0.3:
        return replace(operation, ids=source.sample(range(COUNT), COUNT // 2))
    return replace(operation, filter=_some_filter(source))


def _some_filter(source: random.Random) -> Filter:
    conditions = [within("n", lt=source.randint(300, COUNT)), match("a", 0, 5, 9), is_empty("b"), within("a", gte=3)]
    return Filter(must=[source.choice(conditions)])


def _written_log(seed: int, directory: Path) -> tuple[list[Operation], Replica, Model]:
    source = random.Random(seed)
    leader, model = Replica(source, Disk(directory), CONFIG), Model()
    log: list[Operation] = [upsert([point(one, payload={"n": one, "a": one % 10}) for one in range(COUNT)])]
    leader.state.apply(1, log[0])
    model.apply(log[0])
    layers = builds = 0
    while len(log) < STEPS:
        leader.step(restarts=False)
        roll = source.random()
        operation = _bulk_operation(source) if roll < 0.6 else random_operation(source, COUNT)
        sealed = [one.segment_id for one in leader.state.segments()[:-1]]
        if roll > 0.96:
            operation = Delete([], Filter(must=[within("n", gte=500, lt=620)]))
        elif sealed and roll > 0.85:
            builds += 1
            operation = leader.disk.build(leader.state, source.sample(sealed, 1), f"b{builds:016x}")
        elif roll > 0.8:
            operation = Seal(leader.state.appendable_id)
        log.append(operation)
        leader.state.apply(len(log), operation)
        model.apply(operation)
        layers += sum(len(segment.overlay.layers) for segment in leader.state.segments())
    assert layers > STEPS, f"seed {seed}: operations on more than {FEW_ROWS} rows leave layers"
    return log, leader, model


@pytest.mark.parametrize("seed", range(3))
def test_replicas_that_fold_patches_at_other_moments_hold_the_same(seed: int, tmp_path: Path) -> None:
    log, leader, model = _written_log(seed, tmp_path / "leader")
    outputs = list((tmp_path / "leader" / "segments").glob("b*"))
    checksums = set()
    assert leader.switched > 0

    for number in range(2):
        directory = tmp_path / f"replica-{number}"
        for path in outputs:
            shutil.copytree(path, directory / "segments" / path.name)
        replica = Replica(random.Random(f"{seed}-{number}"), Disk(directory), CONFIG)
        while replica.state.applied < len(log):
            replica.state.apply(replica.state.applied + 1, log[replica.state.applied])
            replica.step(restarts=True)
        checksums.add(logical_checksum(replica.state.segments()))
        assert content(replica.state) == model.points, f"seed {seed}"

    assert checksums == {logical_checksum(leader.state.segments())}, f"seed {seed}"
