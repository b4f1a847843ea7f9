"""The api's side of a connection to a worker: many calls at once over one socket.

Takes requests, gives replies by call id. Requests made in one loop tick leave in one write. A lost connection fails the
calls in flight with ShardUnavailable (all calls are reads: asking again is safe) and is opened again by the next call,
with a pause that grows while the worker stays away.
"""

import asyncio
from typing import NamedTuple

from shared.errors import ShardUnavailable, TimedOut, TooLarge
from shared.rpc.address import connect
from shared.rpc.frames import (
    Failure,
    FrameReader,
    RequestFrame,
    decode_reply,
    encode_frame,
    error_of,
)
from shared.rpc.link import RpcLimits
from shared.schema.queries import Reply, ShardRequest

SWEEP_S = 0.25
"""How often deadlines are looked at: one timer for all calls is cheaper than one each."""


class _Call(NamedTuple):
    answer: asyncio.Future[Reply]
    deadline: float


class _Connection(asyncio.Protocol):
    """One socket: calls in flight, what is to be written, what has been read."""

    def __init__(self, address: str, limits: RpcLimits) -> None:
        self._address = address
        self._limits = limits
        self._loop = asyncio.get_running_loop()
        self._reader = FrameReader(limits.frame_bytes_max)
        self._calls: dict[int, _Call] = {}
        self._outgoing: list[bytearray] = []
        self._next_call = 0
        self._sweeping: asyncio.TimerHandle | None = None
        self.transport: asyncio.Transport | None = None
        self.is_lost = False

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport) or hasattr(transport, "write")
        self.transport = transport  # type: ignore[assignment]  # uvloop's transports are no subclasses

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_lost = True
        if self._sweeping is not None:
            self._sweeping.cancel()
        calls, self._calls = self._calls, {}
        for call in calls.values():
            if not call.answer.done():
                call.answer.set_exception(self._gone(exc))

    def data_received(self, data: bytes) -> None:
        try:
            bodies = self._reader.feed(data)
        except TooLarge:
            self.abort()
            return
        for body in bodies:
            frame = decode_reply(body)
            call = self._calls.pop(frame.call, None)
            if call is None or call.answer.done():
                continue
            if isinstance(frame.reply, Failure):
                call.answer.set_exception(error_of(frame.reply))
            else:
                call.answer.set_result(frame.reply)

    async def call(self, request: ShardRequest) -> Reply:
        """Send a request and wait for its reply."""
        if len(self._calls) >= self._limits.calls_max:
            raise ShardUnavailable(
                f"worker at {self._address} has {len(self._calls)} calls in flight, the most allowed"
            )
        call = self._next_call
        self._next_call += 1
        frame = encode_frame(RequestFrame(call, request), self._limits.frame_bytes_max)
        answer: asyncio.Future[Reply] = self._loop.create_future()
        self._calls[call] = _Call(answer, self._loop.time() + request.timeout_s + self._limits.grace_s)
        self._write(frame)
        if self._sweeping is None:
            self._sweeping = self._loop.call_later(SWEEP_S, self._sweep)
        try:
            return await answer
        except (asyncio.CancelledError, TimedOut):
            if self._calls.pop(call, None) is not None:
                self._forget(call)
            raise

    def abort(self) -> None:
        """Close at once; `connection_lost` fails what is in flight."""
        if self.transport is not None:
            self.transport.abort()

    def _write(self, frame: bytearray) -> None:
        self._outgoing.append(frame)
        if len(self._outgoing) == 1:
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        frames, self._outgoing = self._outgoing, []
        if self.transport is not None and not self.is_lost:
            self.transport.write(frames[0] if len(frames) == 1 else b"".join(frames))

    def _forget(self, call: int) -> None:
        """Tell the worker that nobody waits for the call."""
        if not self.is_lost:
            self._write(encode_frame(RequestFrame(call, None), self._limits.frame_bytes_max))

    def _sweep(self) -> None:
        self._sweeping = None
        now = self._loop.time()
        for call in self._calls.values():
            if call.deadline < now and not call.answer.done():
                call.answer.set_exception(TimedOut(f"worker at {self._address} did not answer in time"))
        if self._calls:
            self._sweeping = self._loop.call_later(SWEEP_S, self._sweep)

    def _gone(self, cause: Exception | None) -> ShardUnavailable:
        return ShardUnavailable(f"lost the connection to the worker at {self._address}: {cause or 'closed by it'}")


class RemoteLink:
    """A link to the worker at `address`: "unix:/path" or "tcp:host:port". Connects when first called."""

    def __init__(self, address: str, limits: RpcLimits = RpcLimits()) -> None:  # noqa: B008  # immutable
        self.address = address
        self._limits = limits
        self._connection: _Connection | None = None
        self._connecting: asyncio.Task[_Connection] | None = None
        self._pause_s = 0.0
        self._not_before = 0.0
        self._closed = False

    async def call(self, request: ShardRequest) -> Reply:
        """Return the reply, or raise the worker's error; ShardUnavailable, TimedOut, TooLarge of our own."""
        connection = self._connection
        if connection is None or connection.is_lost:
            connection = await self._connected()
        return await connection.call(request)

    async def close(self) -> None:
        """Close the connection; calls in flight fail with ShardUnavailable."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
        if self._connection is not None:
            self._connection.abort()

    async def _connected(self) -> _Connection:
        """Return a live connection; all callers share one try, and none is made during the pause after a failed one."""
        if self._closed:
            raise ShardUnavailable(f"the link to the worker at {self.address} is closed")
        if self._connecting is None:
            if asyncio.get_running_loop().time() < self._not_before:
                raise ShardUnavailable(f"cannot reach the worker at {self.address}, the next try is due soon")
            self._connecting = asyncio.create_task(self._connect())
            self._connecting.add_done_callback(self._settle)
        return await asyncio.shield(self._connecting)

    async def _connect(self) -> _Connection:
        try:
            async with asyncio.timeout(self._limits.connect_timeout_s):
                connection = await connect(self.address, lambda: _Connection(self.address, self._limits))
        except (OSError, TimeoutError) as error:
            first, longest = self._limits.backoff_s
            self._pause_s = min(max(self._pause_s * 2, first), longest)
            self._not_before = asyncio.get_running_loop().time() + self._pause_s
            raise ShardUnavailable(f"cannot reach the worker at {self.address}: {error or 'timed out'}") from error
        self._pause_s = 0.0
        self._connection = connection
        return connection

    def _settle(self, task: asyncio.Task[_Connection]) -> None:
        self._connecting = None
        if not task.cancelled():
            task.exception()  # each caller has raised it already; a caller that left must not leave a warning
