"""Chunk files: named arrays in one immutable file, for rows, tombstones, payload changes and columns at a checkpoint.

Bytes:
- 8   `SHOALCK1`, the last of them the format version
- 4   uint32 little-endian: length of the JSON that follows
- …   JSON of `_Head`: kind, facts (integers by name), names (texts), arrays (name, dtype, shape, offset)
- …   zeros up to a multiple of 64: here is the base that offsets count from
- …   the arrays, C order, each from a multiple of 64 on, zeros between
Size and checksum of the file are in the manifest.
"""

import secrets
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import numpy as np
from numpy.typing import NDArray

from shared.errors import ChecksumMismatch, UnknownFormat
from shared.store.atomic import FileSum, Part, write_file
from shared.store.manifest import ChunkRef
from shared.store.mapped import map_verified

FOLDER = "chunks"

_MAGIC = b"SHOALCK1"
_ALIGNMENT = 64
_LENGTH = struct.Struct("<I")


class Chunk(NamedTuple):
    """What a chunk file holds.

    kind     rows, tombstones, overlay or column
    facts    small numbers
    names    slot names, in the order of the arrays that carry their index; path and kind of a column
    """

    kind: str
    facts: dict[str, int]
    names: list[str]
    arrays: dict[str, NDArray[Any]]


class _ArrayPlace(msgspec.Struct, frozen=True, array_like=True):
    name: str
    dtype: str
    shape: list[int]
    offset: int


class _Head(msgspec.Struct, frozen=True):
    kind: str
    facts: dict[str, int]
    names: list[str]
    arrays: list[_ArrayPlace]


def write_chunk(shard_directory: Path, segment_id: str, chunk: Chunk) -> ChunkRef:
    """Write a chunk file under a name of its own, durably. `segment_id` is ours, never a client's."""
    folder = shard_directory / FOLDER
    folder.mkdir(parents=True, exist_ok=True)
    name = f"{segment_id}.{chunk.kind}.{secrets.token_hex(8)}"
    written = write_file(folder / name, _parts(chunk))
    return ChunkRef(f"{FOLDER}/{name}", written.size, written.checksum)


def read_chunk(shard_directory: Path, ref: ChunkRef, kind: str, *, is_cold: bool = False) -> Chunk:
    """Return a chunk, its arrays read-only maps of the file. Raises ChecksumMismatch, UnknownFormat.

    is_cold   see store/mapped.py
    """
    path = shard_directory / ref.name
    raw = map_verified(path, FileSum(ref.size, ref.checksum), is_cold=is_cold)
    start = len(_MAGIC) + _LENGTH.size
    if len(raw) < start or raw[: len(_MAGIC)].tobytes() != _MAGIC:
        raise UnknownFormat(f"{path}: expected {_MAGIC!r}, found {raw[: len(_MAGIC)].tobytes()!r}: upgrade Shoal")
    (length,) = _LENGTH.unpack(raw[len(_MAGIC) : start].tobytes())
    try:
        head = msgspec.json.decode(raw[start : start + length].tobytes(), type=_Head)
    except msgspec.DecodeError as error:
        raise UnknownFormat(f"{path}: {error}") from error
    if head.kind != kind:
        raise ChecksumMismatch(f"{path}: expected a chunk of {kind}, found one of {head.kind}")
    base = _aligned(start + length)
    return Chunk(head.kind, head.facts, head.names, {place.name: _array(raw[base:], place) for place in head.arrays})


def _array(raw: NDArray[np.uint8], place: _ArrayPlace) -> NDArray[Any]:
    dtype = np.dtype(place.dtype)
    nbytes = int(np.prod(place.shape)) * dtype.itemsize
    return raw[place.offset : place.offset + nbytes].view(dtype).reshape(place.shape)


def _parts(chunk: Chunk) -> Iterator[Part]:
    arrays = {name: np.ascontiguousarray(array) for name, array in chunk.arrays.items()}
    places, offset = [], 0
    for name, array in arrays.items():
        places.append(_ArrayPlace(name, array.dtype.str, list(array.shape), offset))
        offset = _aligned(offset + array.nbytes)
    body = msgspec.json.encode(_Head(chunk.kind, chunk.facts, chunk.names, places))
    yield _MAGIC + _LENGTH.pack(len(body)) + body + _gap(len(_MAGIC) + _LENGTH.size + len(body))
    for array in arrays.values():
        yield array
        yield _gap(array.nbytes)


def _aligned(offset: int) -> int:
    return (offset + _ALIGNMENT - 1) // _ALIGNMENT * _ALIGNMENT


def _gap(size: int) -> bytes:
    return bytes(_aligned(size) - size)
