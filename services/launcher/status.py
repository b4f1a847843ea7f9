"""The few lines that a person sees when the service is ready."""

import sys
from pathlib import Path
from typing import NamedTuple

from rich.console import Console


class Status(NamedTuple):
    """What runs, and where."""

    url: str
    data_dir: Path | None
    redis_url: str
    pids: dict[str, int]


def show_status(status: Status, console: Console | None = None) -> None:
    """Prints the address, the data directory and the processes."""
    console = console or Console(file=sys.stdout, soft_wrap=True)
    rows = {
        "shoal is ready": f"[bold]{status.url}[/bold]",
        "data": str(status.data_dir) if status.data_dir else "in memory: nothing is kept",
        "redis": status.redis_url,
        "processes": "  ".join(f"{name} {pid}" for name, pid in status.pids.items()),
    }
    for title, text in rows.items():
        if text:
            console.print(f"{title:<16}{text}", highlight=False)
