"""The status of a collection: what each colour means, that reasons are told, and that it is never green too early."""

import msgspec
import pytest

from services.api.status import Facts, status_of
from shared.policies.plan import Limits
from shared.schema.collections import CollectionConfig, CollectionRecord
from shared.schema.jobs import JobStatus
from shared.schema.queries import DescribeReply, SegmentSummary
from shared.schema.segments import SlotBuild, SlotFigures

LIMITS = Limits(indexing_threads=2, cpus=4)
MB = 1000 * 1024
BUILT = SlotBuild("m=16 ef_construct=100")


def record(generation: int = 1, **config: object) -> CollectionRecord:
    vectors = {"vectors": {"": {"size": 256, "distance": "Dot"}}}
    given = CollectionConfig.model_validate({**vectors, **config})
    return CollectionRecord(uuid="c", name="things", generation=generation, config=given)


def segment(name: str, size: int, state: str, dead: int = 0) -> SegmentSummary:
    live = size // 1024
    built = {"": BUILT} if state == "indexed" else {}
    slots = {"": SlotFigures(live, size)}
    return SegmentSummary(name, state, live + dead, live, live, size, slots=slots, built=built)


BARE = segment("a1", 31 * MB, "sealed")
INDEXED = segment("b1", 31 * MB, "indexed")


def shard(*segments: SegmentSummary, applied: int = 5, generation: int = 1, reason: str = "") -> DescribeReply:
    return DescribeReply(applied, 0, 0, list(segments), generation, {}, reason)


def facts(*shards: DescribeReply | None, **more: object) -> Facts:
    known = Facts([*shards], [5] * len(shards), [], LIMITS, LIMITS)
    return known._replace(**more)


def job(state: str, inputs: list[str], **more: object) -> JobStatus:
    return JobStatus("1", "c", 0, "index", "segment a1 holds 31 MB", inputs, state, **more)


@pytest.mark.parametrize(
    "known",
    [
        pytest.param(facts(shard()), id="empty"),
        pytest.param(facts(shard(segment("a1", 2 * MB, "appendable"))), id="small and nothing indexed"),
        pytest.param(facts(shard(INDEXED), jobs=[job("done", ["a1"])]), id="indexed"),
    ],
)
def test_green_where_nothing_is_left_to_do(known: Facts) -> None:
    assert status_of(record(), known) == ("green", [])


def test_yellow_before_any_job_exists_for_what_the_planner_wants() -> None:
    colour, reasons = status_of(record(), facts(shard(BARE)))

    assert (colour, reasons) == (
        "yellow",
        ["shard 0 wants index: segment a1 holds 31 MB without a graph, threshold 10 MB"],
    )


def test_yellow_from_the_change_to_the_end_of_the_rebuild() -> None:
    changed = record(generation=2, hnsw_config={"m": 32})
    rebuilt = msgspec.structs.replace(INDEXED, segment_id="b2", built={"": SlotBuild("m=32 ef_construct=100")})

    stages = [
        facts(shard(INDEXED)),
        facts(shard(INDEXED, generation=2)),
        facts(shard(INDEXED, generation=2), jobs=[job("queued", ["b1"])]),
        facts(shard(INDEXED, generation=2), jobs=[job("running", ["b1"])]),
        facts(shard(rebuilt, generation=2), jobs=[job("running", ["b1"])]),
        facts(shard(rebuilt, generation=2), jobs=[job("done", ["b1"])]),
    ]

    assert [status_of(changed, stage).colour for stage in stages] == [*["yellow"] * 5, "green"]


def test_yellow_while_logged_operations_are_not_applied() -> None:
    colour, reasons = status_of(record(), facts(shard(applied=3)))

    assert (colour, reasons) == ("yellow", ["2 operations are logged and not applied yet by shard 0"])


def test_yellow_says_what_a_running_job_does_and_how_far_it_is() -> None:
    running = job("running", ["a1"], stage="graph", done=1.0, total=4.0)

    _, reasons = status_of(record(), facts(shard(BARE), jobs=[running]))

    assert reasons == ["index of shard 0 is running, graph 25 %: segment a1 holds 31 MB"]


def test_yellow_says_that_no_optimizer_is_there_to_do_it() -> None:
    colour, reasons = status_of(record(), facts(shard(BARE), optimizer=None))

    assert colour == "yellow"
    assert reasons[-1] == "no optimizer is running: start one"


def test_grey_where_work_is_wanted_and_switched_off() -> None:
    off = record(optimizers_config={"max_optimization_threads": 0})

    wanting = status_of(off, facts(shard(BARE)))
    idle = status_of(off, facts(shard(INDEXED)))

    assert wanting.colour == "grey"
    assert "max_optimization_threads 0" in wanting.reasons[0]
    assert idle == ("green", [])


def test_grey_where_no_worker_serves_a_shard() -> None:
    known = facts(shard(INDEXED), None)

    assert status_of(record(), known) == ("grey", ["no live worker serves shard 1"])


def test_red_with_the_reason_of_a_failed_job_while_its_work_is_wanted() -> None:
    failed = job("failed", ["a1"], error="disk full")

    broken = status_of(record(), facts(shard(BARE), jobs=[failed]))
    unwanted = status_of(record(optimizers_config={"indexing_threshold": 0}), facts(shard(BARE), jobs=[failed]))
    done_since = status_of(record(), facts(shard(INDEXED), jobs=[failed, job("done", ["a1"])]))

    assert broken == ("red", ["index job failed: disk full"])
    assert (unwanted.colour, done_since.colour) == ("green", "green")


def test_red_where_something_is_quarantined() -> None:
    damaged = msgspec.structs.replace(INDEXED, state="quarantined", reason="checksum")

    assert status_of(record(), facts(shard(INDEXED, reason="checksum of b7"))).colour == "red"
    assert status_of(record(), facts(shard(damaged))) == (
        "red",
        ["segment b1 of shard 0 is quarantined: checksum"],
    )


def test_red_with_the_reason_while_a_column_of_a_payload_index_cannot_be_built() -> None:
    waiting = msgspec.structs.replace(shard(INDEXED), unbuilt_columns=1, unbuilt_paths=["city"])
    failing = msgspec.structs.replace(waiting, column_failures={"city": "MemoryError()"})

    assert status_of(record(), facts(waiting)).colour == "yellow"
    assert status_of(record(), facts(failing)) == (
        "red",
        ["shard 0 could not build the payload index `city` and tries again: MemoryError()"],
    )


def test_indexing_threshold_lowered_is_yellow_until_the_graph_is_there() -> None:
    small = segment("a1", MB, "appendable")
    lowered = record(generation=2, optimizers_config={"indexing_threshold": 100})

    before = status_of(record(), facts(shard(small)))
    wanting = status_of(lowered, facts(shard(small, generation=2)))
    after = status_of(lowered, facts(shard(segment("b1", MB, "indexed"), generation=2)))

    assert [before.colour, wanting.colour, after.colour] == ["green", "yellow", "green"]
