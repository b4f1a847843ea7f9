"""An actor: one task that owns a state, fed through a bounded mailbox.

A subclass says what to do in `handle` (one message at a time), or takes over the whole loop in `run`. Its state is
touched by its own task only. A crash ends the task and is reported to whoever started it (see supervisor.py).
"""

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

from shared.actor.mailbox import Mailbox, MailboxClosed

M = TypeVar("M")
OnCrash = Callable[["Actor[M]", Exception], None]

MAILBOX_SIZE = 1024


class Actor(Generic[M]):
    """Takes messages, changes its own state."""

    def __init__(self, name: str, mailbox_size: int = MAILBOX_SIZE) -> None:
        self.name = name
        self.mailbox: Mailbox[M] = Mailbox(mailbox_size)
        self._task: asyncio.Task[None] | None = None

    @property
    def is_running(self) -> bool:
        """True from start to the end of the task."""
        return self._task is not None and not self._task.done()

    async def handle(self, message: M) -> None:
        """Act on one message."""
        raise NotImplementedError

    async def run(self) -> None:
        """Handle messages until the mailbox is closed and empty."""
        while True:
            try:
                message = await self.mailbox.get()
            except MailboxClosed:
                return
            await self.handle(message)

    def start(self, on_crash: "OnCrash[M] | None" = None) -> None:
        """Begin; a crash calls `on_crash`, or is left for `stop` to raise when there is none."""
        assert not self.is_running, f"{self.name} runs already"
        self._task = asyncio.create_task(self.run(), name=self.name)
        if on_crash is not None:
            self._task.add_done_callback(lambda task: self._report(task, on_crash))

    async def stop(self, timeout_s: float = 10.0) -> None:
        """Close the mailbox, let the actor finish what is in it, cancel it when that takes too long."""
        self.mailbox.close()
        if self._task is None:
            return
        done, _ = await asyncio.wait({self._task}, timeout=timeout_s)
        if not done:
            await self.cancel()

    async def cancel(self) -> None:
        """End the task at its next wait."""
        if self._task is None:
            return
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def _report(self, task: asyncio.Task[None], on_crash: "OnCrash[M]") -> None:
        if task.cancelled():
            return
        error = task.exception()
        if isinstance(error, Exception):
            on_crash(self, error)
