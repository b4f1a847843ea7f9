"""The index policy as a table of claims."""

import pytest

from services.optimizer.policies.index import choose
from services.optimizer.policies.plan import Limits, build_threads, segment_bytes_max
from shared.schema.collections import CollectionConfig
from shared.schema.queries import SegmentSummary

MB = 1000 * 1024
LIMITS = Limits(indexing_threads=2)


def segment(name: str, size: int, state: str = "sealed") -> SegmentSummary:
    return SegmentSummary(name, state, rows=10, live=10, vectors=10, largest_slot_bytes=size)


def config(**optimizers: int | None) -> CollectionConfig:
    return CollectionConfig.model_validate({"optimizers_config": optimizers})


@pytest.mark.parametrize(
    ("segments", "expected"),
    [
        pytest.param([], [], id="nothing to do on an empty shard"),
        pytest.param([segment("a1", 10 * MB)], [], id="exactly the threshold is not over it"),
        pytest.param([segment("a1", 11 * MB)], [["a1"]], id="one over the threshold"),
        pytest.param([segment("a1", 11 * MB, "indexed")], [], id="a graph is built once"),
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
def test_inputs_are_all_segments_without_a_graph(segments: list[SegmentSummary], expected: list[list[str]]) -> None:
    plans = choose(segments, config(), LIMITS)

    assert [plan.inputs for plan in plans] == expected


def test_outputs_stay_under_the_largest_segment_size() -> None:
    segments = [segment(f"a{number}", 31 * MB) for number in range(5)]

    plans = choose(segments, config(max_segment_size=64_000), LIMITS)

    assert [plan.inputs for plan in plans] == [["a0", "a1"], ["a2", "a3"], ["a4"]]


def test_segment_over_the_largest_size_is_built_alone() -> None:
    segments = [segment("a0", 5 * MB), segment("a1", 90 * MB), segment("a2", 12 * MB)]

    plans = choose(segments, config(max_segment_size=64_000), LIMITS)

    assert [plan.inputs for plan in plans] == [["a1"], ["a2"]]


def test_default_size_grows_with_the_threads_of_a_build() -> None:
    narrow = CollectionConfig.model_validate({"hnsw_config": {"max_indexing_threads": 1}})

    assert segment_bytes_max(config(), Limits(indexing_threads=4)) == 4 * 256_000 * 1024
    assert segment_bytes_max(narrow, Limits(indexing_threads=4)) == 256_000 * 1024
    assert build_threads(config(max_optimization_threads=8), Limits(indexing_threads=2)) == 2


@pytest.mark.parametrize(
    "off",
    [
        {"optimizers_config": {"indexing_threshold": 0}},
        {"optimizers_config": {"max_optimization_threads": 0}},
        {"hnsw_config": {"m": 0}},
    ],
)
def test_no_plan_when_indexing_is_off(off: dict[str, dict[str, int]]) -> None:
    plans = choose([segment("a1", 90 * MB)], CollectionConfig.model_validate(off), LIMITS)

    assert plans == []


def test_appendable_over_the_threshold_is_sealed_first() -> None:
    segments = [segment("a00000001", 5 * MB), segment("a00000002", 31 * MB, "appendable")]

    (plan,) = choose(segments, config(), LIMITS)

    assert plan.seal_first == "a00000002"
    assert plan.reason == "appendable a00000002 holds 31 MB without a graph, threshold 10 MB"


def test_reason_names_the_segment_its_size_and_the_threshold() -> None:
    (one,) = choose([segment("a00000001", 31 * MB)], config(), LIMITS)
    (small,) = choose([segment("a00000001", 150 * 1024)], config(indexing_threshold=100), LIMITS)
    (many,) = choose([segment(f"a0000000{number}", 31 * MB) for number in range(1, 5)], config(), LIMITS)

    assert one.reason == "segment a00000001 holds 31 MB without a graph, threshold 10 MB"
    assert small.reason == "segment a00000001 holds 150 kB without a graph, threshold 100 kB"
    assert many.reason == "segments a00000001 and 3 more hold 124 MB without a graph, threshold 10 MB each"
