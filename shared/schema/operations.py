"""Operations: the durable changes that the log holds. One log entry is one operation.

Entry bytes:
- 1 byte   format version, now 2; 1 lacked filters, update modes and most payload operations, and is still read
- the rest msgpack of one `Operation`, a tagged array; vectors are raw little-endian, payloads JSON text

Everything here was validated before the append, so applying never refuses an entry for its form.
"""

from enum import StrEnum

import msgspec

from shared.errors import UnknownFormat
from shared.schema.filters import Filter

FORMAT_VERSION = 2
FORMATS_READ = (1, 2)


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


class UpdateMode(StrEnum):
    """What an upsert does: insert and replace, only insert what is new, only replace what exists."""

    UPSERT = "upsert"
    INSERT_ONLY = "insert_only"
    UPDATE_ONLY = "update_only"


class Upsert(msgspec.Struct, frozen=True, array_like=True, tag="upsert"):
    """Insert or replace points, vectors and payload both. `ids` are distinct: the api keeps the last of duplicates.

    update_filter   a point that exists is replaced only if it passes
    """

    ids: list[int | bytes]
    slots: dict[str, SlotRows]
    payloads: list[bytes]
    """JSON object text; empty bytes for no payload."""
    update_filter: Filter | None = None
    mode: UpdateMode = UpdateMode.UPSERT


# The operations below name their points by `ids`, or by `filter` and no ids: then those that pass at the operation's
# position. Filters that keep everything are `Filter()`, never None.


class Delete(msgspec.Struct, frozen=True, array_like=True, tag="delete"):
    """Delete points; unknown ids change nothing."""

    ids: list[int | bytes]
    filter: Filter | None = None


class SetPayload(msgspec.Struct, frozen=True, array_like=True, tag="set_payload"):
    """Merge the keys of `payload` (JSON object text) into the payload of each point, or into what is at `key`.

    key   payload path; empty for the top level
    """

    ids: list[int | bytes]
    payload: bytes
    filter: Filter | None = None
    key: str = ""


class OverwritePayload(msgspec.Struct, frozen=True, array_like=True, tag="overwrite_payload"):
    """Replace the whole payload of each point by `payload` (JSON object text; empty bytes for none)."""

    ids: list[int | bytes]
    payload: bytes
    filter: Filter | None = None


class DeletePayload(msgspec.Struct, frozen=True, array_like=True, tag="delete_payload"):
    """Remove what is at the paths `keys` from the payload of each point."""

    ids: list[int | bytes]
    keys: list[str]
    filter: Filter | None = None


class ClearPayload(msgspec.Struct, frozen=True, array_like=True, tag="clear_payload"):
    """Remove the whole payload of each point."""

    ids: list[int | bytes]
    filter: Filter | None = None


class UpdateVectors(msgspec.Struct, frozen=True, array_like=True, tag="update_vectors"):
    """Replace the vectors that `slots` gives of points that exist, keep the others and the payload.

    update_filter   of these points only those that pass are changed
    """

    ids: list[int | bytes]
    slots: dict[str, SlotRows]
    update_filter: Filter | None = None


class DeleteVectors(msgspec.Struct, frozen=True, array_like=True, tag="delete_vectors"):
    """Remove the vectors of the slots `names` from each point; the points stay."""

    ids: list[int | bytes]
    names: list[str]
    filter: Filter | None = None


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


Operation = (
    Upsert
    | Delete
    | SetPayload
    | OverwritePayload
    | DeletePayload
    | ClearPayload
    | UpdateVectors
    | DeleteVectors
    | Config
    | Seal
    | Swap
    | Resume
)
INTERNAL = (Config, Seal, Swap, Resume)
"""Operations that Shoal appends for itself: they carry a fence and are exempt from back-pressure."""

_encoder = msgspec.msgpack.Encoder()
_decoder: msgspec.msgpack.Decoder[Operation] = msgspec.msgpack.Decoder(Operation)


def encode_operation(operation: Operation) -> bytes:
    """Return the bytes of a log entry."""
    return bytes((FORMAT_VERSION,)) + _encoder.encode(operation)


def decode_operation(entry: bytes) -> Operation:
    """Return the operation of a log entry. Raises UnknownFormat."""
    if not entry or entry[0] not in FORMATS_READ:
        found = entry[0] if entry else "nothing"
        raise UnknownFormat(f"log entry of format {found}, this build reads {FORMATS_READ}: upgrade Shoal")
    return _decoder.decode(memoryview(entry)[1:])


class Outcome(msgspec.Struct, frozen=True, array_like=True):
    """What applying one operation did. `missing` are ids that the operation needs and the shard does not hold."""

    position: int
    missing: list[int | bytes] = []
