"""Builds one sealed segment out of several: live rows only, in the order that its graph likes, with codes and graphs.

1. choose   the live rows of all inputs, payload changes folded in
2. lead     gather the vectors of the slot with most bytes into a scratch file; its graph decides the order of the rows
3. slots    write each slot's vectors in that order, then its codes and its graph over that order
4. points   write ids, versions and payloads in that order
5. finish   write the header, remove the scratch, make all durable
Memory is bounded by what the codes and the graph of one slot need; everything else goes through in pieces.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, NamedTuple, Protocol

import msgspec
import numpy as np
from numpy.typing import DTypeLike, NDArray

from shared.schema.collections import Distance, HnswConfig
from shared.schema.segments import build_of
from shared.segment.array_file import read_array, write_pieces
from shared.segment.format import ArrayEntry, SegmentHeader, header_ref, read_header, write_arrays, write_header
from shared.segment.gather import LiveRows
from shared.segment.graph_order import over_old_rows
from shared.segment.index.base import SlotIndex
from shared.segment.index.codes import build_codes
from shared.segment.index.graph import Graph
from shared.segment.index.graph_build import BuiltGraph, build_graph
from shared.segment.index.workshop import Progress
from shared.segment.layout import Layout, Plans, SlotLayout, SlotPlan
from shared.segment.sealed import SealedSegment
from shared.segment.stored import code_arrays, id_arrays, slot_entry
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
        lead = max(slots, key=lambda name: (live.carried(name) * slots[name].dim, name), default=None)
        arrays: list[ArrayEntry] = []
        lead_graph = None
        if lead is not None and self._plan(lead).hnsw.m > 0:
            built = self._lead(directory, live, lead, slots[lead])
            live, lead_graph = live.reordered(built.order), built.graph
        for number, (name, slot) in enumerate(slots.items()):
            writer = _SlotWriter(directory, number, slot)
            arrays += self._write_slot(writer, live, name, lead_graph if name == lead else None)
        arrays += self._write_points(directory, live)
        crash_point("before_build_header")
        header = SegmentHeader(
            segment_id=self._spec.segment_id,
            rows=len(live),
            generation=self._spec.generation,
            slots=[slot_entry(name, slot) for name, slot in slots.items()],
            arrays=arrays,
            built={name: build_of(self._plan(name).hnsw, self._plan(name).quantization) for name in slots},
        )
        written = write_header(directory, header)
        sync_tree(directory)
        sync_directory(directory.parent)
        size = written.size + sum(entry.size for entry in arrays)
        return BuiltSegment(_final_ref(self._spec.segment_id, written), len(live), size)

    def _lead(self, directory: Path, live: LiveRows, name: str, slot: SlotLayout) -> BuiltGraph:
        """Build the graph of the leading slot over its vectors in the order of the inputs."""
        path = directory / "scratch.npy"
        shape = (len(live), slot.dim)
        written = write_pieces(path, shape, np.float32, self._told("gather", live.vectors(name, slot), len(live)))
        try:
            return self._graph(read_array(path, written), slot, self._plan(name))
        finally:
            path.unlink()

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

    def _write_slot(self, writer: "_SlotWriter", live: LiveRows, name: str, graph: Graph | None) -> list[ArrayEntry]:
        """Write one slot; without a graph given, build one over the rows as they lie (unless `m` is 0)."""
        slot = writer.layout
        vectors = writer.write_vectors(self._told("gather", live.vectors(name, slot), len(live)), len(live))
        plan = self._plan(name)
        if graph is None and plan.hnsw.m > 0:
            graph = over_old_rows(self._graph(vectors, slot, plan))
        self._progress("codes", 0, 1)
        codes = build_codes(slot, plan, vectors, self._spec.seed, self._spec.threads)
        index = SlotIndex(slot, vectors, len(live), codes=codes, graph=graph)
        writer.write_codes(index)
        self._progress("codes", 1, 1)
        present = live.present(name)
        if present is not None:
            writer.write({f"{writer.number}.present": present})
        return writer.entries

    def _write_points(self, directory: Path, live: LiveRows) -> list[ArrayEntry]:
        self._progress("points", 0, len(live))
        offsets = live.payload_offsets()
        entries = write_arrays(
            directory,
            {**id_arrays(live.id_map()), "versions": live.versions(), "payload.offsets": offsets},
        )
        pieces = live.payloads(offsets)
        entries.append(_write_pieces(directory, "payload.blob", (int(offsets[-1]),), np.uint8, pieces))
        self._progress("points", len(live), len(live))
        return entries

    def _told(self, stage: str, pieces: Iterable[Vectors], total: int) -> Iterable[Vectors]:
        """Pass pieces on and tell how far they came."""
        done = 0
        for piece in pieces:
            yield piece
            done += len(piece)
            self._progress(stage, done, total)


class _SlotWriter:
    """Writes the arrays of slot `number` and notes what was written."""

    def __init__(self, directory: Path, number: int, layout: SlotLayout) -> None:
        self.directory = directory
        self.number = number
        self.layout = layout
        self.entries: list[ArrayEntry] = []

    def write_vectors(self, pieces: Iterable[Vectors], rows: int) -> Vectors:
        """Write the vectors and return them as a map of the file."""
        name, shape = f"{self.number}.vectors", (rows, self.layout.dim)
        entry = _write_pieces(self.directory, name, shape, np.float32, pieces)
        self.entries.append(entry)
        return read_array(self.directory / f"{name}.npy", FileSum(entry.size, entry.checksum))

    def write_codes(self, index: SlotIndex) -> None:
        """Write codes and graph."""
        self.write(code_arrays(self.number, index))

    def write(self, arrays: dict[str, NDArray[Any]]) -> None:
        """Write arrays."""
        self.entries += write_arrays(self.directory, arrays)


def record_recall(directory: Path, recall: float) -> ChunkRef:
    """Note what the gate measured in the header of a built segment, before the directory gets its final name."""
    header, _ = read_header(directory)
    written = write_header(directory, msgspec.structs.replace(header, recall=recall))
    return _final_ref(header.segment_id, written)


def _write_pieces(
    directory: Path, name: str, shape: Sequence[int], dtype: DTypeLike, pieces: Iterable[NDArray[Any]]
) -> ArrayEntry:
    written = write_pieces(directory / f"{name}.npy", tuple(shape), dtype, pieces)
    return ArrayEntry(name, written.size, written.checksum, np.dtype(dtype).str, list(shape))


def _final_ref(segment_id: str, written: FileSum) -> ChunkRef:
    return header_ref(Path(segment_id), written)
