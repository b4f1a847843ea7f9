"""Reads of a shard: short ones at once, long ones in a thread, positions waited for, failures told."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from inspect import isawaitable

import numpy as np
import pytest
from msgspec import structs

from services.worker import cost
from services.worker.counters import Counters
from services.worker.reads import RETRIEVE_STEP, Reader
from services.worker.shard import Shard
from services.worker.waiters import Waiters
from shared.errors import ShardUnavailable, TimedOut
from shared.log.position import ShardKey
from shared.query.view import View
from shared.schema.filters import Filter
from shared.schema.queries import (
    AppliedReply,
    AwaitApplied,
    Count,
    CountReply,
    Describe,
    DescribeReply,
    PointsReply,
    Read,
    Search,
    SearchBatch,
    SearchReply,
    ShardRequest,
    Terms,
)
from tests.builders import count, match, points, retrieve, search, set_payload, upsert, vectors
from tests.unit.query.test_kinds_search import segment, sparse_bytes
from tests.unit.worker.shard_log import COLLECTION, apply_all, new_state

KEY = ShardKey(COLLECTION, 0)


def serving_shard() -> Shard:
    shard = Shard(KEY, Reader(ThreadPoolExecutor(1)), Waiters(10, 10))
    shard.install(new_state(), [], "")
    shard.serve()
    return shard


def asked(read: Read, min_position: int = 0, timeout_s: float = 5.0) -> ShardRequest:
    return ShardRequest(KEY.collection, KEY.shard, read, min_position, timeout_s)


def test_a_short_search_is_answered_at_once() -> None:
    shard = serving_shard()
    assert shard.state is not None
    apply_all(shard.state, upsert(points(5)))

    reply = shard.answer(asked(SearchBatch([search(vectors(1)[0], limit=3)] * 2)))

    assert isinstance(reply, SearchReply)
    assert [len(hits) for hits in reply.results] == [3, 3]
    assert shard.counters.searches == 2


async def test_a_long_search_leaves_the_loop_and_sees_the_moment_it_was_asked() -> None:
    state = new_state()
    apply_all(state, upsert(points(50)))
    reader, counters = Reader(ThreadPoolExecutor(1)), Counters()
    long = SearchBatch([search(vectors(1)[0], limit=50, exact=True)] * 100)

    waiting = reader.read(state.segments(), long, counters)
    apply_all(state, upsert(points(50)))
    assert isawaitable(waiting)
    reply = await waiting

    assert counters.threaded_reads == 1
    assert isinstance(reply, SearchReply)
    assert {len(hits) for hits in reply.results} == {50}


def test_estimates_grow_with_rows_filters_and_searches() -> None:
    state = new_state()
    apply_all(state, upsert(points(60)))
    view = View.of(state.segments())
    plain = search(vectors(1)[0])
    filtered = search(vectors(1)[0], filter=Filter([match("a", 1)]))

    figures = [cost.searches_ms(view, asked_for) for asked_for in ([plain], [filtered], [filtered] * 2)]

    assert figures == sorted(figures)
    assert figures[0] < cost.INLINE_MS


def test_estimates_know_what_each_kind_of_slot_costs() -> None:
    view = View.of([segment([({1: 1.0, place + 2: 2.0}, [[1, 0, 0]] * 100) for place in range(400)], sealed=True)])
    few = Search("s", sparse_bytes({1: 1.0}), 5)
    multi = [Search("m", vectors(rows, 3).astype("<f4").tobytes(), 5) for rows in (1, 8)]

    lists, rows = (cost.searches_ms(view, [each]) for each in (few, structs.replace(few, full_scan_kb=5000)))
    one, eight = (cost.searches_ms(view, [each]) for each in multi)
    terms = cost.terms_ms(view, [Terms("s", np.array([1], "<u4").tobytes())])

    assert lists > 5 * rows > 0
    assert eight > 4 * one > 0
    assert terms > 0


async def test_many_ids_are_retrieved_in_steps_and_in_order() -> None:
    shard = serving_shard()
    assert shard.state is not None
    apply_all(shard.state, *(upsert(points(60, first=first)) for first in range(1, 1200, 60)))

    waiting = shard.answer(asked(retrieve(*range(1200, 0, -1))))
    assert isawaitable(waiting)
    reply = await waiting

    assert RETRIEVE_STEP < 1200
    assert isinstance(reply, PointsReply)
    assert [hit.id for hit in reply.points] == list(range(1200, 0, -1))


async def test_a_read_waits_for_its_position_and_no_longer_than_it_may() -> None:
    shard = serving_shard()
    assert shard.state is not None

    waiting = shard.answer(asked(count(), min_position=1))
    assert isawaitable(waiting)
    task = asyncio.ensure_future(waiting)
    await asyncio.sleep(0)
    apply_all(shard.state, upsert(points(3)))
    shard.passed()

    assert await task == CountReply(3)
    late = shard.answer(asked(count(), min_position=2, timeout_s=0.01))
    assert isawaitable(late)
    with pytest.raises(TimedOut):
        await late


def test_outcomes_of_applied_positions_come_at_once() -> None:
    shard = serving_shard()
    assert shard.state is not None
    for outcome in apply_all(shard.state, upsert(points(3)), set_payload([9], {"a": 1})):
        shard.waiters.note(outcome)

    reply = shard.answer(asked(AwaitApplied([1, 2])))

    assert isinstance(reply, AppliedReply)
    assert [outcome.missing for outcome in reply.outcomes] == [[], [9]]


async def test_a_red_shard_serves_what_it_has_and_refuses_to_wait() -> None:
    shard = serving_shard()
    shard.set_reason("segment a00000001 is quarantined")

    described = shard.answer(asked(Describe()))
    waiting = shard.answer(asked(AwaitApplied([1])))

    assert isinstance(described, DescribeReply)
    assert described.reason == "segment a00000001 is quarantined"
    assert isawaitable(waiting)
    with pytest.raises(ShardUnavailable, match="quarantined"):
        await waiting


def test_a_shard_serves_only_once_it_has_applied_the_head_of_its_start() -> None:
    shard = Shard(KEY, Reader(ThreadPoolExecutor(1)), Waiters(10, 10))
    state = new_state()
    shard.install(state, [], "")
    shard.target = 2
    apply_all(state, upsert(points(3)))
    shard.passed()

    with pytest.raises(ShardUnavailable, match="applied position 1 of 2"):
        shard.answer(asked(Count(None)))
    apply_all(state, upsert(points(1)))
    shard.passed()

    assert shard.answer(asked(Count(None))) == CountReply(3)
