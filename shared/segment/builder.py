"""Builds one sealed segment out of several: live rows only, in the order that its graph likes, with codes and graphs.

1. choose   the live rows of all inputs, payload changes folded in
2. order    rank the rows by the payload field that orders them, if there is one; among equals the graph of the slot
            with most bytes decides, whose vectors are gathered into a scratch file for it (ordered_build.py)
3. slots    write each slot's vectors in that order, then its codes and its graphs over that order
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
from shared.schema.row_order import RowOrder, group_m
from shared.schema.segments import SlotBuild, build_of
from shared.schema.slots import SlotKind
from shared.segment.format import ArrayEntry, SegmentHeader, header_ref, read_header, write_arrays, write_header
from shared.segment.gather import LiveRows
from shared.segment.graph_order import over_old_rows
from shared.segment.index.graph_build import BuiltGraph, build_graph
from shared.segment.index.workshop import Progress
from shared.segment.layout import Layout, Plans, SlotLayout, SlotPlan
from shared.segment.ordered_build import (
    Build,
    GroupPlan,
    SlotGraphs,
    by_rank,
    graph_blocks,
    group_plan,
    moved,
    ranked,
)
from shared.segment.row_keys import Ranks, block_starts, ranks_of
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
    row_order    the payload field that rows are ordered by, if there is one
    """

    segment_id: str
    layout: Layout
    plans: Plans
    seed: int
    generation: int
    threads: int = 0
    density: float = 1.0
    row_order: RowOrder | None = None


class _Laid(NamedTuple):
    """Rows in their final order.

    starts   where their blocks of one value begin, and the end; None where no field groups them
    lead     the slot that had a say in the order, None for none, and what is built of its graphs
    """

    live: LiveRows
    starts: NDArray[np.int64] | None = None
    lead: str | None = None
    graphs: SlotGraphs = SlotGraphs()


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
        arrays: list[ArrayEntry] = []
        laid = self._laid(directory, live, slots)
        live = laid.live
        for number, (name, slot) in enumerate(slots.items()):
            writer = SlotBuilder(directory, number, name, slot, self._progress)
            if slot.kind is SlotKind.DENSE:
                arrays += self._write_dense(writer, laid, name)
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

    def _laid(self, directory: Path, live: LiveRows, slots: Layout) -> _Laid:
        """Return the rows in the order that the field asks for, and among equals the graph of the leading slot."""
        order, lead = self._spec.row_order, self._leading(live, slots)
        ranks = ranks_of(live, order) if order is not None and len(live) else None
        if lead is not None and self._plan(lead).hnsw.m > 0:
            return self._laid_by_graph(directory, live, (lead, slots[lead]), ranks)
        if ranks is None:
            return _Laid(live)
        live, starts = ranked(live, ranks)
        if order is None or not order.is_grouped:
            return _Laid(live)
        return _Laid(live, starts) if lead is None else self._laid_by_blocks(directory, live, starts, lead)

    def _leading(self, live: LiveRows, slots: Layout) -> str | None:
        """Return the dense slot with most elements among those that get a graph; one over all rows goes first."""
        graphed = [name for name, slot in slots.items() if slot.kind is SlotKind.DENSE and self._asked(name).has_graph]
        return max(
            graphed,
            key=lambda name: (self._plan(name).hnsw.m > 0, live.carried(name) * slots[name].dim, name),
            default=None,
        )

    def _laid_by_graph(
        self, directory: Path, live: LiveRows, lead: tuple[str, SlotLayout], ranks: Ranks | None
    ) -> _Laid:
        """Build the leading slot's graph over all rows, as they lie in the inputs."""
        name, slot = lead
        vectors = wide_scratch(directory, live, name, slot, self._progress)
        try:
            built = self._graph(vectors, slot, self._plan(name).hnsw)
        finally:
            remove_scratch(directory)
        if ranks is None:
            return _Laid(live.reordered(built.order), None, name, SlotGraphs(built.graph))
        moves = by_rank(built.order, ranks)
        order = built.order[moves]
        is_grouped = self._spec.row_order is not None and self._spec.row_order.is_grouped
        starts = block_starts(ranks[order]) if is_grouped else None
        return _Laid(live.reordered(order), starts, name, SlotGraphs(moved(built.graph, moves)))

    def _laid_by_blocks(self, directory: Path, live: LiveRows, starts: NDArray[np.int64], lead: str) -> _Laid:
        """Build the graphs of the leading slot's blocks; rows lie block by block."""
        slot = self._spec.layout[lead]
        vectors = wide_scratch(directory, live, lead, slot, self._progress)
        try:
            plan, build = self._group_plan(lead), self._block_builder(slot, len(live))
            order, groups = graph_blocks(vectors, starts, plan, build, keeps_order=False)
        finally:
            remove_scratch(directory)
        return _Laid(live.reordered(order), starts, lead, SlotGraphs(None, groups))

    def _group_plan(self, name: str) -> GroupPlan:
        hnsw = self._plan(name).hnsw
        return group_plan(hnsw, group_m(hnsw, self._spec.row_order), self._spec.layout[name].dim)

    def _block_builder(self, slot: SlotLayout, total: int) -> Build:
        """Return what builds the graph of a block, and tells of whole blocks only."""
        done = 0

        def build(vectors: Vectors, hnsw: HnswConfig) -> BuiltGraph:
            nonlocal done
            built = self._graph(vectors, slot, hnsw, no_progress)
            done += len(vectors)
            self._progress("groups", done, total)
            return built

        return build

    def _asked(self, name: str) -> SlotBuild:
        """Return what the slot is built with, for the header; nothing for a sparse one."""
        plan = self._spec.plans.get(name)
        return SlotBuild() if plan is None else build_of(plan.hnsw, plan.quantization, self._spec.row_order)

    def _plan(self, name: str) -> SlotPlan:
        return self._spec.plans.get(name, SlotPlan())

    def _graph(
        self, vectors: Vectors, slot: SlotLayout, hnsw: HnswConfig, progress: Progress | None = None
    ) -> BuiltGraph:
        spec = self._spec
        return self._build_graph(
            vectors,
            slot.distance,
            hnsw,
            threads=spec.threads,
            progress=progress or self._progress,
            seed=spec.seed & 0x7FFFFFFF,
            density=spec.density,
        )

    def _write_dense(self, writer: SlotBuilder, laid: _Laid, name: str) -> list[ArrayEntry]:
        """Write one dense slot, with the graphs that it is to have over the rows as they lie."""
        plan, slot = self._plan(name), self._spec.layout[name]

        def graphs_of(vectors: Vectors) -> SlotGraphs:
            graph, groups = laid.graphs if name == laid.lead else SlotGraphs()
            if graph is None and plan.hnsw.m > 0:
                graph = over_old_rows(self._graph(vectors, slot, plan.hnsw))
            if groups is None and laid.starts is not None:
                build = self._block_builder(slot, len(laid.live))
                _, groups = graph_blocks(vectors, laid.starts, self._group_plan(name), build, keeps_order=True)
            return SlotGraphs(graph, groups)

        return writer.write_dense(laid.live, plan, self._spec.seed, self._spec.threads, graphs_of)

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
