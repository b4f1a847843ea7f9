"""Builds ordered by a payload field: blocks of rows of one tenant, their graphs, and searches confined to them."""

from pathlib import Path
from typing import Any

import numpy as np
import pytest

from shared.schema.collections import CollectionConfig, Distance
from shared.segment import bits
from shared.segment.checksum import logical_checksum
from shared.segment.index.base import SlotIndex, SlotSearch
from shared.segment.index.graph import Graph
from shared.segment.index.groups import GroupsMaker
from shared.segment.index.recall import measure_recall
from shared.segment.index.running import Ready, run
from shared.segment.index.scratch import POOL
from shared.segment.index.together import search_together
from shared.segment.kernels.table import AT
from tests.unit.segment.index.slots import clustered, coded, recall
from tests.unit.segment.segment_builders import delete, edit
from tests.unit.segment.tenants import GROUPED, asked_for, built, config, segment_of, slot_of, users, values_of

QUERIES = clustered(9, 30, 64)
QUERIES /= np.linalg.norm(QUERIES, axis=1, keepdims=True)
QUIET_TENANT = {"user": {"type": "keyword", "is_tenant": True, "enable_hnsw": False}}


@pytest.mark.parametrize("hnsw", [GROUPED, {**GROUPED, "m": 8}, {**GROUPED, "m": 8, "payload_m": None}])
def test_rows_of_a_tenant_lie_together_and_large_blocks_have_graphs(tmp_path: Path, hnsw: dict[str, Any]) -> None:
    wanted = config(hnsw)
    fresh = segment_of(users(150, 40, 300), wanted)

    segment = built(tmp_path / "b0", wanted, fresh)

    groups = slot_of(segment).groups
    assert groups is not None
    assert values_of(segment, "user") == ["u0"] * 150 + ["u1"] * 40 + ["u2"] * 300
    assert groups.starts.tolist() == [0, 150, 190, 490]
    assert groups.graphed.tolist() == [0, 2]
    assert (slot_of(segment).graph is not None) == bool(hnsw["m"])
    assert segment.state == "indexed"
    assert logical_checksum([segment]) == logical_checksum([fresh])


@pytest.mark.parametrize("hnsw", [GROUPED, {**GROUPED, "m": 8}])
@pytest.mark.parametrize(
    "slot",
    [
        {},
        {"distance": "Dot"},
        {"distance": "Euclid", "datatype": "float16"},
        {"distance": "Manhattan"},
        {"quantization_config": {"scalar": {"type": "int8"}}},
        {"quantization_config": {"product": {"compression": "x4"}}},
        {"quantization_config": {"binary": {}}},
    ],
)
def test_a_tenants_search_finds_its_best_rows_and_no_others(
    tmp_path: Path, hnsw: dict[str, Any], slot: dict[str, Any]
) -> None:
    wanted = config(hnsw, **slot)
    segment = built(tmp_path / "b0", wanted, segment_of(users(150, 40, 300), wanted))
    index = slot_of(segment)

    walked = recall(index, QUERIES, asked_for(segment, "u2", ef=64))
    scanned = recall(index, QUERIES, asked_for(segment, "u1"))
    rows, scores = index.search(QUERIES[0], asked_for(segment, "u2", 20))
    raw, _ = index.search(QUERIES[0], asked_for(segment, "u2", 20, exact=True))

    assert min(walked, scanned) >= 0.95
    assert rows.min() >= 190
    assert raw.min() >= 190
    assert (np.diff(scores) <= 0).all()


def test_a_tenants_search_does_the_work_of_a_collection_of_its_own(tmp_path: Path) -> None:
    wanted, alone = config(), config({**GROUPED, "m": 8}, {})
    payloads = users(700, 900, 700, 20)
    shared = built(tmp_path / "b0", wanted, segment_of(payloads, wanted))
    mine = [payload for payload in payloads if payload["user"] == "u1"]
    own = built(tmp_path / "b1", alone, segment_of(mine, alone, seed=3))

    among_others = sum(scored(slot_of(shared), query, asked_for(shared, "u1")) for query in QUERIES)
    by_itself = sum(scored(slot_of(own), query, SlotSearch(10)) for query in QUERIES)

    assert among_others <= 1.1 * by_itself


def test_a_filter_within_a_tenant_is_a_masked_walk_of_its_block(tmp_path: Path) -> None:
    wanted = config()
    segment = built(tmp_path / "b0", wanted, segment_of(users(80, 600), wanted))
    whole = asked_for(segment, "u1", ef=64)
    assert whole.words is not None
    half = whole.words & bits.from_bool(np.random.default_rng(1).random(segment.count) < 0.5)

    found = recall(slot_of(segment), QUERIES, whole._replace(words=half, matching=bits.count(half)))

    assert found >= 0.95


