"""Array files: what is read back is just what was written, under the shape and type that the reader expects."""

import io
from pathlib import Path

import numpy as np
import pytest
import xxhash
from numpy.lib import format as npy

from shared.errors import ChecksumMismatch, UnknownFormat
from shared.segment.array_file import read_array, write_array
from shared.store.atomic import FileSum

ROWS = np.arange(12, dtype="<f4").reshape(3, 4)


def put(path: Path, content: bytes) -> FileSum:
    path.write_bytes(content)
    return FileSum(len(content), xxhash.xxh3_64_intdigest(content))


def test_an_array_comes_back(tmp_path: Path) -> None:
    written = write_array(tmp_path / "a.npy", ROWS)

    found = read_array(tmp_path / "a.npy", written, [3, 4], "<f4")

    assert np.array_equal(found, ROWS)
    assert found.ctypes.data % 64 == 0


def test_an_array_with_another_padding_of_its_header_comes_back(tmp_path: Path) -> None:
    whole = (tmp_path / "a.npy", ROWS)
    write_array(*whole)
    content = whole[0].read_bytes()
    longer = content[:8] + (118 + 64).to_bytes(2, "little") + content[10:127] + b" " * 64 + b"\n" + content[128:]
    written = put(tmp_path / "b.npy", longer)

    found = read_array(tmp_path / "b.npy", written, [3, 4], "<f4")

    assert np.array_equal(found, ROWS)


@pytest.mark.parametrize(("shape", "dtype"), [([4, 3], "<f4"), ([12], "<f4"), ([3, 4], "<i4"), ([3, 8], "<f2")])
def test_an_array_of_another_shape_or_type_is_refused(tmp_path: Path, shape: list[int], dtype: str) -> None:
    written = write_array(tmp_path / "a.npy", ROWS)

    with pytest.raises(ChecksumMismatch, match="expected"):
        read_array(tmp_path / "a.npy", written, shape, dtype)


def test_an_array_in_column_order_is_refused(tmp_path: Path) -> None:
    file = io.BytesIO()
    npy.write_array(file, np.asfortranarray(ROWS), version=(1, 0))
    written = put(tmp_path / "a.npy", file.getvalue())

    with pytest.raises(ChecksumMismatch, match="C order"):
        read_array(tmp_path / "a.npy", written, [3, 4], "<f4")


@pytest.mark.parametrize("content", [b"", b"no array", b"\x93NUMPY\x02\x00" + b" " * 200])
def test_what_is_no_array_file_is_refused(tmp_path: Path, content: bytes) -> None:
    written = put(tmp_path / "a.npy", content)

    with pytest.raises(UnknownFormat):
        read_array(tmp_path / "a.npy", written, [3, 4], "<f4")
