"""Processes told apart for good."""

import os
import subprocess
import sys

from services.launcher.identity import Identity, end, group_members, identify, is_alive

FAMILY = """
import subprocess, sys
child = subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)"], stdout=subprocess.DEVNULL)
print(child.pid, flush=True)
sys.stdin.read()
"""


def start_family() -> tuple[subprocess.Popen[str], int]:
    """A process that opened a process group and has a child that outlives it; gives it and the child's pid."""
    leader = subprocess.Popen(
        [sys.executable, "-c", FAMILY], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, process_group=0
    )
    assert leader.stdout is not None
    return leader, int(leader.stdout.readline())


def close(leader: subprocess.Popen[str]) -> None:
    leader.wait(10)
    for stream in (leader.stdin, leader.stdout):
        if stream is not None:
            stream.close()


def test_the_same_pid_with_another_start_is_another_process():
    own = identify(os.getpid())
    assert own is not None

    stranger = Identity(own.pid, own.started + "0")

    assert is_alive(own)
    assert not is_alive(stranger)
    assert group_members(stranger) == []


def test_ending_a_group_ends_a_child_whose_parent_is_dead_already():
    leader, grandchild_pid = start_family()
    identity, grandchild = identify(leader.pid), identify(grandchild_pid)
    assert identity is not None
    assert grandchild is not None
    leader.kill()
    close(leader)
    assert is_alive(grandchild)

    found = end([identity], grace_s=2.0)

    assert grandchild in found
    assert not is_alive(grandchild)
