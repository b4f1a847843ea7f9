"""The files of a sealed segment: one directory, one header, arrays. README.md lists the bytes.

`header.json` is
- line 1   `shoal-segment <format version> <xxh3_64 of the rest, 16 hex digits>`, newline
- the rest JSON of `SegmentHeader`, which holds size, checksum, dtype and shape of every other file
The manifest in turn holds size and checksum of the header, so every byte hangs on the root.
"""

from collections.abc import Collection
from pathlib import Path
from typing import Any

import msgspec
import xxhash
from numpy.typing import NDArray

from shared.errors import ChecksumMismatch, UnknownFormat
from shared.schema.segments import SlotBuild
from shared.segment.array_file import read_array, write_array
from shared.store.atomic import FileSum, write_file
from shared.store.manifest import ChunkRef
from shared.store.mapped import map_file, map_verified

FORMAT_VERSION = 1
HEADER_NAME = "header.json"

_MAGIC = "shoal-segment"

Arrays = dict[str, NDArray[Any]]


class ArrayEntry(msgspec.Struct, frozen=True):
    """One array: the file `<name>.npy`. Names are ours; a slot appears by its index only."""

    name: str
    size: int
    checksum: int
    dtype: str
    shape: list[int]


class SlotEntry(msgspec.Struct, frozen=True):
    """One slot; its place in the list is the number that its files begin with. The words are those of `schema.slots`.

    born   see `SlotLayout`
    """

    name: str
    dim: int
    distance: str
    kind: str = "dense"
    datatype: str = "float32"
    born: int = 0


class SegmentHeader(msgspec.Struct, frozen=True):
    """What the directory holds.

    generation   of the config that the segment was built under
    recall       what the gate measured, None without a graph
    built        what a built segment's slots were built with
    """

    segment_id: str
    rows: int
    generation: int
    slots: list[SlotEntry]
    arrays: list[ArrayEntry]
    recall: float | None = None
    version: int = FORMAT_VERSION
    built: dict[str, SlotBuild] = {}


def array_entry(name: str, array: NDArray[Any], written: FileSum) -> ArrayEntry:
    """Return the header's line for an array that was written."""
    return ArrayEntry(name, written.size, written.checksum, array.dtype.str, list(array.shape))


def write_arrays(directory: Path, arrays: Arrays) -> list[ArrayEntry]:
    """Write arrays to new files in a directory; durable once the directory is published."""
    return [array_entry(name, array, write_array(directory / f"{name}.npy", array)) for name, array in arrays.items()]


def write_header(directory: Path, header: SegmentHeader) -> FileSum:
    """Write the header, or put a new one in its place, durably."""
    body = msgspec.json.encode(header)
    line = f"{_MAGIC} {FORMAT_VERSION} {xxhash.xxh3_64_intdigest(body):016x}\n".encode()
    return write_file(directory / HEADER_NAME, (line, body), exclusive=False)


def header_ref(directory: Path, written: FileSum) -> ChunkRef:
    """Return how a manifest names the header of a segment directory that lies, or will lie, in `segments/`."""
    return ChunkRef(f"segments/{directory.name}/{HEADER_NAME}", written.size, written.checksum)


def read_header(directory: Path, expected: ChunkRef | None = None) -> tuple[SegmentHeader, FileSum]:
    """Return the header, with its size and checksum. Raises ChecksumMismatch, UnknownFormat.

    expected   what the manifest says of it; None trusts the checksum in its first line
    """
    path = directory / HEADER_NAME
    raw = map_file(path) if expected is None else map_verified(path, FileSum(expected.size, expected.checksum))
    content = raw.tobytes()
    line, _, body = content.partition(b"\n")
    words = line.decode("ascii", "replace").split(" ")
    if len(words) != 3 or words[0] != _MAGIC:
        raise ChecksumMismatch(f"{path}: expected a line '{_MAGIC} …', found {line[:40]!r}")
    if words[1] != str(FORMAT_VERSION):
        raise UnknownFormat(f"{path}: format {words[1]}, this build reads {FORMAT_VERSION}: upgrade Shoal")
    found = f"{xxhash.xxh3_64_intdigest(body):016x}"
    if found != words[2]:
        raise ChecksumMismatch(f"{path}: expected checksum {words[2]}, found {found}")
    try:
        header = msgspec.json.decode(body, type=SegmentHeader)
    except msgspec.DecodeError as error:
        raise UnknownFormat(f"{path}: {error}") from error
    return header, FileSum(len(content), xxhash.xxh3_64_intdigest(content))


def read_arrays(directory: Path, header: SegmentHeader, cold: Collection[str] = ()) -> Arrays:
    """Return every array of a segment as a verified read-only map. Raises ChecksumMismatch, UnknownFormat.

    cold   names of arrays that are to take no memory until they are looked at
    """
    arrays = {}
    for entry in header.arrays:
        path = directory / f"{entry.name}.npy"
        written, is_cold = FileSum(entry.size, entry.checksum), entry.name in cold
        arrays[entry.name] = read_array(path, written, entry.shape, entry.dtype, is_cold=is_cold)
    return arrays
