"""(e): resident memory after loading and searching: all of Shoal's processes, Redis too, beside the peer's one.

The proportional share (PSS) counts a page that several processes hold once. Pages of mapped files are counted while
they are resident; the kernel may drop them.
"""

from typing import Any

from benchmarks.bench import Bench
from benchmarks.contestants.base import memory_of
from benchmarks.dataset import LIMIT
from benchmarks.remote import Remote
from benchmarks.service import Service


def of_service(service: Service) -> dict[str, Any]:
    """Return bytes by role and in all."""
    roles = {
        role: _sum([memory_of(pid) for pid in pids]) for role, pids in service.processes().items() if role != "gone"
    }
    return {"roles": roles, "total": _sum(list(roles.values()))}


def of_contestant(bench: Bench, remote: Remote) -> dict[str, int]:
    """Return bytes of a contestant's process that was started anew, opened its data and answered every query."""
    remote.ask("reopen")
    remote.search(LIMIT, 0)
    found: dict[str, int] = remote.ask("memory")
    return found


def _sum(parts: list[dict[str, int]]) -> dict[str, int]:
    return {name: sum(part[name] for part in parts) for name in parts[0]} if parts else {}
