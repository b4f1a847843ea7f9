"""Builds one sealed segment out of several: live rows only, in the order that its graph likes, with codes and graphs.

1. choose   the live rows of all inputs, payload changes folded in
2. lead     gather the vectors of the slot with most bytes into a scratch file; its graph decides the order of the rows
3. slots    write each slot's vectors in that order, then its codes and its graph over that order
4. points   write ids, versions and payloads in that order
5. finish   write the header, remove the scratch, make all durable
Memory is bounded by what the codes and the graph of one slot need; everything else goes through in pieces.
"""

from dataclasses import dataclass
from pathlib import Path
from typing import NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import NDArray

from shared.schema.collections import Distance, HnswConfig
from shared.schema.segments import SlotBuild, build_of
from shared.schema.slots import SlotKind
from shared.segment.format import ArrayEntry, SegmentHeader, header_ref, read_header, write_arrays, write_header
from shared.segment.gather import LiveRows
from shared.segment.graph_order import over_old_rows
from shared.segment.index.graph import Graph
from shared.segment.index.graph_build import BuiltGraph, build_graph
from shared.segment.index.workshop import Progress
from shared.segment.layout import Layout, Plans, SlotLayout, SlotPlan
from shared.segment.sealed import SealedSegment
from shared.segment.slot_builder import SlotBuilder, remove_scratch, wide_scratch, write_entry
from shared.segment.stored import id_arrays
from shared.segment.stored_slots import slot_entry
from shared.store.atomic import FileSum, crash_point, sync_directory, sync_tree
from shared.store.manifest import ChunkRef

Vectors = NDArray[np.float32]


class GraphBuilder(Protocol):
    """`index.graph_build.build_graph`, or a stand-in for tests."""

    def __call__(
        self,
        vectors: Vectors,
        distance: Distance,
        hnsw: HnswConfig,
        *,
        threads: int = 0,
        progress: Progress | None = None,
        seed: int = 1,
        density: float = 1.0,
    ) -> BuiltGraph: ...


@dataclass(frozen=True, slots=True)
class BuildSpec:
    """What to build.

    segment_id   of the output
    layout       slots of the output; those that no row carries are left out
    plans        how each slot is built; without any graph rows stay in the order of the inputs
    seed         of the collection's code rotations
    generation   of the config that is built under
    threads      0 takes all processors
    density      > 1 asks for a denser graph: for the repeat after a missed recall gate
    """

    segment_id: str
    layout: Layout
    plans: Plans
    seed: int
    generation: int
    threads: int = 0
    density: float = 1.0


class BuiltSegment(NamedTuple):
    """A segment on disk, durable in its building directory.

    header   named as if the directory had its final name below `segments/` already
    """

    header: ChunkRef
    rows: int
    size_bytes: int


