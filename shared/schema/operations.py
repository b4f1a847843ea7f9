"""Operations: the durable changes that the log holds. One log entry is one operation.

Entry bytes:
- 1 byte   format version, now 1
- the rest msgpack of one `Operation`, a tagged array; vectors are raw little-endian, payloads JSON text

Everything here was validated before the append, so applying never refuses an entry for its form.
"""

import msgspec

from shared.errors import UnknownFormat

FORMAT_VERSION = 1


class SlotRows(msgspec.Struct, frozen=True, array_like=True):
    """The vectors of one slot for the points of an upsert, little-endian, C order, in the order of the points.

    dim      length of a row; 0 for a sparse slot
    rows     elements of the slot's datatype, for each point that carries the slot: one row (dense), several end to end
             (multivector), or float32 values (sparse)
    present  one byte a point, 1 where it carries the slot; empty when all do
    counts   uint32 for each point that carries the slot: how many rows, or pairs; empty for a dense slot
    indices  uint32 of a sparse slot's pairs, ascending within a point
    """

    dim: int
    rows: bytes
    present: bytes = b""
    counts: bytes = b""
    indices: bytes = b""


class Upsert(msgspec.Struct, frozen=True, array_like=True, tag="upsert"):
    """Insert or replace points, vectors and payload both. `ids` are distinct: the api keeps the last of duplicates."""

    ids: list[int | bytes]
    slots: dict[str, SlotRows]
    payloads: list[bytes]
    """JSON object text; empty bytes for no payload."""


class Delete(msgspec.Struct, frozen=True, array_like=True, tag="delete"):
    """Delete points by id; unknown ids change nothing."""

    ids: list[int | bytes]


class SetPayload(msgspec.Struct, frozen=True, array_like=True, tag="set_payload"):
    """Merge the keys of `payload` (JSON object text) into the payload of each point."""

    ids: list[int | bytes]
    payload: bytes


class Config(msgspec.Struct, frozen=True, array_like=True, tag="config"):
    """The collection's whole config at a generation, as JSON of `CollectionConfig`. Older generations are ignored."""

    generation: int
    config: bytes


class Seal(msgspec.Struct, frozen=True, array_like=True, tag="seal"):
    """Seal the appendable segment if it is still the one named."""

    appendable: str


class Swap(msgspec.Struct, frozen=True, array_like=True, tag="swap"):
    """Replace sealed `inputs` by `output`, which holds the rows that were alive in them at position `base`.

    An empty `output` drops inputs in which no row was alive.
    """

    base: int
    inputs: list[str]
    output: str
    generation: int


class Resume(msgspec.Struct, frozen=True, array_like=True, tag="resume"):
    """Redis came back without the entries `(after, at)`: the log goes on at position `at`, this entry's own."""

    after: int
    at: int


Operation = Upsert | Delete | SetPayload | Config | Seal | Swap | Resume
INTERNAL = (Config, Seal, Swap, Resume)
"""Operations that Shoal appends for itself: they carry a fence and are exempt from back-pressure."""

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Operation] = msgspec.msgpack.Decoder(Operation)


def encode_operation(operation: Operation) -> bytes:
    """Return the bytes of a log entry."""
    return bytes((FORMAT_VERSION,)) + _encoder.encode(operation)


def decode_operation(entry: bytes) -> Operation:
    """Return the operation of a log entry. Raises UnknownFormat."""
    if not entry or entry[0] != FORMAT_VERSION:
        found = entry[0] if entry else "nothing"
        raise UnknownFormat(f"log entry of format {found}, this build reads {FORMAT_VERSION}: upgrade Shoal")
    return _decoder.decode(memoryview(entry)[1:])


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """What applying one operation did. `missing` are ids that the operation needs and the shard does not hold."""

    position: int
    missing: list[int | bytes] = []
