"""A bounded queue between actors of one event loop: putting waits while it is full, closing lets the rest be taken."""

import asyncio
from collections import deque
from typing import Generic, TypeVar

M = TypeVar("M")


class MailboxClosed(Exception):  # a state, not a fault
    """Nothing more can be put, or everything has been taken."""


class Mailbox(Generic[M]):
    """Takes messages of any number of senders, gives them in order to one receiver."""

    def __init__(self, size: int) -> None:
        assert size > 0
        self.size = size
        self._messages: deque[M] = deque()
        self._changed: deque[asyncio.Future[None]] = deque()
        self._receiver: asyncio.Future[None] | None = None
        self.is_closed = False

    def __len__(self) -> int:
        return len(self._messages)

    @property
    def has_room(self) -> bool:
        """True while a message can be offered."""
        return not self.is_closed and len(self._messages) < self.size

    def offer(self, message: M) -> bool:
        """Put a message if there is room; tell whether there was."""
        if not self.has_room:
            return False
        self._messages.append(message)
        if self._receiver is not None and not self._receiver.done():
            self._receiver.set_result(None)
        return True

    async def put(self, message: M) -> None:
        """Put a message, waiting for room. Raises MailboxClosed."""
        while not self.offer(message):
            if self.is_closed:
                raise MailboxClosed
            room = asyncio.get_running_loop().create_future()
            self._changed.append(room)
            try:
                await room
            except asyncio.CancelledError:
                self._wake_sender()  # the wake-up may have been ours: pass it on
                raise

    async def get(self) -> M:
        """Take the oldest message, waiting for one. Raises MailboxClosed when it is closed and empty."""
        while not self._messages:
            if self.is_closed:
                raise MailboxClosed
            self._receiver = asyncio.get_running_loop().create_future()
            try:
                await self._receiver
            finally:
                self._receiver = None
        message = self._messages.popleft()
        self._wake_sender()
        return message

    def take(self) -> M | None:
        """Take the oldest message if there is one."""
        if not self._messages:
            return None
        message = self._messages.popleft()
        self._wake_sender()
        return message

    def clear(self) -> None:
        """Throw away what is in it."""
        while self.take() is not None:
            pass

    def close(self) -> None:
        """Refuse new messages; the receiver still gets the old ones."""
        self.is_closed = True
        while self._changed:
            self._wake_sender()
        if self._receiver is not None and not self._receiver.done():
            self._receiver.set_result(None)

    def _wake_sender(self) -> None:
        while self._changed:
            room = self._changed.popleft()
            if not room.done():
                room.set_result(None)
                return
