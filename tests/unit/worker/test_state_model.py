"""Random logs: whenever checkpoints are frozen, swaps switched and workers restarted, a log gives one content."""

import random
import shutil
from pathlib import Path

import pytest

from shared.schema.operations import Operation, Seal
from shared.segment.checksum import logical_checksum
from tests.unit.worker.shard_log import Disk, Model, Replica, content, random_operation

STEPS = 80


def _written_log(seed: int, directory: Path) -> tuple[list[Operation], Replica, Model]:
    """Write a log with swaps in it, as a leader and an optimizer would."""
    source = random.Random(seed)
    leader, model = Replica(source, Disk(directory)), Model()
    log: list[Operation] = []
    builds = 0
    for _ in range(STEPS):
        leader.step(restarts=False)
        operation = random_operation(source)
        if source.random() < 0.1:
            operation = Seal(leader.state.appendable_id)
        sealed = [one.segment_id for one in leader.state.segments()[:-1]]
        if sealed and source.random() < 0.15:
            builds += 1
            inputs = source.sample(sealed, source.randint(1, len(sealed)))
            operation = leader.disk.build(leader.state, inputs, f"b{builds:016x}")
        log.append(operation)
        leader.state.apply(len(log), operation)
        model.apply(operation)
    return log, leader, model


@pytest.mark.parametrize("seed", range(8))
def test_timing_of_checkpoints_swaps_and_restarts_changes_no_content(seed: int, tmp_path: Path) -> None:
    log, leader, model = _written_log(seed, tmp_path / "leader")
    outputs = list((tmp_path / "leader" / "segments").glob("b*"))
    checksums = set()

    for number in range(3):
        directory = tmp_path / f"replica-{number}"
        for path in outputs:
            shutil.copytree(path, directory / "segments" / path.name)
        replica = Replica(random.Random(f"{seed}-{number}"), Disk(directory))
        while replica.state.applied < len(log):
            replica.state.apply(replica.state.applied + 1, log[replica.state.applied])
            replica.step(restarts=number > 0)
        checksums.add(logical_checksum(replica.state.segments()))
        assert content(replica.state) == model.points, f"seed {seed}"

    assert leader.switched > 0
    assert checksums == {logical_checksum(leader.state.segments())}, f"seed {seed}"
