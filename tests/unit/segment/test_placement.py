"""Where a config wants arrays kept, and what of a segment then takes memory, measured in processes of their own."""

import subprocess
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.schema.collections import CollectionConfig, HnswConfig
from shared.schema.quantization import BinaryQueryEncoding
from shared.segment import stored
from shared.segment.builder import BuildSpec, SegmentBuilder
from shared.segment.format import read_header
from shared.segment.index.base import SlotIndex, SlotSearch
from shared.segment.index.graph import Graph
from shared.segment.index.graph_build import BuiltGraph
from shared.segment.index.sparse import SparseIndex
from shared.segment.layout import layout_of, plans_of
from shared.segment.placement import CACHED, placement_of, seal_bytes
from shared.segment.sealed import SealedSegment
from shared.segment.stored_slots import slot_of_arrays
from tests.builders import Point
from tests.unit.segment.segment_builders import SEED, appendable

DIM, ROWS = 256, 12_000
RAW_MB = DIM * ROWS * 4 / 2**20
"""Three times the 3.9 MB that a process takes to open any segment."""

MEASURE = """
import os, sys
from pathlib import Path
from shared.schema.collections import CollectionConfig
from shared.segment.placement import placement_of
from shared.segment.sealed import SealedSegment

def resident():
    lines = open("/proc/self/smaps_rollup").read().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith("Pss:")) / 1024

for text in sys.argv[2:]:
    placement = placement_of(CollectionConfig.model_validate_json(text))
    if os.fork() == 0:
        before = resident()
        segment = SealedSegment.open(Path(sys.argv[1]), None, None, placement)
        print(resident() - before, flush=True)
        os._exit(0)
    os.wait()
"""


def config(**changes: object) -> CollectionConfig:
    """One unnamed slot; `vectors` holds what its params get besides, the rest is the collection's."""
    own = changes.pop("vectors", {})
    assert isinstance(own, dict)
    return CollectionConfig.model_validate({"vectors": {"": {"size": DIM, "distance": "Dot", **own}}, **changes})


def ring_graph(vectors: Any, *_: Any, **__: Any) -> BuiltGraph:
    """Stand in for the real builder: each row is the neighbour of the one before it."""
    n = len(vectors)
    neighbors = (np.arange(n, dtype=np.int32) + 1) % n
    return BuiltGraph(
        np.arange(n, dtype=np.int32),
        Graph(np.arange(n + 1, dtype=np.int64), neighbors, np.array([0], dtype=np.int32)),
    )


def built(directory: Path, wanted: CollectionConfig, payload: dict[str, str] | None = None) -> Path:
    """A built segment of random rows."""
    draw = np.random.default_rng(5).standard_normal((ROWS, DIM)).astype(np.float32)
    rows = [Point(number, {"": vector}, payload or {}) for number, vector in enumerate(draw)]
    sealed = appendable(rows, layout=layout_of(wanted)).seal()
    spec = BuildSpec("b0", layout_of(wanted), plans_of(wanted), SEED, generation=1, threads=1)
    builder = SegmentBuilder(spec, graph_builder=ring_graph)
    builder.add(sealed)
    builder.build(directory / "b0")
    return directory / "b0"


def resident_mb(directory: Path, *wanted: CollectionConfig) -> list[float]:
    """What opening the segment adds to a fresh process, in MB, for each config."""
    command = [sys.executable, "-c", MEASURE, str(directory), *(one.model_dump_json() for one in wanted)]
    done = subprocess.run(command, capture_output=True, text=True, check=True, timeout=60)
    return [float(line) for line in done.stdout.split()]


