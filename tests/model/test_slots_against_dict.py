"""Random upserts, deletes, seals, builds, restarts, slots added and removed: always what a plain dictionary says.

The seed is in the test's name; `steps` of a failing run are in its message.
"""

import random
from pathlib import Path
from typing import Any

import pytest

from services.worker.state import ShardState
from shared.schema.collections import CollectionConfig, SealConfig
from shared.schema.operations import Config, DeleteVectors, Seal, UpdateVectors
from shared.segment.checksum import logical_checksum
from shared.segment.sealed import SealedSegment
from tests.builders import delete
from tests.kinds import MIXED, random_point, read, shown_by_slot, written
from tests.unit.worker.shard_log import Disk, apply_all, new_state, switch

IDS = range(30)
START = MIXED.model_copy(update={"seal": SealConfig(vector_bytes=2**30, rows=40)})


class Machine:
    """A shard beside a dictionary of points as reads must show them, by slot."""

    def __init__(self, seed: int, directory: Path) -> None:
        self.source = random.Random(seed)
        self.state: ShardState = new_state(START)
        self.disk = Disk(directory)
        self.points: dict[int, dict[str, Any]] = {}
        self.steps: list[str] = []
        self.builds = 0

    @property
    def config(self) -> CollectionConfig:
        return self.state.config

    def step(self) -> None:
        kinds = ["upsert"] * 6 + ["update"] * 4 + ["delete"] * 3 + ["strip", "remove", "add"] * 2
        kinds += ["seal", "restart", "build"]
        kind = self.source.choice(kinds)
        self.steps.append(kind)
        getattr(self, kind)()

    def upsert(self) -> None:
        chosen = self.source.sample(IDS, self.source.randint(1, 8))
        points = [random_point(self.source, one, self.config) for one in chosen]
        apply_all(self.state, written(self.config, points))
        for point in points:
            self.points[point["id"]] = shown_by_slot(point, self.config)

    def delete(self) -> None:
        chosen = self.source.sample(IDS, self.source.randint(1, 4))
        apply_all(self.state, delete(*chosen))
        for one in chosen:
            self.points.pop(one, None)

    def update(self) -> None:
        """Give some points other vectors in some slots."""
        chosen = self.source.sample(IDS, self.source.randint(1, 8))
        points = [random_point(self.source, one, self.config) for one in chosen]
        given = written(self.config, points)
        [outcome] = apply_all(self.state, UpdateVectors(given.ids, given.slots))
        assert outcome.missing == [one for one in chosen if one not in self.points], self.steps
        for point in points:
            if point["id"] in self.points:
                self.points[point["id"]] |= shown_by_slot(point, self.config)

    def strip(self) -> None:
        """Take the vectors of some slots away from some points."""
        names = [name for name in (*self.config.vectors, *self.config.sparse_vectors) if self.source.random() < 0.3]
        chosen = self.source.sample(IDS, self.source.randint(1, 8))
        apply_all(self.state, DeleteVectors(list(chosen), names))
        for one in chosen:
            if one in self.points:
                self.points[one] = {name: row for name, row in self.points[one].items() if name not in names}

    def seal(self) -> None:
        apply_all(self.state, Seal(self.state.appendable_id))

    def restart(self) -> None:
        before = logical_checksum(self.state.segments())
        self.disk.checkpoint(self.state)
        self.state = self.disk.load()
        assert logical_checksum(self.state.segments()) == before, self.steps

    def build(self) -> None:
        inputs = [segment.segment_id for segment in self.state.segments() if isinstance(segment, SealedSegment)]
        if not inputs:
            return
        self.builds += 1
        apply_all(self.state, self.disk.build(self.state, inputs, f"b{self.builds}"))
        succession = self.disk.prepared(self.state, self.state.pending[0])
        switch(self.state, self.state.pending[0], succession)

    def remove(self) -> None:
        given = self.config
        names = [*given.vectors, *given.sparse_vectors]
        if not names:
            return
        gone = self.source.choice(names)
        self._configure(
            {name: params for name, params in given.vectors.items() if name != gone},
            {name: params for name, params in given.sparse_vectors.items() if name != gone},
        )
        for vectors in self.points.values():
            vectors.pop(gone, None)

    def add(self) -> None:
        given, born = self.config, {"born": self.state.config_generation + 1}
        dense = [name for name in START.vectors if name not in given.vectors]
        if dense:
            name = self.source.choice(dense)
            self._configure({**given.vectors, name: START.vectors[name].model_copy(update=born)}, given.sparse_vectors)
        elif not given.sparse_vectors:
            words = START.sparse_vectors["words"].model_copy(update=born)
            self._configure(given.vectors, {"words": words})

    def _configure(self, vectors: dict[str, Any], sparse: dict[str, Any]) -> None:
        changed = self.config.model_copy(update={"vectors": vectors, "sparse_vectors": sparse})
        entry = Config(self.state.config_generation + 1, changed.model_dump_json().encode())
        apply_all(self.state, entry)

    def check(self) -> None:
        expected = {
            one: vectors[""] if list(vectors) == [""] else vectors for one, vectors in sorted(self.points.items())
        }
        assert read(self.state.segments(), self.config, IDS) == expected, self.steps


@pytest.mark.parametrize("seed", range(6))
def test_slots_hold_what_a_dictionary_holds(seed: int, tmp_path: Path) -> None:
    machine = Machine(seed, tmp_path)

    for _ in range(90):
        machine.step()
        machine.check()

    expected = {"upsert", "update", "delete", "strip", "seal", "restart", "build", "remove", "add"}
    assert expected <= set(machine.steps)
