"""Frames between api and worker.

Bytes of a frame:
- 4 bytes  little-endian length of the rest
- the rest msgpack [call id, body]

A request's body is a `ShardRequest`, or nil: the caller waits no longer for this call. A reply's body is a `Reply` or a
`Failure`. Call ids are chosen by the client and unique among its calls in flight.
"""

import msgspec

from shared.errors import BY_NAME, ShoalError, TooLarge
from shared.schema.queries import Reply, ShardRequest

HEADER_BYTES = 4


class Failure(msgspec.Struct, frozen=True, array_like=True, tag="failure"):
    """An error by its class name in `shared.errors`."""

    name: str
    message: str
    retry_after_s: int | None = None


class RequestFrame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a client sends."""

    call: int
    request: ShardRequest | None


class ReplyFrame(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What a server sends."""

    call: int
    reply: Reply | Failure


_encoder = msgspec.msgpack.Encoder()
_request_decoder: msgspec.msgpack.Decoder[RequestFrame] = msgspec.msgpack.Decoder(RequestFrame)
_reply_decoder: msgspec.msgpack.Decoder[ReplyFrame] = msgspec.msgpack.Decoder(ReplyFrame)
decode_request = _request_decoder.decode
decode_reply = _reply_decoder.decode


def encode_frame(frame: RequestFrame | ReplyFrame, frame_bytes_max: int) -> bytearray:
    """Return the bytes of a frame, its length first. Raises TooLarge."""
    buffer = bytearray(HEADER_BYTES)
    _encoder.encode_into(frame, buffer, HEADER_BYTES)
    length = len(buffer) - HEADER_BYTES
    if length > frame_bytes_max:
        raise TooLarge(f"expected a message of at most {frame_bytes_max} bytes, got {length}")
    buffer[:HEADER_BYTES] = length.to_bytes(HEADER_BYTES, "little")
    return buffer


def failure_of(error: Exception) -> Failure:
    """Return how an error travels. What is not ours travels as the root of our tree, with its class in the text."""
    if isinstance(error, ShoalError):
        return Failure(type(error).__name__, str(error), getattr(error, "retry_after_s", None))
    return Failure("ShoalError", f"internal error: {type(error).__name__}: {error}")


def error_of(failure: Failure) -> ShoalError:
    """Return the error behind a failure, to be raised on this side."""
    error = BY_NAME.get(failure.name, ShoalError)(failure.message)
    if failure.retry_after_s is not None and hasattr(error, "retry_after_s"):
        error.retry_after_s = failure.retry_after_s
    return error


class FrameReader:
    """Takes bytes as they arrive, gives the bodies of whole frames. Holds at most one frame's beginning."""

    def __init__(self, frame_bytes_max: int) -> None:
        self._frame_bytes_max = frame_bytes_max
        self._held = bytearray()
        self._wanted = HEADER_BYTES

    def feed(self, received: bytes) -> list[memoryview]:
        """Return the bodies completed by these bytes. Raises TooLarge: the stream cannot be trusted any more."""
        if self._held:
            self._held += received
            if len(self._held) < self._wanted:
                return []
            received, self._held = bytes(self._held), bytearray()
        view, bodies, at, end = memoryview(received), [], 0, len(received)
        self._wanted = HEADER_BYTES
        while end - at >= HEADER_BYTES:
            length = int.from_bytes(view[at : at + HEADER_BYTES], "little")
            if length > self._frame_bytes_max:
                raise TooLarge(f"expected a frame of at most {self._frame_bytes_max} bytes, got {length}")
            if end - at - HEADER_BYTES < length:
                self._wanted = HEADER_BYTES + length
                break
            at += HEADER_BYTES + length
            bodies.append(view[at - length : at])
        if at < end:
            self._held += view[at:]
        return bodies
