"""The disk runs full: writes get 507, reads go on, nothing acknowledged is lost, space brings writes back."""

import errno
import os
import random
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.history import History, Writer, check, create, vector_of
from tests.faults.service import ServiceUnderFaults

VOLUME_MB = 400
RESERVE_MB = 100
MB = 2**20
NAME = "crowded"
ENOUGH = 60
NOTICED_S = 60.0


@pytest.fixture
def volume(tmp_path: Path) -> Iterator[Path]:
    """A small volume of its own where mounting is allowed, else a directory of the big one."""
    path = tmp_path / "volume"
    path.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", f"size={VOLUME_MB}m", "tmpfs", str(path)]
    is_mounted = os.geteuid() == 0 and subprocess.run(mount, check=False, capture_output=True).returncode == 0
    yield path
    if is_mounted:
        subprocess.run(["umount", "-l", str(path)], check=True)


@pytest.fixture
def crowded(volume: Path, tmp_path: Path) -> Iterator[ServiceUnderFaults]:
    options = ("--disk-reserve-mb", str(RESERVE_MB), "--ballast-mb", "16")
    service = ServiceUnderFaults(volume / "data", tmp_path / "serve.log", *options)
    try:
        service.start()
        yield service
    finally:
        service.end()


def free_mb(path: Path) -> int:
    volume = os.statvfs(path)
    return volume.f_bavail * volume.f_frsize // MB


def fill(volume: Path, leave_mb: int) -> Path:
    """Take the volume's space but for so many MB, or for less where the service writes at the same time."""
    path = volume / "filler"
    with path.open("wb") as file:
        while (room_mb := free_mb(volume) - leave_mb) > 0:
            try:
                os.posix_fallocate(file.fileno(), 0, file.seek(0, os.SEEK_END) + room_mb * MB)
                break
            except OSError as error:
                if error.errno != errno.ENOSPC:
                    raise
    return path


def put(service: ServiceUnderFaults) -> int:
    """Write a point beside the writers' own and return the status."""
    body = {"points": [{"id": 10**9, "vector": vector_of(1, 1), "payload": {"written": 1}}]}
    return service.connection().ask("PUT", f"/collections/{NAME}/points?wait=true", body).status


@pytest.mark.timeout(600)
def test_full_disk_refuses_writes_and_loses_nothing(
    crowded: ServiceUnderFaults, volume: Path, chance: random.Random
) -> None:
    if not volume.is_mount():
        pytest.skip("a volume of its own needs the right to mount; the reserve alone is tested below")
    connection = crowded.connection()
    create(connection, NAME)
    history = History()
    writer = Writer(0, crowded.connection(), NAME, random.Random(chance.randrange(2**32)), history)
    writer.start()
    crowded.until(60, "writes to be taken", lambda: history.acknowledged >= ENOUGH)

    filler = fill(volume, RESERVE_MB // 2)
    crowded.until(NOTICED_S, "writes to be refused", lambda: history.refused > 0)
    assert connection.ask("POST", f"/collections/{NAME}/points/count", {"exact": True}).is_ok
    refused = put(crowded)
    filler.unlink()
    before = history.acknowledged
    crowded.until(NOTICED_S, "writes to be taken again", lambda: history.acknowledged > before)
    fill(volume, 0)
    crowded.until(NOTICED_S, "writes to be refused again", lambda: history.refused > 1)
    crowded.kill("worker")
    writer.rest()
    filler.unlink()
    crowded.kill("launcher")
    crowded.launch()
    crowded.wait_until_serving()

    assert refused == 507
    check(crowded, NAME, [history])


@pytest.mark.timeout(300)
def test_reserve_above_the_free_space_refuses_every_write(tmp_path: Path) -> None:
    service = ServiceUnderFaults(tmp_path / "data", tmp_path / "log", "--disk-reserve-mb", str(free_mb(tmp_path) * 2))
    try:
        service.start()
        create(service.connection(), NAME)
        service.until(NOTICED_S, "writes to be refused", lambda: put(service) == 507)
    finally:
        service.end()
