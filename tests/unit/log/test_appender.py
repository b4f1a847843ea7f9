"""Group commit against a log that the test answers for."""

import asyncio
import itertools

import pytest
from redis.asyncio import Redis

from shared.errors import (
    GenerationChanged,
    HeadBehind,
    LogFull,
    LogUnavailable,
    OutcomeUnknown,
    ShardClosed,
    StorageFull,
)
from shared.log.appender import Appender, AppendLimits
from shared.log.position import ShardKey
from shared.log.storage import Storage, StorageGate, publish_storage, read_storage
from shared.log.wal import AppendCall, Wal

KEY = ShardKey("c", 0)


class ScriptedWal(Wal):
    """Answers appends with the next of `answers` (an error, or None to append), one at a time when `gate` is closed."""

    def __init__(self, *answers: Exception | None) -> None:
        self.answers = list(answers)
        self.calls: list[AppendCall] = []
        self.gate = asyncio.Event()
        self.gate.set()
        self.in_flight = 0
        self.head_position = 0

    async def append(self, key: ShardKey, call: AppendCall) -> list[int]:
        self.calls.append(call)
        self.in_flight += 1
        assert self.in_flight == 1
        await self.gate.wait()
        self.in_flight -= 1
        answer = self.answers.pop(0) if self.answers else None
        if answer is not None:
            raise answer
        first = self.head_position + 1
        self.head_position += len(call.entries)
        return list(range(first, first + len(call.entries)))


