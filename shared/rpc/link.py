"""How an api reaches a shard: one Protocol, two implementations (`LocalLink` here, `RemoteLink` in client.py)."""

from collections.abc import Awaitable, Callable
from inspect import isawaitable
from typing import NamedTuple, Protocol

from shared.schema.queries import Reply, ShardRequest

Handler = Callable[[ShardRequest], Reply | Awaitable[Reply]]
"""Answers one request. A plain reply goes out in the same loop tick; an awaitable one when it is done."""


class ShardLink(Protocol):
    """A way to ask the shards of one worker."""

    async def call(self, request: ShardRequest) -> Reply:
        """Return the reply, or raise the worker's error. ShardUnavailable when the worker cannot be reached."""
        ...

    async def close(self) -> None:
        """Let go of the connection; calls in flight fail."""
        ...


class RpcLimits(NamedTuple):
    """Bounds of one connection, the same on both sides.

    frame_bytes_max    a longer frame is refused
    calls_max          calls in flight; one more is refused
    connect_timeout_s  how long opening a connection may take
    grace_s            how long past `timeout_s` of a request its caller waits for the worker to say so itself
    backoff_s          first and longest pause between two tries to connect
    """

    frame_bytes_max: int = 256 * 2**20
    calls_max: int = 4096
    connect_timeout_s: float = 2.0
    grace_s: float = 1.0
    backoff_s: tuple[float, float] = (0.05, 0.25)


class LocalLink:
    """The shard lives in this process: a plain call."""

    def __init__(self, handler: Handler) -> None:
        self._handler = handler

    async def call(self, request: ShardRequest) -> Reply:
        reply = self._handler(request)
        return await reply if isawaitable(reply) else reply

    async def close(self) -> None:
        """Nothing is held."""
