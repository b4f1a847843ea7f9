"""What the planner wants of a shard: each policy by itself, and all of them together."""

import pytest

from shared.policies.choose import choose, wanted
from shared.policies.plan import Limits, Plan, build_threads, segment_bytes_max, segments_max
from shared.schema.queries import SegmentSummary
from shared.schema.row_order import row_order_of
from shared.schema.segments import SlotBuild, SlotFigures, builds_of, indexed_vectors
from tests.unit.policies.shards_on_paper import BUILT, LIMITS, MB, config, params, segment, summary

TENANT = {"user": {"type": "keyword", "is_tenant": True}}
QUIET_TENANT = {"user": {"type": "keyword", "is_tenant": True, "enable_hnsw": False}}
PRINCIPAL = {"at": {"type": "datetime", "is_principal": True}}


def optimizers(**given: object) -> dict[str, object]:
    return {"optimizers_config": given}


def plans(segments: list[SegmentSummary], **more: object) -> list[Plan]:
    return choose(segments, config(**more), LIMITS)


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        pytest.param([], [], id="nothing to do on an empty shard"),
        pytest.param([segment("a1", 10 * MB)], [], id="exactly the threshold is not over it"),
        pytest.param([segment("a1", 11 * MB)], [["a1"]], id="one over the threshold"),
        pytest.param([segment("b1", 11 * MB, "indexed")], [], id="a graph is built once"),
        pytest.param([segment("a1", 11 * MB, "quarantined")], [], id="a quarantined segment is left alone"),
        pytest.param([segment("a1", 2 * MB), segment("a2", 2 * MB)], [], id="small ones wait for more"),
        pytest.param([segment("a2", 2 * MB), segment("a1", 31 * MB)], [["a1", "a2"]], id="small ones join a build"),
        pytest.param([segment("a1", 31 * MB), segment("a2", MB, "appendable")], [["a1"]], id="tiny appendable stays"),
        pytest.param(
            [segment("a1", 31 * MB), segment("a2", 5 * MB, "appendable")], [["a1", "a2"]], id="small appendable joins"
        ),
        pytest.param(
            [segment("a1", 2 * MB), segment("a2", 11 * MB, "appendable")], [["a1", "a2"]], id="large one joins"
        ),
    ],
)
def test_an_index_takes_all_segments_without_a_graph(segments: list[SegmentSummary], expected: list[list[str]]) -> None:
    chosen = plans(segments)

    assert [plan.inputs for plan in chosen] == expected
    assert all(plan.kind == "index" and plan.graphs == [""] for plan in chosen)


@pytest.mark.parametrize(
    "off",
    [
        optimizers(indexing_threshold=0),
        optimizers(max_optimization_threads=0),
        {"hnsw_config": {"m": 0}},
        {"vectors": {"": params(hnsw_config={"m": 0})}},
        {"vectors": {"": params(multivector_config={})}},
    ],
)
def test_nothing_is_indexed_where_indexing_is_off(off: dict[str, object]) -> None:
    chosen = plans([segment("a1", 90 * MB)], **off)

    assert chosen == []


def test_a_slots_own_graph_config_counts() -> None:
    named = {"near": params(), "far": params(hnsw_config={"m": 0})}
    segments = [summary("a1", "sealed", {"near": 20_000, "far": 20_000}, 20_000)]

    (plan,) = plans(segments, vectors=named)

    assert plan.graphs == ["near"]


def test_a_slot_under_the_threshold_gets_no_graph_beside_one_that_is_over_it() -> None:
    segments = [summary("a1", "sealed", {"near": 20_000, "far": 5_000}, 20_000)]

    (plan,) = plans(segments, vectors={"near": params(), "far": params()})

    assert plan.graphs == ["near"]


def test_quantization_without_a_graph_is_built_once() -> None:
    quantized = {"hnsw_config": {"m": 0}, "quantization_config": {"scalar": {"type": "int8"}}}

    (plan,) = plans([segment("a1", 20 * MB)], **quantized)
    after = plans([summary("b1", "sealed", {"": 20_000}, 20_000, {"": SlotBuild("", "scalar int8")})], **quantized)

    assert (plan.kind, plan.graphs, after) == ("index", [], [])
    assert plan.reason == "segment a1 holds 20 MB without its codes, threshold 10 MB"