def no_progress(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


class SegmentBuilder:
    """Takes sealed segments at a base cut, gives one segment directory. Runs in the optimizer's builder process."""

    def __init__(
        self, spec: BuildSpec, *, progress: Progress = no_progress, graph_builder: GraphBuilder = build_graph
    ) -> None:
        self._spec = spec
        self._progress = progress
        self._build_graph = graph_builder
        self._inputs: list[SealedSegment] = []

    def add(self, segment: SealedSegment) -> None:
        """Add an input, opened with the tombstones and payload changes of the base cut (`checkpoint.load_segment`)."""
        self._inputs.append(segment)

    def build(self, directory: Path) -> BuiltSegment:
        """Write the segment into a new directory whose name may differ from the segment's id. Durable when done.

        Raises   Corrupt when a point lives in two inputs
        """
        directory.mkdir(parents=True)
        live = LiveRows.of(self._inputs)
        slots = {name: slot for name, slot in sorted(self._spec.layout.items()) if live.carried(name)}
        lead = self._leading(live, slots)
        arrays: list[ArrayEntry] = []
        lead_graph = None
        if lead is not None:
            built = self._lead(directory, live, lead, slots[lead])
            live, lead_graph = live.reordered(built.order), built.graph
        for number, (name, slot) in enumerate(slots.items()):
            writer = SlotBuilder(directory, number, name, slot, self._progress)
            if slot.kind is SlotKind.DENSE:
                arrays += self._write_dense(writer, live, name, lead_graph if name == lead else None)
            else:
                arrays += writer.write_ragged(live)
        arrays += self._write_points(directory, live)
        crash_point("before_build_header")
        header = SegmentHeader(
            segment_id=self._spec.segment_id,
            rows=len(live),
            generation=self._spec.generation,
            slots=[slot_entry(name, slot) for name, slot in slots.items()],
            arrays=arrays,
            built={name: self._asked(name) for name in slots},
        )
        written = write_header(directory, header)
        sync_tree(directory)
        sync_directory(directory.parent)
        size = written.size + sum(entry.size for entry in arrays)
        return BuiltSegment(_final_ref(self._spec.segment_id, written), len(live), size)

    def _leading(self, live: LiveRows, slots: Layout) -> str | None:
        """Return the dense slot with most elements among those that get a graph."""
        graphed = [name for name, slot in slots.items() if slot.kind is SlotKind.DENSE and self._plan(name).hnsw.m > 0]
        return max(graphed, key=lambda name: (live.carried(name) * slots[name].dim, name), default=None)

    def _lead(self, directory: Path, live: LiveRows, name: str, slot: SlotLayout) -> BuiltGraph:
        """Build the graph of the leading slot over its vectors in the order of the inputs."""
        vectors = wide_scratch(directory, live, name, slot, self._progress)
        try:
            return self._graph(vectors, slot, self._plan(name))
        finally:
            remove_scratch(directory)

    def _asked(self, name: str) -> SlotBuild:
        """Return what the slot is built with, for the header; nothing for a sparse one."""
        plan = self._spec.plans.get(name)
        return SlotBuild() if plan is None else build_of(plan.hnsw, plan.quantization)

    def _plan(self, name: str) -> SlotPlan:
        return self._spec.plans.get(name, SlotPlan())

    def _graph(self, vectors: Vectors, slot: SlotLayout, plan: SlotPlan) -> BuiltGraph:
        spec = self._spec
        return self._build_graph(
            vectors,
            slot.distance,
            plan.hnsw,
            threads=spec.threads,
            progress=self._progress,
            seed=spec.seed & 0x7FFFFFFF,
            density=spec.density,
        )

    def _write_dense(self, writer: SlotBuilder, live: LiveRows, name: str, graph: Graph | None) -> list[ArrayEntry]:
        """Write one dense slot; without a graph given, build one over the rows as they lie (unless `m` is 0)."""
        plan, slot = self._plan(name), self._spec.layout[name]

        def graph_of(vectors: Vectors) -> Graph | None:
            if graph is not None or plan.hnsw.m == 0:
                return graph
            return over_old_rows(self._graph(vectors, slot, plan))

        return writer.write_dense(live, plan, self._spec.seed, self._spec.threads, graph_of)

    def _write_points(self, directory: Path, live: LiveRows) -> list[ArrayEntry]:
        self._progress("points", 0, len(live))
        offsets = live.payload_offsets()
        entries = write_arrays(
            directory,
            {**id_arrays(live.id_map()), "versions": live.versions(), "payload.offsets": offsets},
        )
        pieces = live.payloads(offsets)
        entries.append(write_entry(directory, "payload.blob", (int(offsets[-1]),), np.uint8, pieces))
        self._progress("points", len(live), len(live))
        return entries


def record_recall(directory: Path, recall: float) -> ChunkRef:
    """Note what the gate measured in the header of a built segment, before the directory gets its final name."""
    header, _ = read_header(directory)
    written = write_header(directory, msgspec.structs.replace(header, recall=recall))
    return _final_ref(header.segment_id, written)


def _final_ref(segment_id: str, written: FileSum) -> ChunkRef:
    return header_ref(Path(segment_id), written)
