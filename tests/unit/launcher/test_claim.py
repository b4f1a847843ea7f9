"""One launcher, and never two Redis, on one data directory."""

import fcntl
import os
import subprocess
import sys

import msgspec
import pytest

from services.launcher.claim import DirectoryClaim, DirectoryTaken, Record, read_record, record_path
from services.launcher.identity import Identity, identify, is_alive


def write_record(data_dir, record: Record) -> None:
    record_path(data_dir).write_bytes(msgspec.json.encode(record))


def dead_launcher() -> Identity:
    own = identify(os.getpid())
    assert own is not None
    return Identity(own.pid, own.started + "0")


def test_a_second_claim_is_refused_and_names_the_holder_and_its_address(tmp_path):
    with DirectoryClaim(tmp_path) as claim:
        claim.announce("http://localhost:6333")

        with pytest.raises(DirectoryTaken) as refusal, DirectoryClaim(tmp_path):
            pass

    assert f"pid {os.getpid()}" in str(refusal.value)
    assert "http://localhost:6333" in str(refusal.value)
    assert "shoal stop" in str(refusal.value)


def test_a_released_directory_can_be_claimed_again(tmp_path):
    with DirectoryClaim(tmp_path):
        pass

    with DirectoryClaim(tmp_path) as claim:
        taken = claim.descriptor

    assert taken >= 0
    assert read_record(tmp_path) is None


def test_an_orphan_that_holds_the_lock_is_ended_before_the_directory_is_claimed(tmp_path):
    descriptor = os.open(tmp_path / "lock", os.O_RDWR | os.O_CREAT)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    sleeper = [sys.executable, "-c", "import time; time.sleep(60)"]
    orphan = subprocess.Popen(sleeper, pass_fds=(descriptor,), start_new_session=True)
    os.close(descriptor)
    identity = identify(orphan.pid)
    assert identity is not None
    write_record(tmp_path, Record(dead_launcher(), children={"redis": identity}))

    with DirectoryClaim(tmp_path):
        alive = is_alive(identity)

    assert not alive
    orphan.wait(5)


def test_a_recorded_pid_that_belongs_to_a_stranger_by_now_is_left_alone(tmp_path):
    stranger = subprocess.Popen([sys.executable, "-c", "input()"], stdin=subprocess.PIPE, start_new_session=True)
    identity = identify(stranger.pid)
    assert identity is not None
    former = Identity(identity.pid, identity.started + "0")
    write_record(tmp_path, Record(dead_launcher(), children={"worker-1": former}))

    with DirectoryClaim(tmp_path):
        alive = is_alive(identity)

    assert alive
    stranger.communicate(b"\n", timeout=5)
