"""Runs reads over the segments of one moment: short ones in place, long ones in a thread, a bounded number at once.

Searches have a queue of their own, so that those that wait are run together.
"""

import asyncio
import os
from collections.abc import Awaitable, Callable
from concurrent.futures import Executor
from time import perf_counter
from typing import TypeVar

from services.worker.cost import HIT_MS, INLINE_MS, filter_ms, searches_ms, terms_ms, values_ms
from services.worker.counters import Counters
from services.worker.together import SearchQueue
from shared.errors import ShardUnavailable
from shared.query.count import count_segments
from shared.query.facet import facet_segments
from shared.query.ordered import ordered_segments
from shared.query.retrieve import retrieve_points
from shared.query.scroll import scroll_segments
from shared.query.term_stats import count_terms
from shared.query.view import View
from shared.schema.queries import (
    Count,
    CountReply,
    Facet,
    FacetReply,
    PointsReply,
    Reply,
    Retrieve,
    Scroll,
    SearchBatch,
    TermStats,
    TermStatsReply,
)
from shared.segment.base import Segment

THREADED_MAX = 256
"""Long reads that run or wait for a thread, per worker."""

RETRIEVE_STEP = 512
"""Ids looked up before other work of the loop gets its turn."""

T = TypeVar("T")

ReadPoints = SearchBatch | Retrieve | Scroll | Count | Facet | TermStats


class Reader:
    """Takes reads and the segments to read, gives replies. One per worker."""

    def __init__(self, pool: Executor, threads: int = 0) -> None:
        self._pool = pool
        self._threaded = 0
        self._searches = SearchQueue(pool, threads or os.cpu_count() or 1, THREADED_MAX)

    def read(self, segments: tuple[Segment, ...], read: ReadPoints, counters: Counters) -> Reply | Awaitable[Reply]:
        """Answer now, or return what will."""
        if type(read) is Retrieve:
            if len(read.ids) > RETRIEVE_STEP:
                return _retrieve_in_steps(segments, read, counters)
            return _run(View.of(segments), read, counters)
        view = View.of(segments)
        cost_ms = _estimated_ms(view, read)
        if type(read) is SearchBatch:
            return self._searches.search(view, read, cost_ms, counters)
        if cost_ms <= INLINE_MS:
            return _run(view, read, counters)
        if self._threaded >= THREADED_MAX:
            raise ShardUnavailable(f"{self._threaded} long reads wait already, the most allowed: try again later")
        return self.in_thread(lambda: _run(view, read, counters), counters)

    async def in_thread(self, work: Callable[[], T], counters: Counters) -> T:
        """Run what takes long in a thread."""
        self._threaded += 1
        counters.threaded_reads += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, work)
        finally:
            self._threaded -= 1


def _estimated_ms(view: View, read: ReadPoints) -> float:
    if type(read) is SearchBatch:
        return searches_ms(view, read.searches)
    if type(read) is TermStats:
        return terms_ms(view, read.terms)
    if type(read) is Scroll:
        order_ms = 0.0 if read.order_by is None else values_ms(view, read.order_by.key, read.order_by)
        return filter_ms(view, read.filter) + order_ms + read.limit * HIT_MS
    if type(read) is Facet:
        return filter_ms(view, read.filter) + values_ms(view, read.key)
    return filter_ms(view, read.filter) if type(read) is Count else 0.0


def _run(view: View, read: ReadPoints, counters: Counters) -> Reply:
    started = perf_counter()
    reply: Reply
    if type(read) is Retrieve:
        reply = PointsReply(retrieve_points(view, read))
    elif type(read) is Scroll:
        reply = PointsReply(scroll_segments(view, read) if read.order_by is None else ordered_segments(view, read))
    elif type(read) is Facet:
        reply = FacetReply(facet_segments(view, read))
    elif type(read) is TermStats:
        reply = TermStatsReply([count_terms(view, terms) for terms in read.terms])
    else:
        assert type(read) is Count
        reply = CountReply(count_segments(view, read))
    counters.reads += 1
    counters.read_seconds += perf_counter() - started
    return reply


async def _retrieve_in_steps(segments: tuple[Segment, ...], read: Retrieve, counters: Counters) -> Reply:
    """Look ids up in pieces, each of one moment: a lookup cannot run in a thread beside changes."""
    points = []
    for first in range(0, len(read.ids), RETRIEVE_STEP):
        piece = Retrieve(read.ids[first : first + RETRIEVE_STEP], read.with_payload, read.with_vector)
        reply = _run(View.of(segments), piece, counters)
        assert isinstance(reply, PointsReply)
        points += reply.points
        await asyncio.sleep(0)
    return PointsReply(points)
