"""Upserts that are applied as one: the same segments, rows and answers as one after another."""

import random
from concurrent.futures import ThreadPoolExecutor

import pytest

from services.worker.applier import RUN_BYTES, Applier
from services.worker.reads import Reader
from services.worker.shard import Shard
from services.worker.waiters import Waiters
from shared.errors import LogGap
from shared.log.position import Entry, ShardKey
from shared.schema.collections import SealConfig
from shared.schema.operations import Upsert, encode_operation
from shared.segment.checksum import logical_checksum
from shared.segment.id_map import IdBatch
from tests.builders import config, delete, point, points, upsert
from tests.kinds import MIXED, random_point, read, written
from tests.unit.worker.shard_log import COLLECTION, apply_all, content, new_state


def some_upserts(seed: int, count: int = 40) -> list[Upsert]:
    """Return small upserts of which some replace points of others."""
    source = random.Random(seed)
    return [
        written(MIXED, [random_point(source, one) for one in source.sample(range(70), source.randint(1, 6))])
        for _ in range(count)
    ]


@pytest.mark.parametrize("seal", [SealConfig(vector_bytes=2**30, rows=23), SealConfig(vector_bytes=9_000, rows=2**20)])
@pytest.mark.parametrize("seed", range(3))
def test_joined_upserts_leave_the_state_that_they_leave_one_by_one(seed: int, seal: SealConfig) -> None:
    given = MIXED.model_copy(update={"seal": seal})
    alone, together = new_state(given), new_state(given)
    upserts = list(enumerate(some_upserts(seed), 1))
    source = random.Random(seed)

    for position, operation in upserts:
        alone.apply(position, operation)
    while upserts:
        size = source.randint(1, 12)
        together.apply_upserts(upserts[:size])
        upserts = upserts[size:]

    assert _segments(together) == _segments(alone)
    assert logical_checksum(together.segments()) == logical_checksum(alone.segments())
    assert read(together.segments(), MIXED, range(70)) == read(alone.segments(), MIXED, range(70))
    assert (together.applied, together.points_applied) == (alone.applied, alone.points_applied)


def test_each_joined_upsert_has_its_own_outcome_and_version() -> None:
    state = new_state()

    outcomes = state.apply_upserts([(1, upsert(points(2))), (2, upsert(point(9))), (3, upsert(point(1)))])

    segment = state.segments()[0]
    assert [outcome.position for outcome in outcomes] == [1, 2, 3]
    assert segment.versions(segment.rows_of(IdBatch.from_ids([1, 2, 9]))) == [3, 1, 2]


def test_joined_upserts_that_were_applied_change_nothing() -> None:
    state = new_state()
    apply_all(state, upsert(points(3)), delete(2))

    outcomes = state.apply_upserts([(1, upsert(points(3))), (2, upsert(point(2))), (3, upsert(point(7)))])

    assert [outcome.position for outcome in outcomes] == [1, 2, 3]
    assert sorted(content(state)) == [1, 3, 7]


@pytest.mark.parametrize("positions", [(2, 3), (1, 3)])
def test_a_gap_among_joined_upserts_changes_nothing(positions: tuple[int, int]) -> None:
    state = new_state()

    with pytest.raises(LogGap, match="expected position"):
        state.apply_upserts([(position, upsert(point(position))) for position in positions])

    assert (state.applied, content(state)) == (0, {})


async def test_the_applier_joins_upserts_and_keeps_the_order_of_everything_else() -> None:
    large = upsert(points(4000, first=1000))
    operations = [upsert(point(1)), upsert(point(2)), delete(1), upsert(point(1)), upsert(point(3)), large, delete(3)]
    shard = Shard(ShardKey(COLLECTION, 0), Reader(ThreadPoolExecutor(1)), Waiters(10, 10))
    shard.state = new_state(config(seal=SealConfig(vector_bytes=2**30, rows=2**20)))
    applier = Applier(shard, lambda is_urgent: None, _raise)

    await applier.handle([Entry(at, encode_operation(one)) for at, one in enumerate(operations, 1)])

    assert len(encode_operation(large)) > RUN_BYTES
    assert sorted(content(shard.state))[:3] == [1, 2, 1000]
    assert (shard.state.applied, shard.counters.operations_applied) == (7, 7)


def _raise(error: Exception) -> None:
    raise error


def _segments(state: object) -> list[tuple[str, int, int]]:
    return [(one.segment_id, one.count, one.live_count) for one in state.segments()]  # type: ignore[attr-defined]