def test_searches_together_and_over_several_tenants_give_what_each_gives_alone(tmp_path: Path) -> None:
    wanted = config()
    segment = built(tmp_path / "b0", wanted, segment_of(users(150, 40, 300), wanted))
    index, one, two = slot_of(segment), asked_for(segment, "u0"), asked_for(segment, "u2")
    assert one.words is not None
    assert two.words is not None
    both = SlotSearch(10, one.words | two.words, one.matching + two.matching)
    asked = [(query.tobytes(), options) for query in QUERIES[:4] for options in (one, two, both)]

    together = search_together(index, asked)

    for (query, options), (rows, scores) in zip(asked, together, strict=True):
        alone_rows, alone_scores = index.search(query, options)
        np.testing.assert_array_equal(rows, alone_rows)
        np.testing.assert_array_equal(scores, alone_scores)
    best, _ = index.search(QUERIES[0], both._replace(exact=True))
    np.testing.assert_array_equal(index.search(QUERIES[0], both)[0], best)


def test_a_point_that_changed_its_tenant_is_found_where_it_lies(tmp_path: Path) -> None:
    wanted = config()
    segment = built(tmp_path / "b0", wanted, segment_of(users(150, 40, 300), wanted))
    (moved,) = segment.ids(np.array([3]))
    edit(segment, moved, b'{"user":"u2"}', 9)

    rows, _ = slot_of(segment).search(slot_of(segment).vectors[3], asked_for(segment, "u2", 5))

    assert rows[0] == 3


def test_a_rebuild_moves_changed_rows_and_leaves_dead_ones_behind(tmp_path: Path) -> None:
    wanted = config()
    first = built(tmp_path / "b0", wanted, segment_of(users(150, 40, 300), wanted))
    moved, gone = first.ids(np.array([3, 4]))
    edit(first, moved, b'{"user":"u2"}', 9)
    delete(first, gone)

    second = built(tmp_path / "b1", wanted, first)

    groups = slot_of(second).groups
    assert groups is not None
    assert groups.starts.tolist() == [0, 148, 188, 489]
    assert logical_checksum([second]) == logical_checksum([first])


def test_points_without_a_tenant_lie_last_and_several_values_count_as_the_first(tmp_path: Path) -> None:
    wanted = config()
    payloads: list[dict[str, Any]] = [
        {},
        {"user": ["u1", "u0"]},
        {"user": 7},
        {"user": "u1"},
        {"user": []},
        {"user": "u0"},
    ]

    segment = built(tmp_path / "b0", wanted, segment_of(payloads, wanted))

    groups = slot_of(segment).groups
    assert groups is not None
    assert groups.starts.tolist() == [0, 1, 3, 6]
    assert values_of(segment, "user")[0] == "u0"


@pytest.mark.parametrize(
    ("kind", "values"),
    [
        ("integer", [5, -3, 2**60, 7]),
        ("float", [0.5, -3.5, 1e300, 7]),
        ("datetime", ["2024-01-02", "1969-01-01", "2030-01-01T00:00:00Z", "2024-01-02T03:00:00+02:00"]),
    ],
)
def test_rows_lie_by_the_value_of_a_principal_field(tmp_path: Path, kind: str, values: list[Any]) -> None:
    wanted = config({"m": 0}, {"at": {"type": kind, "is_principal": True}})
    payloads = [{"at": values[place % 4]} if place % 5 else {"at": None} for place in range(100)]

    segment = built(tmp_path / "b0", wanted, segment_of(payloads, wanted))

    order = [values[1], values[0], values[3], values[2], None]
    assert values_of(segment, "at") == [value for value in order for _ in range(20)]
    assert slot_of(segment).groups is None


@pytest.mark.parametrize(
    ("wanted", "graphed"),
    [
        (config({**GROUPED, "payload_m": 0}), []),
        (config(GROUPED, QUIET_TENANT), []),
        (config({**GROUPED, "full_scan_threshold": 1000}), []),
        (config({**GROUPED, "payload_m": None}), []),
        (config({**GROUPED, "m": 8, "payload_m": None}), [1]),
        (config(GROUPED, {"user": {"type": "keyword"}}), [1]),
    ],
)
def test_blocks_are_graphed_only_as_the_config_asks(
    tmp_path: Path, wanted: CollectionConfig, graphed: list[int]
) -> None:
    segment = built(tmp_path / "b0", wanted, segment_of(users(30, 100), wanted))

    groups = slot_of(segment).groups

    assert groups is not None
    assert groups.graphed.tolist() == graphed
    assert values_of(segment, "user") == ["u0"] * 30 + ["u1"] * 100


def test_the_recall_gate_sees_a_block_whose_graph_links_strangers() -> None:
    vectors = clustered(4, 16_000, 64)
    whole = coded(Distance.MANHATTAN, vectors)
    maker = GroupsMaker(np.array([0, 1000, 16_000]))
    onwards = (np.arange(15_000)[:, None] + np.arange(1, 5)).reshape(-1) % 15_000
    maker.add(1, Graph(4 * np.arange(15_001), onwards.astype(np.int32), np.array([7], np.int32)))
    broken = SlotIndex(whole.layout, vectors, len(vectors), codes=whole.codes, groups=maker.made())

    good, bad = measure_recall(whole, 30), measure_recall(broken, 30)

    assert good >= 0.95
    assert bad < 0.5


def scored(index: SlotIndex, query: np.ndarray, options: SlotSearch) -> int:
    """Return how many rows a search estimates."""
    with POOL.lease() as scratch:
        ready = index.ready(scratch, query, options)
        assert isinstance(ready, Ready)
        run(ready)
        return int(scratch.table[AT.scored])
