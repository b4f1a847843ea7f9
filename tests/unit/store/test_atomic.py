"""Files and directories are whole or absent, in spite of a crash."""

import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import xxhash

from shared.errors import ChecksumMismatch
from shared.store.atomic import PIECE_BYTES, FileSum, is_temporary, publish_directory, write_file
from shared.store.mapped import map_file, map_verified

WRITE = """
import sys
from pathlib import Path
from shared.store.atomic import publish_directory, write_file, write_plain
from shared.store.crash import arm

arm(sys.argv[2])
directory = Path(sys.argv[1])
write_file(directory / "f", [b"new"], exclusive=False)
(directory / "temporary").mkdir()
write_plain(directory / "temporary" / "g", [b"g"])
publish_directory(directory / "temporary", directory / "final")
"""


def run(code: str, *arguments: str) -> int:
    """Run code in a process of its own, which a crash point may end."""
    return subprocess.run([sys.executable, "-c", code, *arguments], cwd=Path.cwd(), check=False, timeout=60).returncode


def test_a_file_is_written_from_parts_with_its_checksum(tmp_path: Path) -> None:
    written = write_file(tmp_path / "f", [b"ab", np.arange(3, dtype=np.uint8), memoryview(b""), bytearray(b"c")])

    assert (tmp_path / "f").read_bytes() == b"ab\0\1\2c"
    assert written == FileSum(6, xxhash.xxh3_64_intdigest(b"ab\0\1\2c"))
    assert os.listdir(tmp_path) == ["f"]


@pytest.mark.parametrize("size", [PIECE_BYTES - 16, PIECE_BYTES, PIECE_BYTES + 16, 3 * PIECE_BYTES])
def test_a_part_is_written_in_pieces_that_make_it_whole(tmp_path: Path, size: int) -> None:
    names = np.arange(size // 16, dtype=np.uint64).repeat(2).view("S16")
    rows = np.arange(size // 4, dtype=np.float32).reshape(-1, 2)

    written = write_file(tmp_path / "f", [names, rows])

    content = names.tobytes() + rows.tobytes()
    assert (tmp_path / "f").read_bytes() == content
    assert written == FileSum(len(content), xxhash.xxh3_64_intdigest(content))
    assert os.listdir(tmp_path) == ["f"]


def test_an_exclusive_write_never_replaces(tmp_path: Path) -> None:
    write_file(tmp_path / "f", [b"first"])

    with pytest.raises(FileExistsError):
        write_file(tmp_path / "f", [b"second"])

    assert (tmp_path / "f").read_bytes() == b"first"
    assert os.listdir(tmp_path) == ["f"]


def test_a_directory_is_not_published_over_another(tmp_path: Path) -> None:
    for name in ("one", "final"):
        (tmp_path / name).mkdir()

    with pytest.raises(FileExistsError):
        publish_directory(tmp_path / "one", tmp_path / "final")


@pytest.mark.parametrize(
    ("point", "content", "names"),
    [
        ("before_file_link", b"old", {"f"}),
        ("after_file_link", b"new", {"f"}),
        ("before_directory_rename", b"new", {"f", "temporary"}),
        ("after_directory_rename", b"new", {"f", "final"}),
        ("before_file_link:2", b"new", {"f", "final"}),
    ],
)
def test_a_crash_leaves_the_old_or_the_new_whole(tmp_path: Path, point: str, content: bytes, names: set[str]) -> None:
    (tmp_path / "f").write_bytes(b"old")

    status = run(WRITE, str(tmp_path), point)

    assert status == (0 if point.endswith(":2") else 137)
    assert (tmp_path / "f").read_bytes() == content
    assert {name for name in os.listdir(tmp_path) if not is_temporary(name)} == names


def test_a_mapped_file_is_verified_first(tmp_path: Path) -> None:
    written = write_file(tmp_path / "f", [b"content"])
    write_file(tmp_path / "empty", [])

    assert map_verified(tmp_path / "f", written).tobytes() == b"content"
    assert map_file(tmp_path / "empty").size == 0
    with pytest.raises(ChecksumMismatch, match="expected 8 bytes, found 7"):
        map_verified(tmp_path / "f", FileSum(8, written.checksum))
    with pytest.raises(ChecksumMismatch, match="expected checksum"):
        map_verified(tmp_path / "f", FileSum(7, 1))
    with pytest.raises(ChecksumMismatch, match="found none"):
        map_file(tmp_path / "absent")
