"""Builds of collections whose rows a payload field orders: planned, built as asked, and then nothing is left to do."""

import uuid
from pathlib import Path
from typing import Any

import msgspec
import pytest

from services.optimizer.build import build
from services.optimizer.messages import BuildOrder
from shared.log.connection import connect
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.policies.choose import choose
from shared.schema.collections import CollectionConfig
from shared.schema.queries import SegmentSummary
from shared.schema.segments import SlotFigures, builds_of
from shared.segment.sealed import SealedSegment
from tests import builders
from tests.unit.optimizer.sealed_points import sealed_entry
from tests.unit.optimizer.shard_stand_in import LIMITS, ShardStandIn

KEY = ShardKey("5f0c0c5e-0000-4000-8000-000000000002", 0)
ROWS, DIM = 280, 64


@pytest.mark.parametrize(
    ("hnsw", "index", "order"),
    [
        ({"m": 0, "payload_m": 8}, {"type": "integer"}, "groups of integer row"),
        ({"m": 8}, {"type": "integer", "is_principal": True}, "values of integer row"),
    ],
)
async def test_a_built_segment_is_ordered_as_planned_and_needs_nothing_more(
    tmp_path: Path, hnsw: dict[str, Any], index: dict[str, Any], order: str
) -> None:
    config = CollectionConfig.model_validate(
        {
            "vectors": {"": {"size": DIM, "distance": "Cosine"}},
            "hnsw_config": hnsw,
            "optimizers_config": {"indexing_threshold": 10},
            "payload_indexes": {"row": index},
        }
    )
    shard = ShardStandIn(tmp_path, Wal(connect(f"memory://{uuid.uuid4().hex}")), KEY, config)
    entry = sealed_entry(shard, config, "a0", builders.unit(builders.vectors(ROWS, DIM)), range(ROWS))
    await shard.open(entry)
    fresh = _summary("a0", "sealed", ROWS, {})

    (plan,) = choose([fresh], config, LIMITS)
    output = tmp_path / "b1"
    build(
        BuildOrder("j", str(shard.directory), str(output), "b1", msgspec.json.encode(shard.manifest), ["a0"],
                   plan.graphs, 1, 0.9),
        lambda *_: None,
    )  # fmt: skip

    segment = SealedSegment.open(output)
    after = choose([_summary("b1", segment.state, segment.count, segment.parts.built)], config, LIMITS)
    rows = [msgspec.json.decode(segment.payload(row))["row"] for row in range(segment.count)]
    assert segment.parts.built == builds_of(config)
    assert segment.parts.built[""].order == order
    assert rows[:-1] == sorted(rows[:-1])
    assert rows[-1] == "changed"
    assert (segment.state, after) == ("indexed", [])


def _summary(name: str, state: str, rows: int, built: dict[str, Any]) -> SegmentSummary:
    size = rows * DIM * 4
    return SegmentSummary(name, state, rows, rows, rows, size, slots={"": SlotFigures(rows, size)}, built=built)
