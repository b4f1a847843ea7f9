"""`python -m benchmarks.many_collections`: what a thousand empty collections cost a service, and how soon it starts.

Prints kB of memory (PSS of every process), of disk and of Redis' file for each collection, the idle share of a
processor, and the seconds from the start of the process to the first answer about every collection.
"""

import shutil
import tempfile
import time
from pathlib import Path

import click
import psutil

from benchmarks.service import Client, Service

SETTLE_S = 20.0
"""Until all shards rest, and the optimizer's builder is warm."""
IDLE_S = 10.0
KB = 1024


@click.command()
@click.option("--count", default=1000, show_default=True)
@click.option("--dim", default=768, show_default=True)
def main(count: int, dim: int) -> None:
    """Create, measure, restart, measure."""
    work = Path(tempfile.mkdtemp(prefix="shoal-many-"))
    try:
        with Service(work / "data", work / "log") as service:
            client = Client(service.url)
            _create(client, dim, 0, 5)
            time.sleep(SETTLE_S)
            memory, disk = _memory(service), _disk(work / "data")
            began = time.perf_counter()
            _create(client, dim, 5, count)
            click.echo(f"created in {time.perf_counter() - began:.1f} s")
            time.sleep(SETTLE_S)
            for role, bytes_ in _memory(service).items():
                click.echo(f"{role:10} {(bytes_ - memory.get(role, 0)) / KB / count:7.1f} kB a collection")
            for name, bytes_ in _disk(work / "data").items():
                click.echo(f"{name:10} {(bytes_ - disk.get(name, 0)) / KB / count:7.1f} kB a collection on disk")
            click.echo(f"idle: {_idle_share(service):.1%} of a processor")
        began = time.perf_counter()
        with Service(work / "data", work / "log") as service:
            client = Client(service.url)
            ready = time.perf_counter() - began
            for number in range(count):
                assert client.ask("GET", f"/collections/c{number}")["points_count"] == 0
            click.echo(f"ready after {ready:.1f} s, all described after {time.perf_counter() - began:.1f} s")
    finally:
        shutil.rmtree(work, ignore_errors=True)


def _create(client: Client, dim: int, first: int, last: int) -> None:
    for number in range(first, last):
        client.ask("PUT", f"/collections/c{number}", {"vectors": {"size": dim, "distance": "Cosine"}})


def _memory(service: Service) -> dict[str, int]:
    return {
        role: sum(psutil.Process(pid).memory_full_info().pss for pid in pids)
        for role, pids in service.processes().items()
    }


def _disk(data_dir: Path) -> dict[str, int]:
    return {
        name: sum(path.lstat().st_blocks * 512 for path in (data_dir / name).rglob("*"))
        for name in ("collections", "redis")
    }


def _idle_share(service: Service) -> float:
    def used() -> float:
        times = [psutil.Process(pid).cpu_times() for pids in service.processes().values() for pid in pids]
        return float(sum(one.user + one.system for one in times))

    before = used()
    time.sleep(IDLE_S)
    return (used() - before) / IDLE_S


if __name__ == "__main__":
    main()