@pytest.mark.parametrize(
    ("change", "reason"),
    [
        ({"hnsw_config": {"m": 32}}, "has the graph m=16 ef_construct=100, wanted m=32 ef_construct=100"),
        ({"hnsw_config": {"ef_construct": 200}}, "has the graph m=16 ef_construct=100, wanted m=16 ef_construct=200"),
        ({"hnsw_config": {"m": 0}}, "has the graph m=16 ef_construct=100, wanted none"),
        ({"vectors": {"": params(hnsw_config={"m": 8})}}, "has the graph m=16 ef_construct=100, wanted m=8"),
        ({"quantization_config": {"scalar": {"type": "int8"}}}, "has built-in codes, wanted scalar int8"),
        ({"quantization_config": {"product": {"compression": "x16"}}}, "has built-in codes, wanted product x16"),
        ({"quantization_config": {"binary": {"encoding": "two_bits"}}}, "wanted binary two_bits"),
        ({"vectors": {"other": params()}}, "keeps vectors of the slot '' that is gone"),
        (
            {"payload_indexes": TENANT},
            "wanted m=16 ef_construct=100 with groups payload_m=16 ef_construct=100",
        ),
        ({"payload_indexes": QUIET_TENANT}, "rows in the order of no field, wanted groups of keyword user"),
        ({"payload_indexes": PRINCIPAL}, "rows in the order of no field, wanted values of datetime at"),
    ],
)
def test_a_config_change_rebuilds_the_segments_that_it_outdates(change: dict[str, object], reason: str) -> None:
    segments = [segment("b1", 20 * MB, "indexed"), segment("a2", 5 * MB, "appendable")]

    (plan,) = plans([segments[0]], **change)

    assert (plan.kind, plan.inputs) == ("rebuild", ["b1"])
    assert reason in plan.reason


@pytest.mark.parametrize(
    "change",
    [
        {"hnsw_config": {"on_disk": True}},
        {"hnsw_config": {"full_scan_threshold": 20}},
        {"hnsw_config": {"max_indexing_threads": 1}},
        {"vectors": {"": params(on_disk=True)}},
        {"on_disk_payload": False},
        {"metadata": {"a": 1}},
        optimizers(indexing_threshold=100),
        optimizers(indexing_threshold=0),
        optimizers(flush_interval_sec=1),
    ],
)
def test_a_change_that_no_build_depends_on_rebuilds_nothing(change: dict[str, object]) -> None:
    chosen = plans([segment("b1", 20 * MB, "indexed")], **change)

    assert chosen == []


def test_a_placement_change_of_quantization_rebuilds_nothing() -> None:
    scalar = SlotBuild(BUILT.graph, "scalar int8 quantile=0.99")
    built = summary("b1", "indexed", {"": 20_000}, 20_000, {"": scalar})

    for placement in ({}, {"always_ram": True}, {"memory": "cold"}):
        quantization = {"scalar": {"type": "int8", "quantile": 0.99, **placement}}
        assert plans([built], quantization_config=quantization) == []


def test_segments_without_a_graph_are_not_rebuilt_for_another_graph_config() -> None:
    bare = segment("a1", 5 * MB)
    merged = summary("b1", "sealed", {"": 5_000}, 5_000, {"": SlotBuild("")})

    assert plans([bare, merged], hnsw_config={"m": 32}) == []


def test_only_the_segment_with_an_older_build_is_rebuilt() -> None:
    new = summary("b2", "indexed", {"": 20_000}, 20_000, {"": SlotBuild("m=32 ef_construct=100")})

    (plan,) = plans([segment("b1", 20 * MB, "indexed"), new], hnsw_config={"m": 32})

    assert plan.inputs == ["b1"]


def test_several_outdated_segments_become_one_build_where_they_fit() -> None:
    segments = [segment(f"b{number}", 20 * MB, "indexed") for number in range(3)]

    (plan,) = plans(segments, hnsw_config={"m": 32})

    assert plan.inputs == ["b0", "b1", "b2"]


