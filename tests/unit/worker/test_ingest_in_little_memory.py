"""Vectors on disk: a shard takes more of them than it may hold. Measured in a process of its own."""

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.memory_cgroup import memory_cgroup

ROOT = Path(__file__).resolve().parents[3]

DIM, ROWS, BATCH = 512, 24_576, 512
RAW_MB = DIM * ROWS * 4 / 2**20
LIMIT_MB = RAW_MB * 3 / 4
"""What the process may take after the first few batches: in a cgroup, or by RLIMIT_DATA where none can be made."""

INGEST = """
import asyncio, resource, sys
from pathlib import Path
import numpy as np
from services.worker.successor import Successor
from shared.schema.collections import CollectionConfig, SealConfig, VectorParams
from shared.schema.operations import SlotRows, Upsert
from shared.segment.index.base import SlotSearch
from tests.unit.worker.test_publisher import Stage

dim, rows, batch, on_disk = int(sys.argv[1]), int(sys.argv[2]), int(sys.argv[3]), sys.argv[4] == "True"
warm_rows = 6 * batch

def figures():
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    found = {line.split()[0]: int(line.split()[1]) / 1024 for line in lines[1:]}
    return found["Pss:"]

def limit(more, group):
    if group:
        Path(group, "cgroup.procs").write_text("0")
        return
    status = open("/proc/self/status").read().splitlines()
    held = next(int(line.split()[1]) * 1024 for line in status if line.startswith("VmData:"))
    resource.setrlimit(resource.RLIMIT_DATA, (held + more, held + more))

def config():
    vectors = {"": VectorParams(size=dim, distance="Dot", on_disk=on_disk)}
    return CollectionConfig(vectors=vectors, seal=SealConfig(vector_bytes=16 * 2**20, rows=10**6))

def best_of(state, query):
    slots = [segment.slot("") for segment in state.segments() if segment.count]
    return max(float(slot.search(query, SlotSearch(1, exact=True))[1][0]) for slot in slots)

async def main():
    stage = Stage(Path(sys.argv[5]), config())
    successor = Successor(stage.shard, stage.publisher, Path(sys.argv[5]), stage.disk)
    stage.publisher.on_published = successor.look
    stage.publisher.start()
    successor.start()
    state = stage.shard.state
    draw = np.random.default_rng(1)
    before, most = 0.0, 0.0
    for first in range(0, rows, batch):
        block = draw.standard_normal((batch, dim)).astype("<f4")
        ids = list(range(first, first + batch))
        stage.write(Upsert(ids, {"": SlotRows(dim, block.tobytes())}, [b"{}"] * batch), is_urgent=True)
        while state.unsaved() or state.misplaced():
            await asyncio.sleep(0.005)
        if first < warm_rows:
            await stage.checkpoint(state.applied)
            best_of(state, block[7])
        elif not before:
            before = figures()
            limit(int(float(sys.argv[6]) * 2**20), sys.argv[7])
        most = max(most, figures() - before) if before else 0.0
    query = block[7]
    print(most, sum(segment.live_count for segment in state.segments()), best_of(state, query), float(query @ query))
    await stage.publisher.stop()
    await successor.stop()
    stage.disk.shutdown()

asyncio.run(main())
"""


def test_more_vectors_on_disk_are_taken_than_are_held_in_memory(tmp_path: Path) -> None:
    with memory_cgroup(int(LIMIT_MB * 2**20)) as group:
        arguments = [str(DIM), str(ROWS), str(BATCH), "True", str(tmp_path), str(LIMIT_MB), str(group or "")]
        command = [sys.executable, "-c", INGEST, *arguments]
        done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60, cwd=ROOT)

    assert done.returncode == 0, done.stderr
    most, points, best, own = map(float, done.stdout.split())
    assert points == ROWS
    assert abs(best - own) < 1e-3 * own
    assert most < RAW_MB / 2


def test_the_limit_kills_a_process_that_holds_all_vectors() -> None:
    with memory_cgroup(int(LIMIT_MB * 2**20)) as group:
        if group is None:
            pytest.skip("no cgroup can be made here")
        hold = "import pathlib, sys; pathlib.Path(sys.argv[1], 'cgroup.procs').write_text('0'); b'x' * int(sys.argv[2])"
        done = subprocess.run(
            [sys.executable, "-c", hold, str(group), str(int(RAW_MB * 2**20))], check=False, timeout=60
        )

    assert done.returncode == -signal.SIGKILL
