"""Calls that wait until a position is applied, and the outcomes that they come for. Bounded both.

An outcome is kept only where it says something (ids were missing). The oldest are forgotten beyond the bound, and a
restart forgets all: then the answer is the plain outcome.
"""

import asyncio
import heapq
from collections import OrderedDict

from shared.errors import ShardUnavailable, TimedOut
from shared.schema.operations import Outcome


class Waiters:
    """Takes positions as they are applied, wakes who waits for them."""

    def __init__(self, waiters_max: int, outcomes_max: int) -> None:
        self._waiters_max = waiters_max
        self._outcomes_max = outcomes_max
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._count = 0
        self._outcomes: OrderedDict[int, Outcome] = OrderedDict()
        self._failure = ""

    def __len__(self) -> int:
        return len(self._waiting)

    def note(self, outcome: Outcome) -> None:
        """Keep an outcome for those who ask."""
        if outcome.missing:
            self._outcomes[outcome.position] = outcome
            if len(self._outcomes) > self._outcomes_max:
                self._outcomes.popitem(last=False)

    def outcome(self, position: int) -> Outcome:
        """Return the outcome of an applied position."""
        return self._outcomes.get(position) or Outcome(position)

    def passed(self, applied: int) -> None:
        """Wake all who wait for positions through `applied`."""
        while self._waiting and self._waiting[0][0] <= applied:
            waiter = heapq.heappop(self._waiting)[2]
            if not waiter.done():
                waiter.set_result(None)

    def fail(self, reason: str) -> None:
        """Refuse all who wait, and who will, with ShardUnavailable; an empty reason lets them wait again."""
        self._failure = reason
        if not reason:
            return
        waiting, self._waiting = self._waiting, []
        for _, _, waiter in waiting:
            if not waiter.done():
                waiter.set_exception(ShardUnavailable(reason))

    async def wait(self, position: int, applied: int, timeout_s: float) -> None:
        """Wait until `position` is applied. Raises TimedOut, ShardUnavailable."""
        if position <= applied:
            return
        if self._failure:
            raise ShardUnavailable(self._failure)
        if len(self._waiting) >= self._waiters_max:
            self._drop_done()
        if len(self._waiting) >= self._waiters_max:
            raise ShardUnavailable(f"{len(self._waiting)} calls wait for a position already, the most allowed")
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._count += 1
        heapq.heappush(self._waiting, (position, self._count, waiter))
        try:
            async with asyncio.timeout(timeout_s):
                await waiter
        except TimeoutError:
            raise TimedOut(f"position {position} was not applied within {timeout_s:g} s") from None

    def _drop_done(self) -> None:
        """Forget waiters that gave up; they stay in the heap until their position passes, or the room is needed."""
        self._waiting = [entry for entry in self._waiting if not entry[2].done()]
        heapq.heapify(self._waiting)
