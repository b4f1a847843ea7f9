"""Properties of the planner over any shard: plans are disjoint and bounded, and doing them all leaves nothing to do."""

from hypothesis import given, settings
from hypothesis import strategies as st

from shared.policies.choose import choose, wanted
from shared.policies.plan import Limits, segment_bytes_max, segments_max
from shared.schema.collections import CollectionConfig
from shared.schema.queries import SegmentSummary
from shared.schema.segments import SlotBuild
from tests.unit.policies.shards_on_paper import ROW_BYTES, PaperShard, config, params, summary

SLOTS = ("near", "far")
LIMITS = Limits(indexing_threads=2, cpus=8)
BUILDS = st.sampled_from([SlotBuild(), SlotBuild("m=16 ef_construct=100"), SlotBuild("m=4 ef_construct=100", "x")])
TENANT = {"user": {"type": "keyword", "is_tenant": True}}
PRINCIPAL = {"at": {"type": "datetime", "is_principal": True}}


@st.composite
def configs(draw: st.DrawFn) -> CollectionConfig:
    graphs = st.fixed_dictionaries({"m": st.sampled_from([0, 4, 16]), "payload_m": st.sampled_from([None, 0, 8])})
    vectors = {slot: params(hnsw_config=draw(graphs)) for slot in SLOTS}
    if draw(st.booleans()):
        vectors.pop("far")
    optimizers = {
        "indexing_threshold": draw(st.sampled_from([0, 1, 100, 10_000])),
        "default_segment_number": draw(st.integers(0, 5)),
        "max_segment_size": draw(st.sampled_from([None, 50, 500, 20_000])),
        "deleted_threshold": draw(st.sampled_from([0.0, 0.2, 1.0])),
        "vacuum_min_vector_number": draw(st.sampled_from([100, 1_000])),
    }
    quantization = draw(st.sampled_from([None, {"scalar": {"type": "int8"}}]))
    return config(
        vectors=vectors,
        optimizers_config=optimizers,
        quantization_config=quantization,
        payload_indexes=draw(st.sampled_from([{}, TENANT, PRINCIPAL])),
    )


@st.composite
def shards(draw: st.DrawFn) -> list[SegmentSummary]:
    count = draw(st.integers(0, 9))
    sealed = [_segment(draw, number) for number in range(count)]
    rows = draw(st.integers(0, 20_000))
    live = draw(st.integers(0, rows))
    return [*sealed, summary(f"a{count:08d}", "appendable", {"near": live, "far": draw(st.integers(0, live))}, rows)]


def _segment(draw: st.DrawFn, number: int) -> SegmentSummary:
    rows = draw(st.integers(1, 20_000))
    live = draw(st.one_of(st.just(0), st.just(rows), st.integers(0, rows)))
    built = {slot: draw(BUILDS) for slot in SLOTS} if draw(st.booleans()) else {}
    state = "indexed" if any(build.graph for build in built.values()) else "sealed"
    name = f"{'b' if built else 'a'}{number:08d}"
    return summary(name, state, {"near": live, "far": draw(st.integers(0, live))}, rows, built)


@settings(max_examples=300, deadline=None)
@given(shards(), configs())
def test_doing_all_plans_leaves_nothing_to_do_and_builds_no_graph_twice(
    segments: list[SegmentSummary], config: CollectionConfig
) -> None:
    shard = PaperShard(segments)

    shard.do(choose(shard.segments, config, LIMITS), config)
    after = choose(shard.segments, config, LIMITS)

    assert after == []
    assert shard.thrown_away == 0


@settings(max_examples=300, deadline=None)
@given(shards(), configs())
def test_doing_one_plan_at_a_time_settles_and_throws_no_graph_away(
    segments: list[SegmentSummary], config: CollectionConfig
) -> None:
    shard = PaperShard(segments)

    for _ in range(2 * len(segments) + 2):
        plans = choose(shard.segments, config, LIMITS)
        shard.do(plans[:1], config)

    assert choose(shard.segments, config, LIMITS) == []
    assert shard.thrown_away == 0


@settings(max_examples=300, deadline=None)
@given(shards(), configs())
def test_outputs_are_bounded_and_segments_few(segments: list[SegmentSummary], config: CollectionConfig) -> None:
    shard = PaperShard(segments)
    bytes_max = segment_bytes_max(config, LIMITS)

    plans = choose(segments, config, LIMITS)
    shard.do(plans, config)

    assert all(plan.input_bytes <= bytes_max or len(plan.inputs) == 1 for plan in plans)
    sealed = [one for one in shard.segments if one.state != "appendable"]
    kinds = [sealed]
    if not config.optimizers_config.indexing_threshold:
        kinds = [[one for one in sealed if one.state == state] for state in ("sealed", "indexed")]
    if len(sealed) > segments_max(config, LIMITS):
        for kind in kinds:
            smallest = sorted(sum(figures.vectors for figures in one.slots.values()) for one in kind)[:2]
            assert len(smallest) < 2 or sum(smallest) * ROW_BYTES > bytes_max


@settings(max_examples=100, deadline=None)
@given(shards(), configs())
def test_the_switch_hides_plans_and_changes_none(segments: list[SegmentSummary], config: CollectionConfig) -> None:
    off = config.model_copy(
        update={"optimizers_config": config.optimizers_config.model_copy(update={"max_optimization_threads": 0})}
    )

    assert choose(segments, off, LIMITS) == []
    assert [plan.inputs for plan in wanted(segments, off, LIMITS)] == [
        plan.inputs for plan in choose(segments, config, LIMITS)
    ]
