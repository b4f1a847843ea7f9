"""Sockets have short paths, and only their owner reaches them."""

import os
import stat

import msgspec

from services.launcher.claim import DirectoryClaim, Record, record_path
from services.launcher.identity import Identity, identify
from services.launcher.sockets import LONGEST_NAME, PATH_BYTES_MAX, choose_socket_dir, remove_socket_dir


def test_sockets_lie_in_the_data_directory_when_its_path_is_short(short_dir):
    found = choose_socket_dir(short_dir)

    assert found == short_dir / "sockets"
    assert stat.S_IMODE(found.stat().st_mode) == 0o700


def test_a_path_too_long_for_a_socket_gets_a_private_directory_that_goes_with_the_claim(tmp_path):
    deep = tmp_path / ("d" * PATH_BYTES_MAX)

    with DirectoryClaim(deep) as claim:
        found = claim.socket_dir
        mode = stat.S_IMODE(found.stat().st_mode)

    assert len(str(found / LONGEST_NAME)) <= PATH_BYTES_MAX
    assert mode == 0o700
    assert not found.exists()


def test_the_private_directory_of_a_killed_launcher_is_removed_by_the_next(tmp_path):
    deep = tmp_path / ("d" * PATH_BYTES_MAX)
    deep.mkdir()
    left = choose_socket_dir(deep)
    own = identify(os.getpid())
    assert own is not None
    former = Record(Identity(own.pid, own.started + "0"), socket_dir=str(left))
    record_path(deep).write_bytes(msgspec.json.encode(former))

    with DirectoryClaim(deep):
        pass

    assert not left.exists()


def test_only_directories_made_for_sockets_are_ever_removed(tmp_path):
    remove_socket_dir(tmp_path)

    assert tmp_path.exists()
