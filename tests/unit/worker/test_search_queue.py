"""Searches that wait are run together; those that find the worker idle run at once."""

import asyncio
import threading
from concurrent.futures import Executor, Future, ThreadPoolExecutor
from inspect import isawaitable
from typing import Any

import pytest

from services.worker import together
from services.worker.cost import INLINE_MS
from services.worker.counters import Counters
from services.worker.together import SHARED_MS, TOGETHER_MAX, SearchQueue
from shared.errors import BadInput, ShardUnavailable
from shared.query.view import View
from shared.schema.queries import Search, SearchBatch, SearchReply
from tests.builders import point, points, search, upsert, vectors
from tests.unit.worker.shard_log import apply_all, new_state

LONG_MS = 2 * INLINE_MS
SCAN_MS = 2 * SHARED_MS


class HeldPool(Executor):
    """Runs what it is given in one thread, once it is let go."""

    def __init__(self) -> None:
        self._pool = ThreadPoolExecutor(1)
        self.go = threading.Event()
        self.calls = 0

    def submit(self, call: Any, /, *arguments: Any, **named: Any) -> "Future[Any]":
        self.calls += 1
        return self._pool.submit(self._run, call, *arguments)

    def _run(self, call: Any, *arguments: Any) -> Any:
        self.go.wait(5)
        return call(*arguments)


def a_view(count: int = 30) -> View:
    state = new_state()
    apply_all(state, upsert(points(count)))
    return View.of(state.segments())


def a_batch(seed: int, limit: int = 3) -> SearchBatch:
    return SearchBatch([search(vectors(1, 4, seed)[0], limit=limit)])


def right_after_a_scan() -> SearchQueue:
    """A queue whose clock stands still at the end of a scan."""
    queue = SearchQueue(HeldPool(), 1, 10, now=lambda: 0.0)
    queue.search(a_view(), a_batch(0), SCAN_MS, Counters())
    return queue


def answered(view: View, read: SearchBatch) -> SearchReply:
    return together.run_search(view, read, Counters())


async def test_a_search_that_finds_the_worker_idle_is_answered_at_once() -> None:
    queue, view = SearchQueue(HeldPool(), 1, 10), a_view()

    reply = queue.search(view, a_batch(1), SCAN_MS, Counters())

    assert reply == answered(view, a_batch(1))


async def test_short_scans_that_come_right_after_a_scan_are_run_in_one_go() -> None:
    queue, view, counters = right_after_a_scan(), a_view(), Counters()

    waiting = [queue.search(view, a_batch(seed), SCAN_MS, counters) for seed in range(3)]
    replies = [await reply for reply in waiting if isawaitable(reply)]

    assert replies == [answered(view, a_batch(seed)) for seed in range(3)]
    assert (counters.searches, counters.searches_together) == (3, 3)


async def test_walks_do_not_wait_for_company() -> None:
    queue, view = right_after_a_scan(), a_view()

    reply = queue.search(view, a_batch(1), SHARED_MS / 2, Counters())

    assert isinstance(reply, SearchReply)


async def test_short_scans_beyond_the_loops_patience_wait_for_its_next_turn() -> None:
    queue, view, counters = right_after_a_scan(), a_view(), Counters()

    waiting = [queue.search(view, a_batch(seed), INLINE_MS, counters) for seed in range(3)]
    replies = [await reply for reply in waiting if isawaitable(reply)]

    assert replies == [answered(view, a_batch(seed)) for seed in range(3)]
    assert counters.searches_together == 0


async def test_long_searches_that_find_all_threads_busy_are_run_in_one_go() -> None:
    pool, view, counters = HeldPool(), a_view(), Counters()
    queue = SearchQueue(pool, 1, 50)

    waiting = [queue.search(view, a_batch(seed, 1 + seed), LONG_MS, counters) for seed in range(6)]
    pool.go.set()
    replies = [await reply for reply in waiting if isawaitable(reply)]

    assert replies == [answered(view, a_batch(seed, 1 + seed)) for seed in range(6)]
    assert (pool.calls, counters.searches_together, counters.threaded_reads) == (2, 5, 6)


async def test_only_searches_of_the_same_moment_share_a_run_and_no_more_than_allowed() -> None:
    pool, older, newer = HeldPool(), a_view(), a_view()
    queue = SearchQueue(pool, 1, 100)
    given = [(older, a_batch(0)), *((older, a_batch(seed)) for seed in range(TOGETHER_MAX + 1)), (newer, a_batch(1))]

    waiting = [queue.search(view, read, LONG_MS, Counters()) for view, read in given]
    pool.go.set()
    replies = [await reply for reply in waiting if isawaitable(reply)]

    assert replies == [answered(view, read) for view, read in given]
    assert pool.calls == 4


async def test_a_search_that_fails_does_not_fail_its_company() -> None:
    pool, view = HeldPool(), a_view()
    queue = SearchQueue(pool, 1, 10)
    bad = SearchBatch([Search("", b"1234", 3)])

    waiting = [queue.search(view, read, LONG_MS, Counters()) for read in (a_batch(0), a_batch(1), bad, a_batch(2))]
    pool.go.set()
    replies = await asyncio.gather(*waiting, return_exceptions=True)  # type: ignore[arg-type]

    assert isinstance(replies[2], BadInput)
    assert [replies[place] for place in (1, 3)] == [answered(view, a_batch(seed)) for seed in (1, 2)]


async def test_a_search_given_up_while_it_waits_is_not_run() -> None:
    pool, view, counters = HeldPool(), a_view(), Counters()
    queue = SearchQueue(pool, 1, 10)
    first, given_up, last = (queue.search(view, a_batch(seed), LONG_MS, counters) for seed in range(3))
    assert isinstance(given_up, asyncio.Future)

    given_up.cancel()
    pool.go.set()
    assert isawaitable(first)
    assert isawaitable(last)
    await asyncio.gather(first, last)

    assert counters.searches == 2


async def test_more_long_searches_than_may_wait_are_refused() -> None:
    pool, view = HeldPool(), a_view()
    queue = SearchQueue(pool, 1, 2)
    waiting = [queue.search(view, a_batch(seed), LONG_MS, Counters()) for seed in range(2)]

    with pytest.raises(ShardUnavailable, match="2 long reads wait already"):
        queue.search(view, a_batch(3), LONG_MS, Counters())

    pool.go.set()
    await asyncio.gather(*waiting)  # type: ignore[arg-type]


async def test_answers_are_of_the_moment_that_each_was_asked() -> None:
    state = new_state()
    apply_all(state, upsert(point(1, [1, 0, 0, 0])))
    pool = HeldPool()
    queue = SearchQueue(pool, 1, 10)
    read = SearchBatch([search([1, 0, 0, 0])])

    before = queue.search(View.of(state.segments()), read, LONG_MS, Counters())
    apply_all(state, upsert(point(2, [2, 0, 0, 0])))
    after = queue.search(View.of(state.segments()), read, LONG_MS, Counters())
    pool.go.set()
    replies = await asyncio.gather(before, after)  # type: ignore[arg-type]

    assert [[hit.id for hit in reply.results[0]] for reply in replies] == [[1], [2, 1]]
