"""A service's threads have short slices where the kernel knows of them, and else what they had. In a process each."""

import subprocess
import sys

import pytest

from services.slices import SLICE_S

ASK = """
import ctypes, os, platform, sys, threading
from services.slices import _ATTR, take_short_slices

def attributes():
    found = ctypes.create_string_buffer(_ATTR.size)
    number = {"x86_64": 315, "aarch64": 275}[platform.machine()]  # sched_getattr
    if ctypes.CDLL(None).syscall(number, 0, found, _ATTR.size, 0):
        sys.exit("not known here")
    _, policy, _, nice, _, runtime, *_ = _ATTR.unpack(found.raw)
    print(policy, nice, runtime)

os.nice(3)
if sys.argv[1] == "batch":
    os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
attributes()
take_short_slices()
attributes()
thread = threading.Thread(target=attributes)
thread.start()
thread.join()
"""


def attributes(policy: str) -> list[list[int]]:
    """Policy, niceness and slice in ns: before, after, and of a thread started later."""
    done = subprocess.run([sys.executable, "-c", ASK, policy], capture_output=True, text=True, timeout=30, check=False)
    if done.returncode:
        pytest.skip(f"no sched_getattr here: {done.stderr[-200:]}")
    found = [[int(each) for each in line.split()] for line in done.stdout.splitlines()]
    if not found[0][2]:
        pytest.skip("the kernel is older than 6.12")
    return found


def test_threads_have_short_slices_and_the_niceness_that_was() -> None:
    before, after, later = attributes("other")

    assert before[2] > SLICE_S * 1e9
    assert after == later == [0, 3, round(SLICE_S * 1e9)]


def test_a_policy_that_an_operator_chose_stays() -> None:
    before, after, later = attributes("batch")

    assert before == after == later
