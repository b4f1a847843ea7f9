"""A loop has real-time priority while it is calm, and where that is allowed."""

import subprocess
import sys

import pytest

from services.real_time import BUSY_MAX, CALM_S, LOOK_S, RealTime, busy_share


class Thread:
    """A thread whose clocks stand still unless they are moved."""

    def __init__(self) -> None:
        self.time = 100.0
        self.cpu = 5.0
        self.urged: list[bool] = []
        self.real_time = RealTime(self.urged.append, 0.5, lambda: self.cpu, lambda: self.time)

    def run(self, share: float, seconds: float = LOOK_S) -> None:
        """Work for a part of so many seconds, looked at every LOOK_S."""
        for _ in range(round(seconds / LOOK_S)):
            self.time += LOOK_S
            self.cpu += share * LOOK_S
            self.real_time.look()


def test_a_calm_loop_is_urged_once() -> None:
    thread = Thread()

    thread.run(0.3, 10.0)

    assert thread.urged == [True]


def test_a_busy_loop_is_as_all_others_at_once_and_until_it_has_been_calm_for_a_while() -> None:
    thread = Thread()
    thread.run(0.1)

    thread.run(0.9)
    assert thread.urged == [True, False]
    thread.run(0.9, 5.0)
    thread.run(0.1, CALM_S / 2)
    assert thread.urged == [True, False]
    thread.run(0.1, CALM_S)
    assert thread.urged == [True, False, True]


@pytest.mark.parametrize(("loops", "processors"), [(2, 1), (2, 2), (2, 64), (12, 4)])
def test_urged_loops_leave_half_of_the_machine_to_others(loops: int, processors: int) -> None:
    share = busy_share(loops, processors)

    assert 0 < share <= BUSY_MAX
    assert share * loops <= processors / 2


ASK = """
import os, threading
from services.real_time import API, USUAL, urge
from services.slices import take_short_slices

def policy():
    return os.sched_getscheduler(0) & ~os.SCHED_RESET_ON_FORK

def later():
    found = []
    thread = threading.Thread(target=lambda: found.append(policy()))
    thread.start()
    thread.join()
    return found[0]

urge(API)
print(policy() == os.SCHED_RR, later() == os.SCHED_OTHER)
urge(USUAL)
print(policy() == os.SCHED_OTHER, later() == os.SCHED_OTHER)
urge(API)
print(policy() == os.SCHED_RR, later() == os.SCHED_OTHER)
"""


def test_only_the_thread_that_asks_gets_it_and_gives_it_back() -> None:
    done = subprocess.run([sys.executable, "-c", ASK], capture_output=True, text=True, timeout=30, check=False)
    if "PermissionError" in done.stderr:
        pytest.skip("real-time priority is not allowed here")

    assert done.stdout.split() == ["True"] * 6, done.stderr


CHOSEN = """
import asyncio, os, sys
import services.real_time as real_time

os.nice(3) if sys.argv[1] == "nice" else os.sched_setscheduler(0, os.SCHED_BATCH, os.sched_param(0))
before = os.sched_getscheduler(0)
asyncio.run(asyncio.wait_for(real_time.keep_real_time(real_time.API, 2), 10))
print(os.sched_getscheduler(0) == before)
"""


@pytest.mark.parametrize("chosen", ["nice", "batch"])
def test_what_an_operator_chose_stays(chosen: str) -> None:
    command = [sys.executable, "-c", CHOSEN, chosen]
    done = subprocess.run(command, capture_output=True, text=True, timeout=30, check=False)

    assert done.stdout.splitlines() == ["True"], done.stderr


REFUSED = """
import asyncio, os
import services.real_time as real_time

def refuse(_priority):
    raise PermissionError(1, "Operation not permitted")

real_time.urge = refuse
asyncio.run(asyncio.wait_for(real_time.keep_real_time(real_time.API, 2), 10))
print(os.sched_getscheduler(0) == os.SCHED_OTHER)
"""


def test_where_it_is_not_allowed_everything_stays_as_it_is() -> None:
    done = subprocess.run([sys.executable, "-c", REFUSED], capture_output=True, text=True, timeout=30, check=False)

    assert done.stdout.splitlines()[-1:] == ["True"], done.stderr
