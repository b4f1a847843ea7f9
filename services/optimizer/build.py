"""The work itself: one segment out of several, measured before anyone sees it. Runs in the builder, never in the loop.

1. open     the inputs as the manifest names them, with the tombstones and payload changes of its checkpoint
2. build    one segment directory
3. measure  recall@10 of each graph against exact search, the worst one counts
4. again    with a denser graph while the recall misses the target, at most `attempts` graphs in all
5. record   the figure in the segment's header
"""

import shutil
import time
from dataclasses import replace
from pathlib import Path

import msgspec

from services.optimizer.builder_process import Report
from services.optimizer.messages import BuildOrder, Built, RecallMissed
from shared.schema.collections import CollectionConfig
from shared.schema.row_order import row_order_of
from shared.segment.builder import BuildSpec, SegmentBuilder, record_recall
from shared.segment.checkpoint import load_segment
from shared.segment.index.base import SlotIndex
from shared.segment.index.graph_build import warm_builder
from shared.segment.index.recall import measure_recall
from shared.segment.layout import Plans, layout_of, plans_of, rotation_seed
from shared.segment.placement import Placement, placement_of
from shared.segment.sealed import SealedSegment
from shared.store.manifest import Manifest

DENSER = 1.5
"""Each attempt's graph is so much denser than the one before."""


def build(order: BuildOrder, report: Report) -> Built:
    """Carry out an order. Raises RecallMissed, FileNotFoundError (an input vanished), Corrupt."""
    began = time.monotonic()
    manifest = msgspec.json.decode(order.manifest, type=Manifest)
    config = CollectionConfig.model_validate_json(manifest.config)
    spec = BuildSpec(
        segment_id=order.output_id,
        layout=layout_of(config),
        plans=_plans(config, order.graphs),
        seed=rotation_seed(manifest.collection),
        generation=manifest.config_generation,
        threads=order.threads,
        row_order=row_order_of(config),
    )
    inputs = _open(order, manifest, spec, placement_of(config))
    output = Path(order.output)
    figures: list[float] = []
    for attempt in range(1, order.attempts + 1):
        builder = SegmentBuilder(replace(spec, density=DENSER ** (attempt - 1)), progress=report)
        for segment in inputs:
            builder.add(segment)
        built = builder.build(output)
        found, judged = _recall(output, report, order.recall_target, placement_of(config))
        if judged >= order.recall_target:
            if found is not None:
                record_recall(output, found)
            return Built(built.rows, built.size_bytes, found, attempt, time.monotonic() - began)
        figures.append(judged)
        shutil.rmtree(output)
    missed = ", ".join(f"{figure:.3f}" for figure in figures)
    raise RecallMissed(f"recall@10 {missed} with {len(figures)} graphs, each denser, target {order.recall_target}")


def warm() -> None:
    """Pay for compilation before the first order."""
    warm_builder()


def _plans(config: CollectionConfig, graphs: list[str]) -> Plans:
    """Return how the slots are built: those that are not to get a graph are built as under `m` 0."""
    return {
        name: plan if name in graphs else plan._replace(hnsw=plan.hnsw.model_copy(update={"m": 0, "payload_m": 0}))
        for name, plan in plans_of(config).items()
    }


def _open(order: BuildOrder, manifest: Manifest, spec: BuildSpec, placement: Placement) -> list[SealedSegment]:
    entries = {entry.segment_id: entry for entry in manifest.segments}
    segments = []
    for name in order.inputs:
        segment = load_segment(Path(order.directory), entries[name], spec.layout, spec.seed, placement)
        assert isinstance(segment, SealedSegment), f"input {name} is not sealed"
        segments.append(segment)
    return segments


def _recall(output: Path, report: Report, target: float, placement: Placement) -> tuple[float | None, float]:
    """Return the worst recall of the output's searches, None where there is no graph, and the one to judge it by.

    They differ where coarse codes that the config asks for cost recall: a denser graph would not help, so the graph is
    judged by a walk over raw rows. What searches find is what is recorded and shown.
    """
    segment = SealedSegment.open(output, placement=placement)
    every = [segment.slot(name) for name in segment.layout]
    slots = [slot for slot in every if isinstance(slot, SlotIndex) and slot.is_indexed]
    found: list[float] = []
    judged: list[float] = []
    for number, slot in enumerate(slots):
        report("recall", number, len(slots))
        found.append(measure_recall(slot))
        is_coarse = found[-1] < target and slot.codes.is_quantization
        judged.append(measure_recall(slot, ignores_codes=True) if is_coarse else found[-1])
    report("recall", len(slots), len(slots))
    return min(found, default=None), min(judged, default=1.0)
