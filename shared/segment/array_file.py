"""Arrays in .npy files (format 1.0): written piece by piece with a checksum, read back as verified maps.

The .npy header is padded so that the first element lies on a multiple of 64 bytes: of the file, hence of the map.
"""

import io
from collections.abc import Iterable, Iterator
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


def read_array(path: Path, expected: FileSum, *, is_cold: bool = False) -> NDArray[Any]:
    """Return the array of a file as a read-only map. Raises ChecksumMismatch, UnknownFormat.

    is_cold   see store/mapped.py
    """
    raw = map_verified(path, expected, is_cold=is_cold)
    file = io.BytesIO(raw[:1024].tobytes())
    try:
        if npy.read_magic(file) != (1, 0):
            raise UnknownFormat(f"{path}: expected .npy format 1.0")
        shape, is_fortran, dtype = npy.read_array_header_1_0(file)
    except ValueError as error:
        raise UnknownFormat(f"{path}: {error}") from error
    start, nbytes = file.tell(), int(np.prod(shape)) * dtype.itemsize
    if is_fortran or dtype.hasobject or len(raw) - start != nbytes:
        raise ChecksumMismatch(f"{path}: expected {nbytes} bytes of {dtype} in C order, found {len(raw) - start}")
    return raw[start:].view(dtype).reshape(shape)


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
