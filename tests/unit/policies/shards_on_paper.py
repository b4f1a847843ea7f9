"""Segments as policies see them, and what becomes of them when plans are carried out: on paper, without a row."""

from collections.abc import Sequence
from dataclasses import dataclass, field

import msgspec

from shared.policies.plan import Limits, Plan
from shared.schema.collections import UNNAMED, CollectionConfig, Distance, VectorParams
from shared.schema.queries import SegmentSummary
from shared.schema.segments import SlotBuild, SlotFigures, builds_of

MB = 1000 * 1024
ROW_BYTES = 1024
LIMITS = Limits(indexing_threads=2, cpus=4)
BUILT = SlotBuild("m=16 ef_construct=100")


def config(**more: object) -> CollectionConfig:
    """Return a config with one slot of 256 dimensions: a row is a kilobyte."""
    return CollectionConfig.model_validate({"vectors": {UNNAMED: params()}, **more})


def params(**more: object) -> VectorParams:
    return VectorParams.model_validate({"size": 256, "distance": Distance.DOT, **more})


def segment(name: str, size: int, state: str = "sealed", *, dead: int = 0, **built: SlotBuild) -> SegmentSummary:
    """Return a segment of `size` bytes of live vectors in the unnamed slot; indexed ones were built by default."""
    live = size // ROW_BYTES
    if state == "indexed" and not built:
        built = {UNNAMED: BUILT}
    return summary(name, state, {UNNAMED: live}, live + dead, built)


def summary(
    name: str, state: str, live: dict[str, int], rows: int, built: dict[str, SlotBuild] | None = None
) -> SegmentSummary:
    """Return a segment with so many live vectors in each slot."""
    slots = {slot: SlotFigures(vectors, vectors * ROW_BYTES) for slot, vectors in live.items() if vectors}
    most = max((figures.bytes for figures in slots.values()), default=0)
    alive = max(live.values(), default=0)
    return SegmentSummary(name, state, rows, alive, sum(live.values()), most, slots=slots, built=built or {})


@dataclass
class PaperShard:
    """Carries plans out as optimizer and worker do. `thrown_away` counts graphs that were built twice."""

    segments: list[SegmentSummary]
    outputs: set[str] = field(default_factory=set)
    thrown_away: int = 0

    def do(self, plans: Sequence[Plan], config: CollectionConfig) -> None:
        """Do plans one after the other."""
        for plan in plans:
            inputs = [one for one in self.segments if one.segment_id in plan.inputs]
            assert len(inputs) == len(plan.inputs), f"{plan} names segments twice or ones that are gone"
            self.thrown_away += sum(one.segment_id in self.outputs and one.state == "indexed" for one in inputs)
            self.segments = [one for one in self.segments if one not in inputs]
            if any(one.live for one in inputs):
                output = _output(f"b9{len(self.outputs):07d}", inputs, plan, config)
                self.outputs.add(output.segment_id)
                self.segments.append(output)
            if plan.seal_first:
                self.segments.append(summary(f"a9{len(self.outputs):07d}", "appendable", {}, 0))


def _output(name: str, inputs: Sequence[SegmentSummary], plan: Plan, config: CollectionConfig) -> SegmentSummary:
    slots = {slot for one in inputs for slot in one.slots}
    live = {slot: sum(one.slots[slot].vectors for one in inputs if slot in one.slots) for slot in slots}
    built = {
        slot: build if slot in plan.graphs else msgspec.structs.replace(build, graph="", groups="")
        for slot, build in builds_of(config).items()
        if live.get(slot)
    }
    has_graph = any(build.has_graph for build in built.values())
    return summary(name, "indexed" if has_graph else "sealed", live, sum(one.live for one in inputs), built)
