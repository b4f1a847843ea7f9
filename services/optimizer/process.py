"""What a background process asks of Linux: to die with its parent, to stand back, to hold no spare memory."""

import ctypes
import gc
import os
import signal

import psutil

_PR_SET_PDEATHSIG = 1
NICE_MAX = 19


def die_with_parent(parent: int) -> None:
    """Have the kernel kill this process when `parent` ends; end at once when it has ended already."""
    ctypes.CDLL(None, use_errno=True).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL, 0, 0, 0)
    if os.getppid() != parent:
        os._exit(0)


def give_memory_back() -> None:
    """Return freed memory to the kernel: what a large build used would else stay with an idle process."""
    gc.collect()
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # glibc has it, others need not
    if trim is not None:
        trim(0)


def lower_priority(nice: int) -> None:
    """Take CPU and disk time that nobody else wants: the given niceness, idle I/O, at 19 the idle scheduler too."""
    process = psutil.Process()
    process.nice(max(nice, process.nice()))
    process.ionice(psutil.IOPRIO_CLASS_IDLE)
    if nice == NICE_MAX:
        os.sched_setscheduler(0, os.SCHED_IDLE, os.sched_param(0))
