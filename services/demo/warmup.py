"""Compiles the search kernels before anybody waits for them, with a bar that says how far it is."""

import importlib
import platform
import subprocess
import sys

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from shared.settings import Settings, child_environment, variable_of


def warm_up(console: Console, build: bool = True) -> None:
    """Fills the kernel cache of this machine; quick when it is full already. `build` takes the index builder's too."""
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console) as progress:
        task = progress.add_task(f"{'compiling kernels':<20}", total=None)
        # imported here: importing compiled kernels takes a second, and the commands that need none should not wait
        kernels = importlib.import_module("shared.segment.kernels.warmup")
        kernels.warmup(lambda done, total: progress.update(task, completed=done, total=total), build=build)


def warm_up_all_levels(console: Console, settings: Settings) -> None:
    """Fills the cache for every CPU level that this machine can run, each in a process: numba is set up once in one."""
    levels = importlib.import_module("shared.segment.kernels.cpu")
    machine = platform.machine()
    features = importlib.import_module("llvmlite.binding").get_host_cpu_features()
    for name in levels.runnable_levels(machine, features):
        console.print(f"level {name}")
        environment = child_environment(settings, {variable_of("kernel_level"): name})
        subprocess.run([sys.executable, "-m", "services.cli", "warmup"], env=environment, check=True)
