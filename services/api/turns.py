"""Turns: large bodies are worked on in pieces, and between two of them other requests go on.

Where processors are few, a turn also lasts

1. a pause while searches come, to this api or to another on the machine: one that finds a load at rest waits for
   nobody's slice of a processor;
2. as long as a search is on its way here: that needs the api twice and a worker in between.

Both are bounded, so that a load goes on however many searches come. Without searches it does not wait at all.
"""

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from typing import NamedTuple

from services.api.last_search import LastSearch

Turn = Callable[[], Awaitable[None]]

STEPS = 4
"""Passes of the loop in one turn: a search takes some from its request to the worker, and back to its answer."""
ENOUGH_PROCESSORS = 4
"""With so many, searches, a load's parsing and its applying have one each."""

LATELY_S = 0.02
"""Searches come as long as the last one came so lately: from fifty a second on a load pauses all the time."""


async def plain_turn() -> None:
    """Let other requests go on."""
    for _ in range(STEPS):
        await asyncio.sleep(0)


class Patience(NamedTuple):
    """Seconds that a turn pauses while searches come, and that it waits at most for those on their way; 0 never."""

    pause_s: float = 0.0
    wait_s: float = 0.0


class Turns:
    """The turns of one api."""

    def __init__(
        self, patience: Patience, last_search: LastSearch | None = None, now: Callable[[], float] = time.monotonic
    ) -> None:
        self._patience = patience
        self._last_search = last_search or LastSearch()
        self._now = now
        self._searching = 0
        self._answered = asyncio.Event()

    @contextmanager
    def searching(self) -> Iterator[None]:
        """A search is on its way as long as the block runs."""
        self._searching += 1
        self._last_search.at = self._now()
        self._answered.clear()
        try:
            yield
        finally:
            self._searching -= 1
            if not self._searching:
                self._answered.set()

    async def take(self) -> None:
        """Let other requests go on, and searches be answered."""
        await plain_turn()
        pause_s, wait_s = self._patience
        if pause_s and self._now() - self._last_search.at < LATELY_S:
            await asyncio.sleep(pause_s)
        if self._searching and wait_s:
            with suppress(TimeoutError):
                async with asyncio.timeout(wait_s):
                    await self._answered.wait()


def patience_of(pause_ms: float, wait_ms: float, processors: int) -> Patience:
    """Return how patient turns are on a machine with so many processors."""
    return Patience(pause_ms / 1000, wait_ms / 1000) if processors < ENOUGH_PROCESSORS else Patience()
