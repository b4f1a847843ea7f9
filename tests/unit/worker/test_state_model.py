"""Random logs: whenever checkpoints are frozen, swaps switched and workers restarted, a log gives one content."""

import random
import shutil
from pathlib import Path

import pytest

from services.worker.state import Checkpoint, ShardState
from shared.schema.operations import Operation, Seal
from shared.segment.checksum import logical_checksum
from shared.segment.swap import Succession
from shared.store.manifest import PendingSwap
from tests.unit.worker.shard_log import Disk, Model, content, new_state, random_operation, switch

STEPS = 80


class _Replica:
    """A state whose swaps are prepared, switched, checkpointed and reloaded at moments of its own."""

    def __init__(self, source: random.Random, disk: Disk) -> None:
        self.source = source
        self.disk = disk
        self.state: ShardState = new_state()
        self.switched = 0
        self._prepared: tuple[PendingSwap, Succession] | None = None
        self._frozen: Checkpoint | None = None

    def step(self, restarts: bool) -> None:
        """Do none, some or all of what may happen between two operations."""
        ready = next((swap for swap in self.state.pending if self.state.mounted(swap.inputs)), None)
        if self._prepared is not None and self.source.random() < 0.4:
            switch(self.state, *self._prepared)
            self.switched += 1
            self._prepared = None
        elif self._prepared is None and ready is not None and self.source.random() < 0.4:
            self._prepared = ready, self.disk.prepared(self.state, ready)
        if self._frozen is None and self.source.random() < 0.2:
            self._frozen = self.state.freeze(self.disk.durable)
        elif self._frozen is not None and self.source.random() < 0.3:
            self.disk.write(self._frozen)
            self._frozen = None
        if restarts and self.disk.durable and self.source.random() < 0.05:
            self.state, self._prepared, self._frozen = self.disk.load(), None, None


def _written_log(seed: int, directory: Path) -> tuple[list[Operation], _Replica, Model]:
    """Write a log with swaps in it, as a leader and an optimizer would."""
    source = random.Random(seed)
    leader, model = _Replica(source, Disk(directory)), Model()
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
        replica = _Replica(random.Random(f"{seed}-{number}"), Disk(directory))
        while replica.state.applied < len(log):
            replica.state.apply(replica.state.applied + 1, log[replica.state.applied])
            replica.step(restarts=number > 0)
        checksums.add(logical_checksum(replica.state.segments()))
        assert content(replica.state) == model.points, f"seed {seed}"

    assert leader.switched > 0
    assert checksums == {logical_checksum(leader.state.segments())}, f"seed {seed}"