@pytest.mark.parametrize(
    ("littered", "expected"),
    [
        pytest.param(segment("b1", 4 * MB, "indexed", dead=1_001), ["b1"], id="a fifth is deleted"),
        pytest.param(segment("b1", 4 * MB, "indexed", dead=1_000), [], id="exactly the threshold is not over it"),
        pytest.param(segment("b1", MB // 2, "indexed", dead=490), [], id="too few rows"),
        pytest.param(segment("a1", 4 * MB, "sealed", dead=1_001), ["a1"], id="without a graph too"),
        pytest.param(segment("a1", 4 * MB, "appendable", dead=1_001), ["a1"], id="the appendable is sealed for it"),
        pytest.param(segment("a1", 0, "sealed", dead=3), ["a1"], id="nothing lives"),
        pytest.param(segment("a1", 0, "appendable", dead=3), [], id="an empty appendable is left"),
    ],
)
def test_vacuum_takes_segments_with_a_large_deleted_share(littered: SegmentSummary, expected: list[str]) -> None:
    chosen = plans([littered], **optimizers(deleted_threshold=0.2, vacuum_min_vector_number=1_000))

    assert [name for plan in chosen for name in plan.inputs] == expected
    assert all(plan.kind == "vacuum" for plan in chosen)
    assert all(bool(plan.seal_first) == (littered.state == "appendable") for plan in chosen)


def test_vacuum_thresholds_of_the_config_count() -> None:
    littered = segment("b1", 4 * MB, "indexed", dead=600)

    assert plans([littered]) == []
    assert [plan.reason for plan in plans([littered], **optimizers(deleted_threshold=0.1))] == [
        "segment b1 has 600 deleted of 4600 rows"
    ]
    assert plans([littered], **optimizers(deleted_threshold=0.1, vacuum_min_vector_number=4_700)) == []


def test_a_vacuum_keeps_the_graph_of_a_segment_that_falls_below_the_threshold() -> None:
    (plan,) = plans([segment("b1", 4 * MB, "indexed", dead=5_000)])

    assert plan.graphs == [""]


def test_more_segments_than_wanted_are_merged_smallest_first() -> None:
    sizes = [90, 20, 40, 30, 80]
    segments = [segment(f"b{number}", size * MB, "indexed") for number, size in enumerate(sizes)]

    (plan,) = plans(segments, **optimizers(default_segment_number=3))

    assert (plan.kind, plan.inputs) == ("merge", ["b1", "b2", "b3"])
    assert plan.reason == "3 small segments become one: there are more than default_segment_number"


def test_a_new_index_takes_in_the_segment_that_it_would_be_merged_with() -> None:
    segments = [segment("b1", 200 * MB, "indexed"), segment("b2", 50 * MB, "indexed"), segment("a3", 31 * MB)]

    (plan,) = plans(segments, **optimizers(default_segment_number=2))

    assert (plan.kind, plan.inputs) == ("index", ["a3", "b2"])


def test_no_merge_makes_a_segment_over_the_largest_size() -> None:
    segments = [segment(f"b{number}", 40 * MB, "indexed") for number in range(4)]

    assert plans(segments, **optimizers(default_segment_number=1, max_segment_size=70_000)) == []
    assert [
        plan.inputs for plan in plans(segments, **optimizers(default_segment_number=1, max_segment_size=80_000))
    ] == [["b0", "b1"], ["b2", "b3"]]


def test_merged_small_segments_get_a_graph_once_they_are_over_the_threshold_together() -> None:
    segments = [segment(f"a{number}", 6 * MB) for number in range(3)]

    (plan,) = plans(segments, **optimizers(default_segment_number=2))

    assert (plan.kind, plan.inputs, plan.graphs) == ("merge", ["a0", "a1"], [""])


def test_rows_without_a_graph_are_merged_among_themselves_while_indexing_is_off() -> None:
    segments = [segment("b0", 3 * MB, "indexed"), *(segment(f"a{number}", 31 * MB) for number in range(3))]

    (plan,) = plans(segments, **optimizers(default_segment_number=3, indexing_threshold=0))

    assert (plan.kind, plan.inputs, plan.graphs) == ("merge", ["a0", "a1"], [])


def test_outputs_stay_under_the_largest_segment_size() -> None:
    segments = [segment(f"a{number}", 31 * MB) for number in range(5)]

    chosen = plans(segments, **optimizers(max_segment_size=64_000, default_segment_number=3))

    assert [plan.inputs for plan in chosen] == [["a0", "a1"], ["a2", "a3"], ["a4"]]


def test_segment_over_the_largest_size_is_built_alone() -> None:
    segments = [segment("a0", 5 * MB), segment("a1", 90 * MB), segment("a2", 12 * MB)]

    chosen = plans(segments, **optimizers(max_segment_size=64_000, default_segment_number=3))

    assert [plan.inputs for plan in chosen] == [["a1"], ["a2"]]


def test_appendable_over_the_threshold_is_sealed_first() -> None:
    (plan,) = plans([segment("a00000001", 5 * MB), segment("a00000002", 31 * MB, "appendable")])

    assert plan.seal_first == "a00000002"
    assert plan.reason == "appendable a00000002 holds 31 MB without a graph, threshold 10 MB"


def test_reason_names_the_first_segments_and_counts_the_others() -> None:
    (small,) = plans([segment("a1", 150 * 1024)], **optimizers(indexing_threshold=100))
    (many,) = plans([segment(f"a{number}", 31 * MB) for number in range(1, 6)])

    assert small.reason == "segment a1 holds 150 kB without a graph, threshold 100 kB"
    assert many.reason.count("holds 31 MB") == 3
    assert many.reason.endswith("; and 2 more segments")


def test_switched_off_optimization_still_says_what_it_would_do() -> None:
    off = config(**optimizers(max_optimization_threads=0))

    assert choose([segment("a1", 31 * MB)], off, LIMITS) == []
    assert [plan.kind for plan in wanted([segment("a1", 31 * MB)], off, LIMITS)] == ["index"]


def test_zeros_of_the_config_stand_for_what_the_machine_has() -> None:
    narrow = config(hnsw_config={"max_indexing_threads": 1})
    own = config(vectors={"": params(hnsw_config={"max_indexing_threads": 3})})

    assert segment_bytes_max(config(), Limits(indexing_threads=4)) == 4 * 256_000 * 1024
    assert segment_bytes_max(narrow, Limits(indexing_threads=4)) == 256_000 * 1024
    assert build_threads(config(**optimizers(max_optimization_threads=8)), Limits(indexing_threads=2)) == 2
    assert build_threads(own, Limits(indexing_threads=4)) == 3
    assert [segments_max(config(), Limits(1, cpus)) for cpus in (1, 4, 6, 64)] == [2, 2, 3, 8]
    assert segments_max(config(**optimizers(default_segment_number=1)), LIMITS) == 1


def test_only_vectors_in_graphs_count_as_indexed() -> None:
    slots = {"near": SlotFigures(100, 1), "far": SlotFigures(70, 1)}
    built = {"near": BUILT, "far": SlotBuild()}

    assert indexed_vectors("indexed", slots, built) == 100
    assert indexed_vectors("sealed", slots, {"near": SlotBuild()}) == 0
    assert indexed_vectors("indexed", slots, {}) == 170


def test_groups_of_a_tenant_are_graphed_where_no_graph_over_all_is_wanted() -> None:
    asked = {"hnsw_config": {"m": 0, "payload_m": 16}, "payload_indexes": TENANT}

    (plan,) = plans([segment("a1", 20 * MB)], **asked)
    (built,) = builds_of(config(**asked)).values()
    after = plans([summary("b1", "indexed", {"": 20_000}, 20_000, {"": built})], **asked)

    assert (plan.kind, plan.graphs, after) == ("index", [""], [])
    assert (built.graph, built.groups) == ("", "payload_m=16 ef_construct=100 over 10000 kB")


def test_payload_m_takes_the_first_indexed_group_field_where_no_tenant_is_declared() -> None:
    indexes = {"b": {"type": "keyword"}, "a": {"type": "integer", "lookup": False}, "c": {"type": "uuid"}}

    grouped = row_order_of(config(hnsw_config={"m": 0, "payload_m": 16}, payload_indexes=indexes))
    plain = row_order_of(config(payload_indexes=indexes))

    assert grouped == ("b", "keyword", True, True)
    assert plain is None
