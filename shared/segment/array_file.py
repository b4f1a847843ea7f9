"""Arrays in .npy files (format 1.0): written piece by piece with a checksum, read back as verified maps.

The .npy header is padded so that the first element lies on a multiple of 64 bytes: of the file, hence of the map.
"""

import io
import threading
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.lib import format as npy
from numpy.typing import DTypeLike, NDArray

from shared.errors import ChecksumMismatch, UnknownFormat
from shared.store.atomic import FileSum, Part, write_plain
from shared.store.mapped import map_verified

WRITE_BYTES = 8 * 2**20
"""Arrays are written in pieces of about so many bytes, so that a large gather needs no large memory."""


def write_array(path: Path, array: NDArray[Any]) -> FileSum:
    """Write an array to a new file, not yet durable."""
    return write_pieces(path, array.shape, array.dtype, [np.ascontiguousarray(array)])


def write_pieces(path: Path, shape: tuple[int, ...], dtype: DTypeLike, pieces: Iterable[NDArray[Any]]) -> FileSum:
    """Write an array whose rows come in pieces, in order. Asserts that they fill the shape."""
    wanted = np.dtype(dtype)
    written = write_plain(path, _parts(shape, wanted, pieces))
    assert written.size - len(_head(shape, wanted)) == int(np.prod(shape)) * wanted.itemsize, (
        "pieces do not fill the shape"
    )
    return written


def read_array(
    path: Path, expected: FileSum, shape: Sequence[int], dtype: DTypeLike, *, is_cold: bool = False
) -> NDArray[Any]:
    """Return the array of a file as a read-only map. Raises ChecksumMismatch, UnknownFormat.

    shape, dtype   what the array must be
    is_cold        see store/mapped.py
    """
    raw = map_verified(path, expected, is_cold=is_cold)
    wanted, whole = np.dtype(dtype), tuple(shape)
    head = _head(whole, wanted)
    start = len(head) if raw[: len(head)].tobytes() == head else _start_of_other(path, raw, whole, wanted)
    nbytes = int(np.prod(whole)) * wanted.itemsize
    if len(raw) - start != nbytes:
        raise ChecksumMismatch(f"{path}: expected {nbytes} bytes of {wanted} in C order, found {len(raw) - start}")
    return raw[start:].view(wanted).reshape(whole)


_parsing = threading.Lock()


def _start_of_other(path: Path, raw: NDArray[np.uint8], shape: tuple[int, ...], dtype: np.dtype[Any]) -> int:
    """Return where the elements begin behind a header that another numpy has padded differently.

    numpy reads headers through Python's own parser, and two threads in that at once can fail (CPython gh-106905).
    """
    file = io.BytesIO(raw[:1024].tobytes())
    try:
        with _parsing:
            if npy.read_magic(file) != (1, 0):
                raise UnknownFormat(f"{path}: expected .npy format 1.0")
            found = npy.read_array_header_1_0(file)
    except ValueError as error:
        raise UnknownFormat(f"{path}: {error}") from error
    if found != (shape, False, dtype):
        raise ChecksumMismatch(f"{path}: expected {dtype.str} {list(shape)} in C order, found {found}")
    return file.tell()


def slices(n: int, row_bytes: int) -> Iterator[slice]:
    """Return the ranges of rows that make pieces of about WRITE_BYTES, in order."""
    step = max(1, WRITE_BYTES // max(1, row_bytes))
    return (slice(first, min(first + step, n)) for first in range(0, n, step))


def _parts(shape: tuple[int, ...], dtype: np.dtype[Any], pieces: Iterable[NDArray[Any]]) -> Iterator[Part]:
    yield _head(shape, dtype)
    for piece in pieces:
        assert piece.dtype == dtype, f"a piece of {piece.dtype} in an array of {dtype}"
        yield piece


def _head(shape: tuple[int, ...], dtype: np.dtype[Any]) -> bytes:
    file = io.BytesIO()
    description = {"descr": npy.dtype_to_descr(dtype), "fortran_order": False, "shape": shape}
    npy.write_array_header_1_0(file, description)
    return file.getvalue()
