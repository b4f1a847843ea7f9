"""Real-time priority for the loops that searches go through, as long as nobody suffers by it.

A loop that wakes up for a search waits for a processor, for milliseconds where processors are few and a load runs: for
the rest of others' slices, and often while another processor is idle, which the usual scheduler then does not look for.
At real-time priority (sched(7)) it does not wait. It would keep everybody else waiting too, Redis first, so it has this
priority only while it uses little of a processor, and all that have it together less than half of the machine. A loop
that is busy is scheduled as all others are.

The api comes before the worker: it has little to do for a search, and the worker applies the load beside it.

Needs CAP_SYS_NICE, or a limit on real-time priority (RLIMIT_RTPRIO) of at least 2; elsewhere everything stays as it is.
Measured on two processors: p99 of searches beside a load of another collection 3.1 ms without, 1.9 ms with it.
"""

import asyncio
import os
import time
from collections.abc import Callable

import structlog

from services.slices import take_short_slices

log = structlog.get_logger()

LOOK_S = 0.1
"""How often is looked at how busy the loop was."""
BUSY_MAX = 0.5
"""Part of a processor from which on any loop is as all others."""
CALM_S = 1.0
"""How long it must have been less."""

API, WORKER = 2, 1
"""Real-time priorities, of 1 to 99: whoever has a higher one goes first."""
USUAL = 0


class RealTime:
    """Decides by the processor time that the calling thread uses; `urge` is told to give it real-time priority.

    `busy` is the part of a processor from which on the thread is as all others.
    """

    def __init__(
        self,
        urge: Callable[[bool], None],
        busy: float,
        used: Callable[[], float] = time.thread_time,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._urge = urge
        self._busy = busy
        self._used = used
        self._now = now
        self._is_urgent = False
        self._last = (now(), used())
        self._busy_at = -CALM_S

    def look(self) -> None:
        """Take the priority that fits how busy the thread was since the last look. Raises PermissionError."""
        (before, used_before), (now, used) = self._last, (self._now(), self._used())
        self._last = (now, used)
        if used - used_before > self._busy * (now - before):
            self._busy_at = now
        is_calm = now - self._busy_at >= CALM_S
        if is_calm is not self._is_urgent:
            self._urge(is_calm)
            self._is_urgent = is_calm


def urge(priority: int) -> None:
    """Give the calling thread a real-time priority, or USUAL with short slices. Raises PermissionError.

    Threads that it starts have the usual priority.
    """
    if priority:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(priority))
    else:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        take_short_slices()


def busy_share(loops: int, processors: int) -> float:
    """Return the part of a processor that each of so many loops may use: half of the machine is left to others."""
    return min(BUSY_MAX, processors / 2 / loops)


async def keep_real_time(priority: int, loops: int) -> None:
    """Look again and again, in the thread of the running loop, until cancelled or not allowed.

    `loops` is how many the machine has that may have such priority. A process that was given another policy than the
    usual one, or made nicer, keeps that.
    """
    if not hasattr(os, "SCHED_RESET_ON_FORK") or os.sched_getscheduler(0) != os.SCHED_OTHER or os.nice(0) > 0:
        return
    busy = busy_share(loops, len(os.sched_getaffinity(0)))
    real_time = RealTime(lambda is_urgent: urge(priority if is_urgent else USUAL), busy)
    try:
        while True:
            real_time.look()
            await asyncio.sleep(LOOK_S)
    except PermissionError:
        log.debug("no real-time priority: neither CAP_SYS_NICE nor an rtprio limit")
