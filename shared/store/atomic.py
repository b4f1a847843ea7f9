"""Files that appear whole or not at all: write a temporary, fsync it, give it its name, fsync the directory.

1. write  `.<name>.<random>.tmp` in the directory of the file
2. fsync  the temporary
3. link   it to its name (exclusive: FileExistsError when the name is taken), or rename it over the name
4. fsync  the directory
A crash before 3 leaves a temporary, which `is_temporary` tells from files that count.
"""

import os
import secrets
from collections.abc import Iterable
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import xxhash
from numpy.typing import NDArray

from shared.store.crash import arm, crash_point

__all__ = ["FileSum", "Part", "arm", "crash_point", "is_temporary", "publish_directory", "sync_directory", "write_file"]

Part = bytes | bytearray | memoryview | NDArray[Any]
"""Bytes to write; arrays must be C-contiguous."""

PIECE_BYTES = 2**17
"""Bytes of one write(2): the kernel copies up to 2 MB without giving the processor away, even to a search that waits
for it. That took up to 7 ms on a virtual machine, where fresh memory comes slowly; a piece takes 0.3 ms there."""


class FileSum(NamedTuple):
    """Size in bytes and xxh3_64 of a file's content."""

    size: int
    checksum: int


def write_file(path: Path, parts: Iterable[Part], *, exclusive: bool = True) -> FileSum:
    """Write a file from parts, durable when this returns. FileExistsError when exclusive and the name is taken."""
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(4)}.tmp")
    try:
        written = _write_synced(temporary, parts)
        crash_point("before_file_link")
        if exclusive:
            os.link(temporary, path)
            temporary.unlink()
        else:
            temporary.replace(path)
    except OSError:
        temporary.unlink(missing_ok=True)
        raise
    sync_directory(path.parent)
    crash_point("after_file_link")
    return written


def write_plain(path: Path, parts: Iterable[Part]) -> FileSum:
    """Write a new file without fsync, for directories that `publish_directory` makes durable as a whole."""
    with path.open("xb") as file:
        return _write_parts(file, parts)


def _write_synced(path: Path, parts: Iterable[Part]) -> FileSum:
    with path.open("xb") as file:
        written = _write_parts(file, parts)
        file.flush()
        os.fsync(file.fileno())
    return written


def _write_parts(file: Any, parts: Iterable[Part]) -> FileSum:
    digest = xxhash.xxh3_64()
    size = 0
    for part in parts:
        whole: memoryview = memoryview(part)  # type: ignore[arg-type]  # arrays are buffers too
        if not whole.nbytes:
            continue
        raw: memoryview = memoryview(np.frombuffer(whole, np.uint8))  # type: ignore[arg-type]
        for first in range(0, len(raw), PIECE_BYTES):
            piece = raw[first : first + PIECE_BYTES]
            file.write(piece)
            digest.update(piece)
        size += len(raw)
    return FileSum(size, digest.intdigest())


def sync_directory(path: Path) -> None:
    """Make the names in a directory durable."""
    descriptor = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def sync_tree(directory: Path) -> None:
    """Make the files of a flat directory, and their names, durable."""
    for path in sorted(directory.iterdir()):
        descriptor = os.open(path, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)
    sync_directory(directory)


def publish_directory(temporary: Path, final: Path) -> None:
    """Make a flat directory durable and give it its final name. Raises FileExistsError when that name is taken."""
    sync_tree(temporary)
    crash_point("before_directory_rename")
    if final.exists():
        raise FileExistsError(f"{final} exists")
    temporary.rename(final)
    crash_point("after_directory_rename")
    sync_directory(final.parent)
    sync_directory(temporary.parent)


def is_temporary(name: str) -> bool:
    """Return whether a file name is that of a temporary, left by a crash or still being written."""
    return name.startswith(".") and name.endswith(".tmp")
