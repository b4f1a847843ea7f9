"""Compiles the search kernels before anybody waits for them, with a bar that says how far it is."""

import importlib

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn


def warm_up(console: Console, build: bool = True) -> None:
    """Fills the kernel cache of this machine; quick when it is full already. `build` takes the index builder's too."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(f"{'compiling kernels':<20}", total=None)
        # imported here: importing compiled kernels takes a second, and the commands that need none should not wait
        kernels = importlib.import_module("shared.segment.kernels.warmup")
        kernels.warmup(lambda done, total: progress.update(task, completed=done, total=total), build=build)
