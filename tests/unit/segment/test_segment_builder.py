"""Builds: every living point as it was, in the order of the graph, in every slot."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.errors import Corrupt
from shared.schema.collections import UNNAMED, Distance, HnswConfig
from shared.segment import bits
from shared.segment.builder import BuildSpec, SegmentBuilder, record_recall
from shared.segment.checkpoint import freeze_segment, load_segment, write_frozen
from shared.segment.checksum import logical_checksum
from shared.segment.graph_order import over_old_rows
from shared.segment.id_map import IdBatch
from shared.segment.index.base import SlotSearch
from shared.segment.index.graph import Graph
from shared.segment.index.graph_build import BuiltGraph
from shared.segment.layout import Layout, Plans, SlotLayout, SlotPlan
from shared.segment.sealed import SealedSegment
from shared.store.atomic import publish_directory
from tests.builders import Point, point, points, unit, uuid_id, vectors
from tests.unit.segment.segment_builders import LAYOUT, SEED, AnySegment, appendable, delete, edit

TWO_SLOTS: Layout = {"small": SlotLayout(3, Distance.DOT), "wide": SlotLayout(64, Distance.EUCLID)}


def ring_graph(rows: Any, *_: Any, seed: int = 1, **__: Any) -> BuiltGraph:
    """Stand in for the real builder: rows in reverse order, each the neighbour of the next."""
    n = len(rows)
    neighbors = (np.arange(n, dtype=np.int32) + 1) % n
    graph = Graph(np.arange(n + 1, dtype=np.int64), neighbors, np.array([0], dtype=np.int32))
    return BuiltGraph(np.arange(n, dtype=np.int32)[::-1].copy(), graph)


def _plans(layout: Layout, hnsw: HnswConfig) -> Plans:
    return {name: SlotPlan(hnsw) for name in layout}


def build(directory: Path, layout: Layout, *inputs: SealedSegment, m: int = 16) -> SealedSegment:
    """Build, publish and open a segment."""
    spec = BuildSpec("b0", layout, _plans(layout, HnswConfig(m=m)), SEED, generation=4)
    builder = SegmentBuilder(spec, graph_builder=ring_graph)
    for segment in inputs:
        builder.add(segment)
    built = builder.build(directory / "building" / "job")
    (directory / "segments").mkdir(exist_ok=True)
    publish_directory(directory / "building" / "job", directory / "segments" / "b0")
    assert built.header.name == "segments/b0/header.json"
    return SealedSegment.open(directory / "segments" / "b0", built.header, layout)


def mixed(count: int, first: int) -> list[Point]:
    """Return points of both kinds of id; every third lacks the wide slot, every fourth the small one."""
    rows = vectors(count, 64, seed=first)
    return [
        point(
            first + place if place % 5 else uuid_id((first + place) << 8),
            ({"small": rows[place, :3]} if place % 4 else {}) | ({"wide": rows[place]} if place % 3 else {}),
            {"n": place} if place % 2 else {},
        )
        for place in range(count)
    ]


def points_of(segment: AnySegment) -> dict[int | bytes, Any]:
    """Return the live points of a segment with all they carry."""
    found = {}
    rows = bits.to_rows(segment.live_words)
    for row, point_id, version in zip(rows.tolist(), segment.ids(rows), segment.versions(rows), strict=True):
        carried = {}
        for name in segment.layout:
            slot, words = segment.slot(name), segment.present_words(name)
            if slot is not None and (words is None or bits.passes(words, row)):
                carried[name] = slot.vectors[row].tolist()
        found[point_id] = (version, segment.payload(row), carried)
    return found


def two_inputs() -> list[SealedSegment]:
    """Return two segments with tombstones and payload changes."""
    one = appendable(mixed(90, 0), mixed(30, 20), layout=TWO_SLOTS)
    delete(one, 3, 7, uuid_id(10 << 8))
    edit(one, 11, b'{"edited":"' + b"x" * 300 + b'"}', 8)
    edit(one, 12, b"{}", 9)
    other = appendable(mixed(50, 1000), layout=TWO_SLOTS, segment_id="a00000001").seal()
    delete(other, 1001)
    return [one.seal(), other]


@pytest.mark.parametrize("m", [0, 16])
def test_the_output_holds_every_living_point_as_it_was(tmp_path: Path, m: int) -> None:
    inputs = two_inputs()
    expected = {key: value for segment in inputs for key, value in points_of(segment).items()}

    output = build(tmp_path, TWO_SLOTS, *inputs, m=m)

    assert points_of(output) == expected
    assert output.count == output.live_count == len(expected)
    assert logical_checksum([output]) == logical_checksum(inputs)
    assert output.state == ("indexed" if m else "sealed")
    assert output.parts.generation == 4


def test_rows_lie_in_the_order_of_the_leading_slots_graph(tmp_path: Path) -> None:
    inputs = appendable(points(10)).seal()

    output = build(tmp_path, LAYOUT, inputs)

    assert output.ids(np.arange(10)) == list(range(10, 0, -1))
    slot = output.slot(UNNAMED)
    assert slot is not None
    assert slot.graph is not None
    assert slot.graph.neighbors.tolist() == [1, 2, 3, 4, 5, 6, 7, 8, 9, 0]


def test_a_graph_is_told_back_over_the_rows_as_they_lay() -> None:
    order = np.array([2, 0, 1], dtype=np.int32)
    graph = Graph(np.array([0, 2, 2, 3]), np.array([1, 2, 0], dtype=np.int32), np.array([2], dtype=np.int32))

    told = over_old_rows(BuiltGraph(order, graph))

    neighbors = [told.neighbors[told.offsets[row] : told.offsets[row + 1]].tolist() for row in range(3)]
    assert neighbors == [[], [2], [0, 1]]
    assert told.entries.tolist() == [1]


def test_a_build_of_nothing_and_one_without_slots_give_segments(tmp_path: Path) -> None:
    emptied = appendable(points(3)).seal()
    delete(emptied, 1, 2, 3)

    nothing = build(tmp_path / "a", LAYOUT, emptied)
    bare = build(tmp_path / "b", {}, appendable([point(5, {}, {"a": 1})], layout={}).seal())

    assert (nothing.count, nothing.state, nothing.slot(UNNAMED)) == (0, "sealed", None)
    assert points_of(bare) == {5: (1, b'{"a":1}', {})}


def test_a_point_that_lives_twice_is_refused(tmp_path: Path) -> None:
    one, other = appendable(points(3)).seal(), appendable(points(1)).seal()

    with pytest.raises(Corrupt, match="1 points live twice"):
        build(tmp_path, LAYOUT, one, other)


def test_the_recall_is_noted_in_the_header(tmp_path: Path) -> None:
    spec = BuildSpec("b1", LAYOUT, _plans(LAYOUT, HnswConfig(m=0)), SEED, generation=1)
    builder = SegmentBuilder(spec)
    builder.add(appendable(points(3)).seal())
    builder.build(tmp_path / "job")

    header = record_recall(tmp_path / "job", 0.97)

    publish_directory(tmp_path / "job", tmp_path / "b1")
    assert SealedSegment.open(tmp_path / "b1", header).parts.recall == 0.97


def test_a_built_segment_gets_checkpoints_like_any_other(tmp_path: Path) -> None:
    output = build(tmp_path, TWO_SLOTS, *two_inputs())
    edit(output, 13, b'{"late":1}', 20)
    delete(output, 14)

    entry = write_frozen(tmp_path, freeze_segment(output, None, position=20))
    back = load_segment(tmp_path, entry, TWO_SLOTS, SEED)

    assert points_of(back) == points_of(output)
    assert entry.state == "indexed"
    assert back.rows_of(IdBatch.from_ids([13, 14]))[1] == -1


def test_real_graphs_find_what_exact_search_finds_in_every_slot(tmp_path: Path) -> None:
    layout = {"a": SlotLayout(64, Distance.COSINE), "b": SlotLayout(72, Distance.EUCLID)}
    rows_a, rows_b = unit(vectors(1500, 64, seed=1)), vectors(1500, 72, seed=2)
    batch = [point(n, {"a": rows_a[n]} | ({"b": rows_b[n]} if n % 5 else {})) for n in range(1500)]
    builder = SegmentBuilder(BuildSpec("b1", layout, {}, SEED, generation=1, threads=1))
    builder.add(appendable(batch[:700], layout=layout).seal())
    builder.add(appendable(batch[700:], layout=layout).seal())
    builder.build(tmp_path / "b1")

    output = SealedSegment.open(tmp_path / "b1")

    for name, queries in (("a", rows_a[:50]), ("b", rows_b[1:50])):
        index, words = output.slot(name), output.present_words(name)
        assert index is not None
        assert index.graph is not None
        mask = {"words": words, "matching": output.count if words is None else bits.count(words)}
        found = [index.search(query, SlotSearch(10, **mask, ef=128))[0] for query in queries]
        exact = [index.search(query, SlotSearch(10, **mask, exact=True))[0] for query in queries]
        shared = sum(len(np.intersect1d(*pair)) for pair in zip(found, exact, strict=True))
        assert shared / (10 * len(queries)) > 0.95


def test_progress_is_told(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    spec = BuildSpec("b1", LAYOUT, {}, SEED, generation=1)
    builder = SegmentBuilder(spec, progress=lambda *step: told.append(step), graph_builder=ring_graph)
    builder.add(appendable(points(30)).seal())

    builder.build(tmp_path / "job")

    assert ("gather", 30, 30) in told
    assert told[-1] == ("points", 30, 30)
