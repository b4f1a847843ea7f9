"""Files read back: mapped read-only into memory once their size and checksum are what was written."""

import mmap
import os
from pathlib import Path

import numpy as np
import xxhash
from numpy.typing import NDArray

from shared.errors import ChecksumMismatch
from shared.store.atomic import FileSum

Bytes = NDArray[np.uint8]


def map_file(path: Path) -> Bytes:
    """Return a file's bytes as a read-only array over a map of it. Raises ChecksumMismatch when it is missing."""
    try:
        descriptor = os.open(path, os.O_RDONLY)
    except FileNotFoundError as error:
        raise ChecksumMismatch(f"{path}: expected a file, found none") from error
    try:
        if os.fstat(descriptor).st_size == 0:
            return np.frombuffer(b"", dtype=np.uint8)
        return np.frombuffer(mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ), dtype=np.uint8)
    finally:
        os.close(descriptor)


def map_verified(path: Path, expected: FileSum) -> Bytes:
    """Return a file's bytes as `map_file` does. Raises ChecksumMismatch unless size and checksum are the expected."""
    raw = map_file(path)
    if len(raw) != expected.size:
        raise ChecksumMismatch(f"{path}: expected {expected.size} bytes, found {len(raw)}")
    found = xxhash.xxh3_64_intdigest(raw.data)
    if found != expected.checksum:
        raise ChecksumMismatch(f"{path}: expected checksum {expected.checksum:016x}, found {found:016x}")
    return raw
