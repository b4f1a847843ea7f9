"""The real builder on 2,000 real points: sealed segments in, one indexed segment out."""

import os
import signal
import uuid
from pathlib import Path
from typing import NamedTuple

import msgspec
import numpy as np
import numpy.typing as npt
import pytest

from services.demo.sample import SHIPPED, load_sample
from services.optimizer.builder import BuildFailed, ProcessBuilder
from services.optimizer.manifests import Manifests
from services.optimizer.messages import BuildOrder, Progress
from shared.clock import SystemClock
from shared.log.connection import connect
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.policies.plan import Plan
from shared.schema.collections import Distance, OptimizersConfig
from shared.segment.index.base import SlotSearch
from shared.segment.sealed import SealedSegment
from shared.settings import Settings
from tests import builders
from tests.unit.optimizer.sealed_points import sealed_entry
from tests.unit.optimizer.shard_stand_in import LIMITS, ShardStandIn

KEY = ShardKey("5f0c0c5e-0000-4000-8000-000000000001", 0)
ROWS = 2000


class Place(NamedTuple):
    """A shard with two sealed segments of real points, of which every seventh is deleted and some have new payloads."""

    shard: ShardStandIn
    vectors: npt.NDArray[np.float32]
    live: npt.NDArray[np.int64]

    def order(self, job_id: str, recall_target: float = 0.95) -> BuildOrder:
        manifest = self.shard.manifest
        (plan,) = choose_plans(manifest_path=self.shard.directory, key=KEY)
        return BuildOrder(
            job_id=job_id,
            directory=str(self.shard.directory),
            output=str(self.shard.directory / "building" / job_id / "b1"),
            output_id="b1",
            manifest=msgspec.json.encode(manifest),
            inputs=plan.inputs,
            graphs=plan.graphs,
            threads=2,
            recall_target=recall_target,
        )


def choose_plans(manifest_path: Path, key: ShardKey) -> list[Plan]:
    view = Manifests(manifest_path.parents[2], SystemClock(), LIMITS).view(key)
    assert view is not None
    return view.plans


@pytest.fixture
async def place(tmp_path: Path) -> Place:
    vectors = load_sample(SHIPPED).vectors[:ROWS]
    config = builders.config(
        dim=vectors.shape[1], distance=Distance.COSINE, optimizers_config=OptimizersConfig(indexing_threshold=100)
    )
    shard = ShardStandIn(tmp_path, Wal(connect(f"memory://{uuid.uuid4().hex}")), KEY, config)
    half = ROWS // 2
    entries = [
        sealed_entry(shard, config, f"a{number}", vectors, range(number * half, (number + 1) * half))
        for number in range(2)
    ]
    await shard.open(*entries)
    return Place(shard, vectors, np.flatnonzero(np.arange(ROWS) % 7 != 0))


async def silent(_progress: Progress) -> None:
    """Listen to nothing."""


@pytest.mark.timeout(300)
async def test_output_holds_the_live_points_and_finds_them(place: Place) -> None:
    builder = ProcessBuilder(Settings(optimizer_nice=0), 2)
    stages: list[str] = []

    async def note(progress: Progress) -> None:
        stages.append(progress.stage)

    order = place.order("j1")

    built = await builder.build(order, note)
    await builder.stop()

    output = SealedSegment.open(Path(order.output))
    rows = np.arange(output.count)
    assert sorted(output.ids(rows)) == place.live.tolist()
    assert built.rows == output.live_count == len(place.live)
    assert built.recall is not None
    assert built.recall >= 0.95
    assert output.parts.recall == built.recall
    assert sum(output.payload(row) == b'{"row":"changed"}' for row in rows.tolist()) == 2
    assert recall_of(output, place) >= 0.95
    assert {"gather", "codes", "points", "recall"} <= set(stages)


def recall_of(output: SealedSegment, place: Place) -> float:
    """Return recall@10 of the graph for the sample's queries against brute force over the live points."""
    queries = load_sample(SHIPPED).queries[:50]
    slot = output.slot("")
    assert slot is not None
    assert slot.graph is not None
    truth = place.live[np.argsort(-(queries @ place.vectors[place.live].T), axis=1)[:, :10]]
    found = [output.ids(slot.search(query, SlotSearch(limit=10))[0]) for query in queries]
    return float(np.mean([len(set(ids) & set(best.tolist())) / 10 for ids, best in zip(found, truth, strict=True)]))


@pytest.mark.timeout(300)
async def test_graph_that_cannot_reach_the_target_fails_with_its_figures(place: Place) -> None:
    builder = ProcessBuilder(Settings(optimizer_nice=0), 2)
    order = place.order("j2", recall_target=1.1)

    with pytest.raises(BuildFailed, match="with 3 graphs, each denser") as failure:
        await builder.build(order, silent)
    await builder.stop()

    assert failure.value.kind == "RecallMissed"
    assert not Path(order.output).exists()


@pytest.mark.timeout(300)
async def test_builder_killed_in_the_middle_leaves_the_inputs_whole(place: Place) -> None:
    builder = ProcessBuilder(Settings(optimizer_nice=0), 2)

    async def kill(progress: Progress) -> None:
        if progress.stage == "codes":
            assert builder.pid is not None
            os.kill(builder.pid, signal.SIGKILL)

    with pytest.raises(BuildFailed, match="ended with code -9"):
        await builder.build(place.order("j3"), kill)

    built = await builder.build(place.order("j4"), silent)
    await builder.stop()
    assert built.rows == len(place.live)
