"""Searches that wait are answered together: one pass over the rows for all that scan them.

A search waits when it arrives while another runs. Short ones run in the loop: those that the loop finds right after a
scan came while it ran. Long ones run in threads: those that find all threads busy. A search that finds the worker idle
runs at once and alone, so nothing is held back for the sake of company.
"""

import asyncio
import math
from collections import deque
from collections.abc import Awaitable, Callable, Sequence
from concurrent.futures import Executor
from functools import partial
from time import perf_counter
from typing import NamedTuple

import structlog

from services.worker.cost import INLINE_MS
from services.worker.counters import Counters
from shared.errors import ShardUnavailable, ShoalError
from shared.query.search import search_hits_together
from shared.query.view import View
from shared.schema.queries import SearchBatch, SearchReply

log = structlog.get_logger(__name__)

SHARED_MS = 0.5
"""Shorter searches are walks or small scans: company would save them less than waiting for it costs."""

WAITED_S = 50e-6
"""A search that arrives so soon after the end of another has waited for it."""

TOGETHER_MAX = 16
"""Searches that are run in one go."""


class Waiting(NamedTuple):
    """A request that waits. `cost_ms` is the estimate."""

    view: View
    read: SearchBatch
    cost_ms: float
    counters: Counters
    reply: asyncio.Future[SearchReply]


class SearchQueue:
    """Takes searches, gives replies. One per worker.

    threads       how many long searches run at once
    waiting_max   how many may run or wait; more are refused
    """

    def __init__(self, pool: Executor, threads: int, waiting_max: int, now: Callable[[], float] = perf_counter) -> None:
        self._pool = pool
        self._now = now
        self._threads = threads
        self._waiting_max = waiting_max
        self._running = 0
        self._long: deque[Waiting] = deque()
        self._short: deque[Waiting] = deque()
        self._scan_ended = -math.inf

    def search(
        self, view: View, read: SearchBatch, cost_ms: float, counters: Counters
    ) -> SearchReply | Awaitable[SearchReply]:
        """Answer now, or return what will. Raises ShardUnavailable when too many wait."""
        if cost_ms > INLINE_MS:
            return self._in_thread(Waiting(view, read, cost_ms, counters, _future()))
        if cost_ms < SHARED_MS or (not self._short and self._now() - self._scan_ended > WAITED_S):
            reply = run_search(view, read, counters)
            if cost_ms >= SHARED_MS:
                self._scan_ended = self._now()
            return reply
        waiting = Waiting(view, read, cost_ms, counters, _future())
        self._short.append(waiting)
        if len(self._short) == 1:
            asyncio.get_running_loop().call_soon(self._run_short)
        return waiting.reply

    def _in_thread(self, waiting: Waiting) -> Awaitable[SearchReply]:
        if self._running + len(self._long) >= self._waiting_max:
            raise ShardUnavailable(f"{self._waiting_max} long reads wait already, the most allowed: try again later")
        waiting.counters.threaded_reads += 1
        self._long.append(waiting)
        self._start_long()
        return waiting.reply

    def _run_short(self) -> None:
        """Run those that waited for a scan in the loop; leave some for the loop's next turn when they are many."""
        group = _taken(self._short, INLINE_MS)
        if group:
            _settle(group, _answers(group))
            self._scan_ended = self._now()
        if self._short:
            asyncio.get_running_loop().call_soon(self._run_short)

    def _start_long(self) -> None:
        loop = asyncio.get_running_loop()
        while self._running < self._threads and self._long:
            group = _taken(self._long, math.inf)
            if group:
                self._running += 1
                loop.run_in_executor(self._pool, _answers, group).add_done_callback(partial(self._ended, group))

    def _ended(self, group: list[Waiting], done: "asyncio.Future[list[SearchReply | Exception]]") -> None:
        self._running -= 1
        error = None if done.cancelled() else done.exception()
        if done.cancelled() or error is not None:
            failure = ShardUnavailable("the worker is closing") if error is None else error
            _settle(group, [failure] * len(group))
        else:
            _settle(group, done.result())
        self._start_long()


def run_search(view: View, read: SearchBatch, counters: Counters) -> SearchReply:
    """Answer one request."""
    started = perf_counter()
    reply = SearchReply(search_hits_together(view, read.searches))
    counters.searches += len(read.searches)
    counters.search_seconds += perf_counter() - started
    return reply


def _future() -> "asyncio.Future[SearchReply]":
    return asyncio.get_running_loop().create_future()


def _taken(queue: deque[Waiting], cost_ms: float) -> list[Waiting]:
    """Take the first request and those that wait for the same rows, up to a cost; requests given up are dropped."""
    while queue and queue[0].reply.done():
        queue.popleft()
    if not queue:
        return []
    group = [queue.popleft()]
    key, searches, spent = _rows_of(group[0].view), len(group[0].read.searches), group[0].cost_ms
    others = [queue.popleft() for _ in range(len(queue))]
    for one in others:
        fits = searches + len(one.read.searches) <= TOGETHER_MAX and spent + one.cost_ms <= cost_ms
        if fits and not one.reply.done() and _rows_of(one.view) == key:
            group.append(one)
            searches, spent = searches + len(one.read.searches), spent + one.cost_ms
        else:
            queue.append(one)
    return group


def _rows_of(view: View) -> tuple[tuple[int, int], ...]:
    """Return what tells whether two views show the same rows: they hold the same arrays."""
    return tuple((id(one.segment), id(one.words)) for one in view)


def _answers(group: Sequence[Waiting]) -> list[SearchReply | Exception]:
    """Return a reply for each, or the error of its own: where one fails, each is searched for apart from the others."""
    if len(group) > 1:
        try:
            return _answers_together(group)
        except ShoalError:
            log.debug("searches are run one by one", searches=len(group))
    return [_answer(one) for one in group]


def _answers_together(group: Sequence[Waiting]) -> list[SearchReply | Exception]:
    started = perf_counter()
    every = [search for one in group for search in one.read.searches]
    hits = iter(search_hits_together(group[0].view, every))
    replies: list[SearchReply | Exception] = [SearchReply([next(hits) for _ in one.read.searches]) for one in group]
    spent = perf_counter() - started
    for one in group:
        one.counters.searches += len(one.read.searches)
        one.counters.search_seconds += spent * len(one.read.searches) / len(every)
        one.counters.searches_together += len(one.read.searches)
    return replies


def _answer(one: Waiting) -> SearchReply | Exception:
    try:
        return run_search(one.view, one.read, one.counters)
    except Exception as error:  # given to whoever asked
        return error


def _settle(group: Sequence[Waiting], replies: Sequence[SearchReply | BaseException]) -> None:
    for one, reply in zip(group, replies, strict=True):
        if one.reply.done():
            continue
        if isinstance(reply, BaseException):
            one.reply.set_exception(reply)
        else:
            one.reply.set_result(reply)
