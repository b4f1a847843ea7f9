"""What the optimizer and its builder process say to each other over two pipes.

One message is a frame: 4 bytes little-endian length, then msgpack of one tagged struct. The builder speaks first and
last: `Ready`, then for each `BuildOrder` any number of `Progress` and one `Built` or `Refused`. One order at a time;
the optimizer abandons an order by ending the process.
"""

import asyncio
import struct
from typing import BinaryIO

import msgspec

from shared.errors import Corrupt, ShoalError

FRAME_BYTES_MAX = 64 * 2**20
"""An order carries a manifest: megabytes at the very most."""
_length = struct.Struct("<I")


class RecallMissed(ShoalError):
    """The densest graph that was tried finds too little: the segments stay without one."""


class BuildOrder(msgspec.Struct, frozen=True, tag="order"):
    """Build one segment out of several.

    directory        the shard's directory; inputs are read from it
    output           directory that the segment is written to; a sibling of no published segment
    manifest         JSON of the manifest that names the inputs: its checkpoint is the cut that the output holds
    graphs           slots of the output that get a graph, of those whose config wants one
    attempts         how often a graph that misses `recall_target` may be built again, denser, the first time included
    """

    job_id: str
    directory: str
    output: str
    output_id: str
    manifest: bytes
    inputs: list[str]
    graphs: list[str]
    threads: int
    recall_target: float
    attempts: int = 3


class Ready(msgspec.Struct, frozen=True, tag="ready"):
    """The process is up and takes orders."""

    pid: int


class Progress(msgspec.Struct, frozen=True, tag="progress"):
    """`done` of `total` rows of one stage. A new attempt starts the stages anew."""

    stage: str
    done: int
    total: int


class Built(msgspec.Struct, frozen=True, tag="built"):
    """The output is complete and durable in its temporary directory.

    recall    measured against exact search; None when no graph was wanted
    attempts  graphs built until the recall sufficed or the attempts ran out
    """

    rows: int
    size_bytes: int
    recall: float | None
    attempts: int
    seconds: float


class Refused(msgspec.Struct, frozen=True, tag="refused"):
    """The order failed. `kind` is the error's class name; an error that nobody raised on purpose is not expected."""

    kind: str
    message: str
    is_expected: bool


FromBuilder = Ready | Progress | Built | Refused
_encoder = msgspec.msgpack.Encoder()
_orders: msgspec.msgpack.Decoder[BuildOrder] = msgspec.msgpack.Decoder(BuildOrder)
_answers: msgspec.msgpack.Decoder[FromBuilder] = msgspec.msgpack.Decoder(FromBuilder)


def encode_frame(message: BuildOrder | FromBuilder) -> bytes:
    """Return the frame of a message."""
    body = _encoder.encode(message)
    return _length.pack(len(body)) + body


def read_order(pipe: BinaryIO) -> BuildOrder | None:
    """Return the next order, None when the optimizer closed the pipe."""
    head = pipe.read(_length.size)
    if len(head) < _length.size:
        return None
    (length,) = _length.unpack(head)
    body = pipe.read(_checked(length))
    return _orders.decode(body) if len(body) == length else None


async def read_answer(pipe: asyncio.StreamReader) -> FromBuilder:
    """Return the builder's next message. Raises asyncio.IncompleteReadError when the process ended."""
    (length,) = _length.unpack(await pipe.readexactly(_length.size))
    return _answers.decode(await pipe.readexactly(_checked(length)))


def _checked(length: int) -> int:
    if length > FRAME_BYTES_MAX:
        raise Corrupt(f"a frame of {length} bytes between optimizer and builder, expected at most {FRAME_BYTES_MAX}")
    return length
