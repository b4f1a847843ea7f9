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

READ_BYTES = 2**20
"""Cold files are verified in pieces of this size."""


def map_file(path: Path, *, is_cold: bool = False) -> Bytes:
    """Return a file's bytes as a read-only array over a map of it. Raises ChecksumMismatch when it is missing.

    is_cold   the kernel reads nothing ahead: only pages that are looked at take memory
    """
    descriptor = _opened(path)
    try:
        if os.fstat(descriptor).st_size == 0:
            return np.frombuffer(b"", dtype=np.uint8)
        mapped = mmap.mmap(descriptor, 0, access=mmap.ACCESS_READ)
        if is_cold:
            mapped.madvise(mmap.MADV_RANDOM)
        return np.frombuffer(mapped, dtype=np.uint8)
    finally:
        os.close(descriptor)


def map_verified(path: Path, expected: FileSum, *, is_cold: bool = False) -> Bytes:
    """Return a file's bytes as `map_file` does. Raises ChecksumMismatch unless size and checksum are the expected.

    Verifying reads the whole file: through the map, so that its pages are there afterwards; a cold file through a
    buffer beside it.
    """
    raw = map_file(path, is_cold=is_cold)
    if len(raw) != expected.size:
        raise ChecksumMismatch(f"{path}: expected {expected.size} bytes, found {len(raw)}")
    found = _sum_beside(path) if is_cold else xxhash.xxh3_64_intdigest(raw.data)
    if found != expected.checksum:
        raise ChecksumMismatch(f"{path}: expected checksum {expected.checksum:016x}, found {found:016x}")
    return raw


def _sum_beside(path: Path) -> int:
    """Return the checksum of a file, read through a small buffer."""
    digest = xxhash.xxh3_64()
    buffer = bytearray(READ_BYTES)
    view = memoryview(buffer)
    descriptor = _opened(path)
    try:
        while size := os.readv(descriptor, [buffer]):
            digest.update(view[:size])
    finally:
        os.close(descriptor)
    return digest.intdigest()


def _opened(path: Path) -> int:
    try:
        return os.open(path, os.O_RDONLY)
    except FileNotFoundError as error:
        raise ChecksumMismatch(f"{path}: expected a file, found none") from error
