"""How entries are applied: in turns with other work, with cold payloads read elsewhere, and never by halves."""

import asyncio
import threading
from concurrent.futures import ThreadPoolExecutor
from inspect import isawaitable
from pathlib import Path

import pytest

from services.worker.applier import COLD_ROWS_MAX, Applier
from services.worker.publisher import MIDWAY_S, Publisher, Surroundings
from services.worker.reads import Reader
from services.worker.shard import Shard
from services.worker.waiters import Waiters
from shared.clock import SystemClock
from shared.errors import ShardUnavailable
from shared.log.position import Entry, ShardKey
from shared.log.wal import Wal
from shared.schema.collections import SealConfig, VectorParams
from shared.schema.filters import Filter
from shared.schema.operations import Delete, DeleteVectors, Operation, Seal, UpdateMode, Upsert, encode_operation
from shared.schema.queries import AwaitApplied, ShardRequest
from tests.builders import config, match, point, upsert
from tests.unit.worker.shard_log import COLLECTION, apply_all, content, new_state

KEY = ShardKey(COLLECTION, 0)
LARGE = config(vectors={"": VectorParams(size=4, distance="Dot")}, seal=SealConfig(vector_bytes=2**30, rows=2**20))
IS_RED = Filter(must=[match("colour", "red")])


class Bench:
    """A shard with an applier. Faults are noted."""

    def __init__(self, pool: ThreadPoolExecutor) -> None:
        self.faults: list[Exception] = []
        self.shard = Shard(KEY, Reader(pool), Waiters(10, 10))
        self.shard.install(new_state(LARGE), [], "")
        self.shard.serve()
        self.applier = Applier(self.shard, lambda is_urgent: None, self.faults.append, pool)

    def fill(self, count: int) -> None:
        """Write red points."""
        assert self.shard.state is not None
        for first in range(0, count, 500):
            some = [point(one, payload={"colour": "red"}) for one in range(first, min(first + 500, count))]
            apply_all(self.shard.state, upsert(some))

    def publisher(self, directory: Path, pool: ThreadPoolExecutor) -> Publisher:
        """Return what publishes the shard's checkpoints."""
        around = Surroundings("cluster", directory, pool, _Untrimmed(), SystemClock(), lambda: ("c", ()), lambda: 1)
        return Publisher(self.shard, around, None)

    def entries(self, *operations: Operation) -> list[Entry]:
        """Return the log entries of the next operations."""
        assert self.shard.state is not None
        first = self.shard.state.applied + 1
        return [Entry(at, encode_operation(one)) for at, one in enumerate(operations, first)]


async def test_others_have_turns_within_one_long_operation() -> None:
    turns: list[bool] = []
    with ThreadPoolExecutor(1) as pool:
        bench = Bench(pool)
        bench.fill(3000)
        state = bench.shard.state
        assert state is not None

        applying = asyncio.create_task(bench.applier.handle(bench.entries(DeleteVectors([], [""], Filter()))))
        while not applying.done():
            await asyncio.sleep(0)
            turns.append(state.is_midway)

    assert sum(turns) > 1
    assert (bench.faults, state.is_midway, len(content(state))) == ([], False, 3000)


async def test_who_waits_for_a_long_operation_waits_for_its_end() -> None:
    with ThreadPoolExecutor(1) as pool:
        bench = Bench(pool)
        bench.fill(2000)
        state = bench.shard.state
        assert state is not None
        wanted = ShardRequest(KEY.collection, KEY.shard, AwaitApplied([state.applied + 1]), timeout_s=10)

        answer = bench.shard.answer(wanted)
        assert isawaitable(answer)
        waiting = asyncio.ensure_future(answer)
        await bench.applier.handle(bench.entries(DeleteVectors([], [""], Filter())))
        await waiting

    segment = state.segments()[0]
    assert segment.count == 4000


async def test_payloads_that_a_filter_needs_are_read_in_a_thread_while_others_go_on() -> None:
    gate, turns = threading.Event(), 0
    with ThreadPoolExecutor(1) as pool:
        bench = Bench(pool)
        bench.fill(COLD_ROWS_MAX + 500)
        pool.submit(gate.wait)

        applying = asyncio.create_task(bench.applier.handle(bench.entries(Delete([], IS_RED), Seal("a00000001"))))
        for _ in range(50):
            await asyncio.sleep(0)
            turns += 1
        is_waiting = not applying.done()
        gate.set()
        await applying

    assert (turns, is_waiting, bench.faults) == (50, True, [])
    assert bench.shard.state is not None
    assert content(bench.shard.state) == {}


async def test_upserts_that_choose_among_their_points_are_applied_one_by_one_and_in_order() -> None:
    def insert(value: int) -> Upsert:
        plain = upsert(point(1, payload={"n": value}))
        return Upsert(plain.ids, plain.slots, plain.payloads, mode=UpdateMode.INSERT_ONLY)

    with ThreadPoolExecutor(1) as pool:
        bench = Bench(pool)

        await bench.applier.handle(
            bench.entries(insert(1), insert(2), upsert(point(2)), upsert(point(3)), insert(3), upsert(point(4)))
        )

    assert bench.shard.state is not None
    assert bench.faults == []
    assert content(bench.shard.state) == {1: {"n": 1}, 2: {}, 3: {}, 4: {}}
    assert bench.shard.counters.operations_applied == 6


async def test_a_checkpoint_waits_for_the_end_of_an_operation(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        bench = Bench(pool)
        bench.fill(1000)
        state, publisher = bench.shard.state, bench.publisher(tmp_path, pool)
        assert state is not None
        steps = state.steps(state.applied + 1, DeleteVectors([], [""], Filter()))
        next(steps)

        publishing = asyncio.create_task(publisher.publish())
        await asyncio.sleep(2 * MIDWAY_S)
        is_waiting = not publishing.done()
        for _ in steps:
            pass
        await publishing

    assert is_waiting
    assert bench.shard.checkpoint == state.applied == 3


async def test_an_operation_that_was_broken_off_is_never_checkpointed(tmp_path: Path) -> None:
    with ThreadPoolExecutor(1) as pool:
        bench = Bench(pool)
        bench.fill(1000)
        state, publisher = bench.shard.state, bench.publisher(tmp_path, pool)
        assert state is not None
        steps = state.steps(state.applied + 1, DeleteVectors([], [""], Filter()))
        next(steps)
        steps.close()

        publisher.mailbox.close()
        with pytest.raises(ShardUnavailable, match="in the middle of an operation"):
            await publisher.publish()

    assert bench.shard.checkpoint == 0


class _Untrimmed(Wal):
    """A log of which nothing is trimmed."""

    def __init__(self) -> None:
        pass

    async def trim(self, key: ShardKey, through: int, fence: int) -> int:
        return 0
