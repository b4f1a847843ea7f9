"""Which process is which, across restarts of the launcher and reuse of process ids.

A pid alone proves nothing: it may belong to somebody else by now. A pid and the moment that the kernel started it, in
ticks since this boot, never come twice.
"""

import contextlib
import os
import signal
import time
from collections.abc import Iterable
from pathlib import Path

import msgspec


class Identity(msgspec.Struct, frozen=True):
    """One process for good."""

    pid: int
    started: str
    """`<boot id>:<ticks since boot>`."""


def identify(pid: int) -> Identity | None:
    """The identity of a process that runs now; None when there is none, or it is a zombie."""
    try:
        text = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8", errors="replace")
        boot = Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
    except OSError:
        return None
    fields = text.rpartition(")")[2].split()
    return None if fields[0] in "ZX" else Identity(pid, f"{boot}:{fields[19]}")


def is_alive(process: Identity) -> bool:
    """True while that very process runs."""
    return identify(process.pid) == process


def group_members(leader: Identity) -> list[Identity]:
    """The processes of the group that `leader` opened, itself included; none when its pid was given to a stranger.

    A kernel does not give a pid away while a group of that number has members: so what is found there is ours.
    """
    holder = identify(leader.pid)
    if holder is not None and holder != leader:
        return []
    if holder is None and not leader.started.startswith(_boot_id()):
        return []
    members = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            with contextlib.suppress(OSError):
                if os.getpgid(int(entry.name)) == leader.pid:
                    members.append(identify(int(entry.name)))
    return [member for member in members if member is not None]


def send(processes: Iterable[Identity], signum: int) -> None:
    """Signals each process that is still itself."""
    for process in processes:
        if is_alive(process):
            with contextlib.suppress(ProcessLookupError):
                os.kill(process.pid, signum)


def end(leaders: Iterable[Identity], grace_s: float) -> list[Identity]:
    """Ends whole process groups: SIGTERM to all, SIGKILL to what is left after `grace_s`. Gives those that it found."""
    leaders = list(leaders)
    found = _members(leaders)
    send(found, signal.SIGTERM)
    _wait_gone(found, grace_s)
    left = _members(leaders)
    send(left, signal.SIGKILL)
    _wait_gone(left, 5.0)
    return found


def _members(leaders: list[Identity]) -> list[Identity]:
    return [member for leader in leaders for member in group_members(leader)]


def _wait_gone(processes: list[Identity], seconds: float) -> None:
    deadline = time.monotonic() + seconds
    while any(is_alive(process) for process in processes) and time.monotonic() < deadline:
        time.sleep(0.02)


def _boot_id() -> str:
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
