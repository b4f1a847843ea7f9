"""(h): what a thousand empty collections cost a service, and how soon it starts with them.

Memory is the PSS of every process, Redis too, beside what the same service took with a few collections; disk is blocks.
"""

import time
from pathlib import Path
from typing import Any

import psutil

from benchmarks.service import Client, Service

FEW = 5
"""Collections before the clock starts, so that nothing is paid for the first time."""
SHARE_WINDOW_S = 2.0
QUIET_SHARE = 0.1
"""Share of a processor under which a service has nothing left to do: shards rest, the builder is warm."""
REST_S = 10.0
"""Shards rest so long after their last write; a figure before is one of busy shards."""
SETTLE_MAX_S = 120.0
IDLE_S = 10.0


def measure(work: Path, count: int, dim: int) -> dict[str, Any]:
    """Create, measure, restart, measure."""
    found: dict[str, Any] = {"collections": count}
    with Service(work / "many", work / "many.log") as service:
        client = Client(service.url)
        _create(client, dim, 0, FEW)
        _settle(service)
        memory, disk = _memory(service), _disk(service.data_dir)
        found["create_s"] = _create(client, dim, FEW, FEW + count)
        _settle(service)
        found["memory_each"] = _each(_memory(service), memory, count)
        found["disk_each"] = _each(_disk(service.data_dir), disk, count)
        found["idle_share"] = _share(service, IDLE_S)
    began = time.perf_counter()
    with Service(work / "many", work / "many.log") as service:
        client = Client(service.url)
        found["ready_s"] = time.perf_counter() - began
        points = [client.ask("GET", f"/collections/c{number}")["points_count"] for number in range(FEW + count)]
        found["described_s"] = time.perf_counter() - began
    assert not any(points), "a collection came back with points that nobody wrote"
    return found


def _create(client: Client, dim: int, first: int, last: int) -> float:
    began = time.perf_counter()
    for number in range(first, last):
        client.ask("PUT", f"/collections/c{number}", {"vectors": {"size": dim, "distance": "Cosine"}})
    return time.perf_counter() - began


def _settle(service: Service) -> None:
    """Wait until the service does nothing."""
    until = time.monotonic() + SETTLE_MAX_S
    time.sleep(REST_S)
    while _share(service, SHARE_WINDOW_S) > QUIET_SHARE and time.monotonic() < until:
        pass


def _each(after: dict[str, int], before: dict[str, int], count: int) -> dict[str, float]:
    return {name: (bytes_ - before.get(name, 0)) / count for name, bytes_ in after.items()}


def _memory(service: Service) -> dict[str, int]:
    return {
        role: sum(psutil.Process(pid).memory_full_info().pss for pid in pids)
        for role, pids in service.processes().items()
        if role != "gone"
    }


def _disk(data_dir: Path) -> dict[str, int]:
    return {
        name: sum(path.lstat().st_blocks * 512 for path in (data_dir / name).rglob("*"))
        for name in ("collections", "redis")
    }


def _share(service: Service, seconds: float) -> float:
    """Return how much of a processor all processes use."""

    def used() -> float:
        times = [psutil.Process(pid).cpu_times() for pids in service.processes().values() for pid in pids]
        return float(sum(one.user + one.system for one in times))

    before = used()
    time.sleep(seconds)
    return (used() - before) / seconds
