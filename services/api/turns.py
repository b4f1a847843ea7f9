"""Turns: large bodies are worked on in pieces, and between two of them other requests go on.

Where processors are few, a turn lasts as long as a search is on its way: that needs the api twice and a worker in
between, and would wait for a processor each time. Bounded, so that a load goes on however many searches come.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress

Turn = Callable[[], Awaitable[None]]

STEPS = 4
"""Passes of the loop in one turn: a search takes some from its request to the worker, and back to its answer."""
ENOUGH_PROCESSORS = 4
"""With so many, searches, a load's parsing and its applying have one each."""


async def plain_turn() -> None:
    """Let other requests go on."""
    for _ in range(STEPS):
        await asyncio.sleep(0)


class Turns:
    """The turns of one api. Waits for searches at most `patience_s` a turn; 0 never."""

    def __init__(self, patience_s: float) -> None:
        self._patience_s = patience_s
        self._searching = 0
        self._answered = asyncio.Event()

    @contextmanager
    def searching(self) -> Iterator[None]:
        """A search is on its way as long as the block runs."""
        self._searching += 1
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
        if self._searching and self._patience_s:
            with suppress(TimeoutError):
                async with asyncio.timeout(self._patience_s):
                    await self._answered.wait()


def patience(patience_ms: float, processors: int) -> float:
    """Return the seconds that a turn waits for searches on a machine with so many processors."""
    return patience_ms / 1000 if processors < ENOUGH_PROCESSORS else 0.0
