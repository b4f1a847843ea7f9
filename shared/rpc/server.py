"""The worker's side: answers requests of any number of connections through one handler.

A reply that the handler gives at once is written in the same tick, together with all others of that read. A handler
that waits gets a task, ended when the client forgets the call or goes away. A client that does not read its replies is
not read from either.
"""

import asyncio
from collections.abc import Awaitable
from inspect import isawaitable

import msgspec
import structlog

from shared.errors import ShardUnavailable, ShoalError, TooLarge
from shared.rpc.address import listen, remove_socket
from shared.rpc.frames import (
    Failure,
    FrameReader,
    ReplyFrame,
    decode_request,
    encode_frame,
    failure_of,
)
from shared.rpc.link import Handler, RpcLimits
from shared.schema.queries import Reply

log = structlog.get_logger(__name__)


class _Connection(asyncio.Protocol):
    """One client's socket."""

    def __init__(self, handler: Handler, limits: RpcLimits, peers: set["_Connection"]) -> None:
        self._handler = handler
        self._limits = limits
        self._peers = peers
        self._loop = asyncio.get_running_loop()
        self._reader = FrameReader(limits.frame_bytes_max)
        self.tasks: dict[int, asyncio.Task[None]] = {}
        self._outgoing: list[bytearray] = []
        self._in_read = False
        self.transport: asyncio.Transport

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = transport  # type: ignore[assignment]  # uvloop's transports are no subclasses
        self._peers.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        self._peers.discard(self)
        for task in self.tasks.values():
            task.cancel()

    def pause_writing(self) -> None:
        self.transport.pause_reading()

    def resume_writing(self) -> None:
        self.transport.resume_reading()

    def data_received(self, data: bytes) -> None:
        self._in_read = True
        try:
            for body in self._reader.feed(data):
                self._answer(body)
        except (TooLarge, msgspec.DecodeError) as error:
            log.warning("connection closed: the client sent what is no request", error=str(error))
            self.transport.abort()
        finally:
            self._in_read = False
        if self._outgoing:
            self._flush()

    def _answer(self, body: memoryview) -> None:
        frame = decode_request(body)
        if frame.request is None:
            task = self.tasks.pop(frame.call, None)
            if task is not None:
                task.cancel()
            return
        try:
            reply = self._handler(frame.request)
        except Exception as error:
            self._fail(frame.call, error)
            return
        if not isawaitable(reply):
            self._write(frame.call, reply)
        elif len(self.tasks) >= self._limits.calls_max:
            _dispose(reply)
            self._fail(frame.call, ShardUnavailable(f"{self._limits.calls_max} calls wait already, the most allowed"))
        else:
            self.tasks[frame.call] = self._loop.create_task(self._finish(frame.call, reply))

    async def _finish(self, call: int, waiting: Awaitable[Reply]) -> None:
        try:
            reply = await waiting
        except Exception as error:
            self._fail(call, error)
        else:
            self._write(call, reply)
        finally:
            self.tasks.pop(call, None)

    def _fail(self, call: int, error: Exception) -> None:
        if not isinstance(error, ShoalError):
            log.error("request failed", error=repr(error), exc_info=error)
        self._write(call, failure_of(error))

    def _write(self, call: int, reply: Reply | Failure) -> None:
        try:
            frame = encode_frame(ReplyFrame(call, reply), self._limits.frame_bytes_max)
        except ShoalError as error:
            frame = encode_frame(ReplyFrame(call, failure_of(error)), self._limits.frame_bytes_max)
        self._outgoing.append(frame)
        if len(self._outgoing) == 1 and not self._in_read:
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        frames, self._outgoing = self._outgoing, []
        if frames and not self.transport.is_closing():
            self.transport.write(frames[0] if len(frames) == 1 else b"".join(frames))


def _dispose(waiting: Awaitable[Reply]) -> None:
    """Close a coroutine that will not be awaited."""
    if asyncio.iscoroutine(waiting):
        waiting.close()


class RpcServer:
    """A listening server; made by `serve`."""

    def __init__(self, server: asyncio.Server, address: str, peers: set[_Connection]) -> None:
        self._server = server
        self._peers = peers
        self.address = address

    async def close(self) -> None:
        """Stop listening, drop all connections, remove the socket file."""
        self._server.close()
        tasks = [task for peer in self._peers for task in peer.tasks.values()]
        for peer in list(self._peers):
            peer.transport.abort()
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        remove_socket(self.address)


async def serve(address: str, handler: Handler, limits: RpcLimits = RpcLimits()) -> RpcServer:  # noqa: B008  # immutable
    """Listen at `address` and answer through `handler`. With "tcp:host:0" the chosen port is in `.address`."""
    peers: set[_Connection] = set()
    server, bound = await listen(address, lambda: _Connection(handler, limits, peers))
    return RpcServer(server, bound, peers)