class StepClock:
    """Time passes only by sleeping."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds
        await asyncio.sleep(0)


async def settle() -> None:
    for _ in range(10):
        await asyncio.sleep(0)


def start(appender: Appender, *calls: tuple[list[bytes], int]) -> list[asyncio.Task[list[int]]]:
    return [asyncio.create_task(appender.append(KEY, entries, generation)) for entries, generation in calls]


async def test_what_arrives_while_an_append_is_in_flight_goes_together() -> None:
    wal = ScriptedWal()
    wal.gate.clear()
    appender = Appender(wal)
    first = start(appender, ([b"a"], 1))
    await settle()
    others = start(appender, ([b"b", b"c"], 1), ([b"d"], 1))
    await settle()

    wal.gate.set()

    assert await asyncio.gather(*first, *others) == [[1], [2, 3], [4]]
    assert [call.entries for call in wal.calls] == [[b"a"], [b"b", b"c", b"d"]]
    assert [call.sequence for call in wal.calls] == [1, 2]
    assert [call.known for call in wal.calls] == [0, 1]


async def test_calls_validated_under_different_generations_go_in_different_batches() -> None:
    wal = ScriptedWal()
    appender = Appender(wal)

    await asyncio.gather(*start(appender, ([b"a"], 1), ([b"b"], 2), ([b"c"], 2)))

    assert [(call.generation, call.entries) for call in wal.calls] == [(1, [b"a"]), (2, [b"b", b"c"])]


async def test_another_generation_is_told_to_those_that_came_with_it_only() -> None:
    wal = ScriptedWal(GenerationChanged("2, not 1"))
    appender = Appender(wal)

    old, new = await asyncio.gather(*start(appender, ([b"a"], 1), ([b"b"], 2)), return_exceptions=True)

    assert isinstance(old, GenerationChanged)
    assert new == [1]


@pytest.mark.parametrize(
    ("limits", "batches"),
    [
        (AppendLimits(entries_max=3), [[b"aa", b"bb"], [b"cc", b"dd", b"ee" * 9]]),
        (AppendLimits(bytes_max=8), [[b"aa", b"bb", b"cc", b"dd"], [b"ee" * 9]]),
    ],
)
async def test_a_batch_keeps_to_its_limits_and_a_caller_stays_together(
    limits: AppendLimits, batches: list[list[bytes]]
) -> None:
    wal = ScriptedWal()
    appender = Appender(wal, limits)
    calls = ([b"aa", b"bb"], 1), ([b"cc", b"dd"], 1), ([b"ee" * 9], 1)

    await asyncio.gather(*start(appender, *calls))

    assert [call.entries for call in wal.calls] == batches


async def test_a_full_log_is_waited_for() -> None:
    wal = ScriptedWal(*[LogFull("full")] * 5)
    appender = Appender(wal, clock=StepClock())

    positions = await asyncio.gather(*start(appender, ([b"a"], 1), ([b"b"], 1)))

    assert positions == [[1], [2]]
    assert appender.counters(KEY).met_full == 5


async def test_a_log_that_stays_full_is_told_after_the_wait() -> None:
    clock = StepClock()
    wal = ScriptedWal(*[LogFull("full", retry_after_s=3)] * 1000)
    appender = Appender(wal, AppendLimits(wait_s=2.0), clock=clock)

    with pytest.raises(LogFull) as caught:
        await appender.append(KEY, [b"a"], 1)

    assert caught.value.retry_after_s == 3
    assert 2.0 <= clock.time <= 2.3
    assert len(wal.calls) < 20


async def test_a_queue_over_its_limit_is_refused_at_once() -> None:
    wal = ScriptedWal()
    wal.gate.clear()
    appender = Appender(wal, AppendLimits(queue_max=2))
    waiting = start(appender, ([b"a"], 1))
    await settle()
    waiting += start(appender, ([b"b"], 1), ([b"c"], 1))
    await settle()

    with pytest.raises(LogFull):
        await appender.append(KEY, [b"d"], 1)

    wal.gate.set()
    assert await asyncio.gather(*waiting) == [[1], [2], [3]]


async def test_a_lost_answer_is_asked_about_with_the_same_call() -> None:
    wal = ScriptedWal(OutcomeUnknown("lost"), LogUnavailable("down"), OutcomeUnknown("lost"))
    appender = Appender(wal, clock=StepClock())

    positions = await appender.append(KEY, [b"a"], 1)

    assert positions == [1]
    assert len(wal.calls) == 4
    assert len(set(map(repr, wal.calls))) == 1


async def test_after_a_lost_answer_a_full_log_does_not_mean_that_nothing_was_appended() -> None:
    wal = ScriptedWal(OutcomeUnknown("lost"), *[LogFull("full")] * 1000)
    appender = Appender(wal, clock=StepClock())

    with pytest.raises(OutcomeUnknown):
        await appender.append(KEY, [b"a"], 1)


@pytest.mark.parametrize("refusal", [GenerationChanged("2"), ShardClosed("closed")])
async def test_after_a_lost_answer_a_refusal_for_good_means_that_nothing_was_appended(refusal: Exception) -> None:
    wal = ScriptedWal(OutcomeUnknown("lost"), refusal)
    appender = Appender(wal, clock=StepClock())

    with pytest.raises(type(refusal)):
        await appender.append(KEY, [b"a"], 1)


@pytest.mark.parametrize("failure", [LogUnavailable("down"), HeadBehind("behind")])
async def test_nothing_sent_is_told_as_such_when_the_retries_end(failure: Exception) -> None:
    clock = StepClock()
    appender = Appender(ScriptedWal(*[failure] * 1000), AppendLimits(retry_s=1.0), clock=clock)

    with pytest.raises(type(failure)):
        await appender.append(KEY, [b"a"], 1)

    assert 0.7 <= clock.time <= 1.0


async def test_what_waits_behind_a_lost_log_is_refused_with_it() -> None:
    wal = ScriptedWal(*[OutcomeUnknown("lost")] * 1000)
    appender = Appender(wal, AppendLimits(entries_max=1), clock=StepClock())

    first, second = await asyncio.gather(*start(appender, ([b"a"], 1), ([b"b"], 1)), return_exceptions=True)

    assert isinstance(first, OutcomeUnknown)
    assert isinstance(second, LogUnavailable)


async def test_a_caller_that_left_before_its_batch_is_not_appended() -> None:
    wal = ScriptedWal()
    wal.gate.clear()
    appender = Appender(wal)
    (first,) = start(appender, ([b"a"], 1))
    await settle()
    leaving, staying = start(appender, ([b"b"], 1), ([b"c"], 1))
    await settle()

    leaving.cancel()
    await settle()
    wal.gate.set()

    assert [await first, await staying] == [[1], [2]]


async def test_a_caller_that_left_does_not_take_its_batch_along() -> None:
    wal = ScriptedWal()
    wal.gate.clear()
    appender = Appender(wal)
    leaving, staying = start(appender, ([b"a"], 1), ([b"b"], 1))
    await settle()

    leaving.cancel()
    await settle()
    wal.gate.set()

    assert await staying == [2]


async def test_close_finishes_what_is_in_flight_and_refuses_the_rest() -> None:
    wal = ScriptedWal()
    wal.gate.clear()
    appender = Appender(wal)
    (first,) = start(appender, ([b"a"], 1))
    await settle()
    (second,) = start(appender, ([b"b"], 1))
    await settle()

    closing = asyncio.create_task(appender.close())
    await settle()
    wal.gate.set()
    await closing

    assert await first == [1]
    with pytest.raises(LogUnavailable):
        await second
    with pytest.raises(LogUnavailable):
        await appender.append(KEY, [b"c"], 1)


async def test_a_mistake_of_ours_reaches_the_callers_and_the_lane_goes_on() -> None:
    wal = ScriptedWal(RuntimeError("bug"))
    appender = Appender(wal)

    with pytest.raises(RuntimeError):
        await appender.append(KEY, [b"a"], 1)

    assert await appender.append(KEY, [b"b"], 1) == [1]


@pytest.mark.parametrize(
    ("free_mb", "log_bytes", "refusal"), [(10, 0, StorageFull), (1000, 5000, LogFull), (None, 0, None), (1000, 0, None)]
)
async def test_the_published_storage_figures_gate_appends(
    any_redis: Redis, free_mb: int | None, log_bytes: int, refusal: type[Exception] | None
) -> None:
    await publish_storage(any_redis, "worker-1", free_mb, log_bytes)
    await publish_storage(any_redis, "worker-2", 5000, 1)
    gate = StorageGate(any_redis, reserve_mb=256, log_bytes_max=5000)
    appender = Appender(ScriptedWal(), AppendLimits(wait_s=0), storage=gate)

    (answer,) = await asyncio.gather(appender.append(KEY, [b"a"], 1), return_exceptions=True)

    assert answer == [1] if refusal is None else isinstance(answer, refusal)


async def test_many_callers_on_a_real_log_get_dense_positions_in_their_order(any_redis: Redis) -> None:
    wal = Wal(any_redis)
    await wal.open_shard(KEY, generation=1)
    appender = Appender(wal)

    calls = [([b"%d.%d" % (caller, part) for part in range(3)], 1) for caller in range(200)]
    positions = await asyncio.gather(*start(appender, *calls))

    assert sorted(itertools.chain.from_iterable(positions)) == list(range(1, 601))
    entries = {entry.position: entry.operation for entry in (await wal.read({KEY: 0}, 1000, 0))[KEY]}
    for (sent, _), got in zip(calls, positions, strict=True):
        assert got == list(range(got[0], got[0] + 3))
        assert [entries[position] for position in got] == sent
    assert appender.counters(KEY).calls <= 6


async def test_writes_go_on_after_redis_came_back_empty_and_the_leader_resumed(any_redis: Redis) -> None:
    wal = Wal(any_redis)
    await wal.open_shard(KEY, generation=1, fence=1)
    appender = Appender(wal, AppendLimits(retry_s=0))
    await appender.append(KEY, [b"a", b"b", b"c"], 1)
    await any_redis.flushall()

    with pytest.raises(HeadBehind):
        await appender.append(KEY, [b"d"], 1)
    await wal.open_shard(KEY, generation=1, fence=2, known=3)
    with pytest.raises(HeadBehind):
        await Appender(wal, AppendLimits(retry_s=0)).append(KEY, [b"by one that knows nothing"], 1)
    at = await wal.resume(KEY, after=3, fence=2)

    assert await appender.append(KEY, [b"d"], 1) == [at + 1]
    assert [entry.position for entry in (await wal.read({KEY: 3}, 10, 0))[KEY]] == [at, at + 1]


async def test_the_figures_of_a_silent_node_vanish(any_redis: Redis) -> None:
    await publish_storage(any_redis, "alive", 900, 5)
    await publish_storage(any_redis, "silent", 1, 7)
    assert await read_storage(any_redis) == Storage(1, 12)
    assert 0 < await any_redis.pttl("{shoal}:storage:silent") <= 30_000

    await any_redis.delete("{shoal}:storage:silent")

    assert await read_storage(any_redis) == Storage(900, 5)
    assert await any_redis.smembers("{shoal}:storage") == {b"alive"}