@pytest.fixture(scope="module")
def scalar(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return built(tmp_path_factory.mktemp("scalar"), config(quantization_config={"scalar": {"type": "int8"}}))


def quantized(always_ram: bool, **vectors: object) -> CollectionConfig:
    """A config with scalar codes that are, or are not, always in memory."""
    return config(vectors=vectors, quantization_config={"scalar": {"type": "int8", "always_ram": always_ram}})


def test_vectors_on_disk_take_no_memory_and_their_codes_may_stay(scalar: Path) -> None:
    configs = [quantized(True, on_disk=False), quantized(True, on_disk=True), quantized(False, on_disk=True)]

    in_memory, codes_only, neither = resident_mb(scalar, *configs)

    assert in_memory - codes_only > 0.8 * RAW_MB
    assert 0.8 * RAW_MB / 4 < codes_only - neither < 1.3 * RAW_MB / 4
    assert neither < 0.5 * RAW_MB


def test_the_newer_words_win() -> None:
    cold = placement_of(quantized(True, memory="cold", on_disk=False)).slot("")
    cached = placement_of(quantized(True, memory="cached", on_disk=True)).slot("")

    assert cold.are_vectors_cold
    assert not cached.are_vectors_cold


def test_a_segment_larger_than_memmap_threshold_is_mapped_and_a_smaller_one_not(scalar: Path) -> None:
    raw_kb = int(RAW_MB * 1024)

    thresholds = [config(optimizers_config={"memmap_threshold": raw_kb + more}) for more in (100, -100)]

    smaller, larger = resident_mb(scalar, *thresholds)

    assert smaller - larger > 0.8 * RAW_MB


def test_payloads_on_disk_take_no_memory(tmp_path: Path) -> None:
    directory = built(tmp_path, config(), {"text": 600 * "x"})
    blob_mb = ROWS * 600 / 2**20

    on_disk, cached = resident_mb(directory, config(on_disk_payload=True), config(on_disk_payload=False))

    assert cached - on_disk > 0.8 * blob_mb


def test_a_cold_segment_answers_as_a_cached_one(scalar: Path) -> None:
    cold = SealedSegment.open(scalar, None, None, placement_of(quantized(False, on_disk=True)))
    cached = SealedSegment.open(scalar)
    query = np.random.default_rng(6).standard_normal(DIM).astype(np.float32)

    slots = [segment.slot("") for segment in (cold, cached)]
    answers = [slot.search(query, SlotSearch(20)) for slot in slots if isinstance(slot, SlotIndex)]

    np.testing.assert_array_equal(answers[0][0], answers[1][0])
    np.testing.assert_array_equal(answers[0][1], answers[1][1])


def test_a_graph_on_disk_is_cold_and_only_it(scalar: Path) -> None:
    header, _ = read_header(scalar)

    on_disk = stored.cold_arrays(header, placement_of(config(hnsw_config={"on_disk": True}, on_disk_payload=False)))
    in_memory = stored.cold_arrays(header, placement_of(config(on_disk_payload=False)))

    assert on_disk == {"0.graph.offsets", "0.graph.neighbors"}
    assert in_memory == set()


def test_codes_are_kept_where_the_vectors_are_unless_the_config_says_otherwise() -> None:
    placed = [placement_of(config(vectors={"on_disk": True}, quantization_config=codes)).slot("") for codes in (
        {"product": {"compression": "x16"}},
        {"product": {"compression": "x16", "always_ram": True}},
        {"product": {"compression": "x16", "memory": "cold", "always_ram": True}},
    )]  # fmt: skip

    assert [slot.keeps_codes_cold(0) for slot in placed] == [True, False, True]


def test_a_query_encoding_is_a_placement_and_not_a_build() -> None:
    binary = {"binary": {"query_encoding": "scalar8bits"}}

    assert placement_of(config(quantization_config=binary)).slot("").query_encoding is BinaryQueryEncoding.SCALAR8BITS


def test_a_segment_is_placed_when_what_its_slots_ask_for_is_so(scalar: Path) -> None:
    segment = SealedSegment.open(scalar, None, None, CACHED)

    assert segment.is_placed(placement_of(config(on_disk_payload=False)))
    assert segment.is_placed(placement_of(config(on_disk_payload=False, hnsw_config=HnswConfig(m=7).model_dump())))
    assert not segment.is_placed(placement_of(config(on_disk_payload=True)))
    assert not segment.is_placed(placement_of(config(vectors={"on_disk": True}, on_disk_payload=False)))


def test_appendable_segments_are_sealed_early_where_vectors_are_on_disk() -> None:
    assert seal_bytes(config(vectors={"on_disk": True})) * 4 == seal_bytes(config())


def test_a_pinned_graph_is_in_memory_of_its_own_and_a_cached_one_in_the_file_s_map(scalar: Path) -> None:
    pinned = SealedSegment.open(scalar, None, None, placement_of(config(hnsw_config={"memory": "pinned"})))
    cached = SealedSegment.open(scalar)

    graphs = [slot.graph for slot in (pinned.slot(""), cached.slot("")) if isinstance(slot, SlotIndex)]

    assert [graph.neighbors.flags.owndata for graph in graphs if graph is not None] == [True, False]
    np.testing.assert_array_equal(graphs[0].neighbors, graphs[1].neighbors)  # type: ignore[union-attr]


@pytest.mark.parametrize(("memory", "is_copied"), [("pinned", True), ("cached", False)])
def test_pinned_sparse_vectors_are_in_memory_of_their_own(memory: str, is_copied: bool) -> None:
    sparse = CollectionConfig.model_validate({"sparse_vectors": {"s": {"index": {"memory": memory}}}})
    stored_arrays = {
        "0.indices": np.array([1, 5], np.uint32),
        "0.values": np.array([1, 2], np.float32),
        "0.offsets": np.array([0, 2], np.int64),
    }

    slot = slot_of_arrays(0, layout_of(sparse)["s"], stored_arrays, placement_of(sparse).slot("s"))

    assert isinstance(slot.index, SparseIndex)
    kept = {"0.indices": slot.index.indices, "0.values": slot.index.values}
    assert [np.shares_memory(kept[name], stored_arrays[name]) for name in kept] == [not is_copied] * 2
