"""The demo from end to end, and what it shows."""

import sys
from collections.abc import Iterable
from pathlib import Path

from rich import box
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from services.demo import steps
from services.demo.rest import RestClient
from services.demo.sample import SHIPPED, Sample, load_sample
from services.demo.server import free_port_near, running_url, start_server
from services.demo.warmup import warm_up
from services.launcher.plan import PortTaken
from services.launcher.run import stop_serving
from shared.errors import ShoalError

RECALL_MIN = 0.9
"""Below this the demo itself fails."""
GREEN_S = 1800.0
SHOWN_QUERIES = ((34, 0), (76, 2), (11, 3))
"""Which queries of the shipped sample are shown, each with one of `steps.CASES`."""


def run_demo(data: Path | None, port: int, data_dir: Path, stop_after: bool) -> int:
    """Runs the demo; gives the exit code."""
    console = Console()
    sample = load_sample(data or SHIPPED)
    warm_up(console)
    try:
        url = _serving(console, data_dir, port)
    except PortTaken:
        console.print(f"port {port} is taken; choose another: make demo PORT={free_port_near(port)}", style="bold red")
        return 1
    try:
        with RestClient(url) as client:
            good = _show(console, client, sample)
    except ShoalError as error:
        console.print(f"the demo failed: {error}", style="bold red", markup=False)
        good = False
    if stop_after:
        console.print(stop_serving(data_dir))
    else:
        text = f"The server goes on at {url}\nStop it with: {_stop_command(data_dir)}"
        console.print(text, style="bold", soft_wrap=True, highlight=False)
    return 0 if good else 1


def _serving(console: Console, data_dir: Path, port: int) -> str:
    found = running_url(data_dir)
    if found is not None:
        console.print(f"using the server that runs at {found}")
        return found
    with console.status("starting redis, worker, optimizer and api"):
        url = start_server(data_dir, port)
    console.print(f"serving at [bold]{url}[/bold], data and log in {data_dir}")
    return url


def _show(console: Console, client: RestClient, sample: Sample) -> bool:
    count = len(sample.payloads)
    steps.create(client, sample.vectors.shape[1])
    with _progress(console) as progress:
        _follow(progress, steps.load(client, sample))
        _follow(progress, steps.wait_until_green(client, count, GREEN_S))
    console.print(_hits_table(client, sample))
    with console.status("measuring"):
        present = [case for case in steps.CASES if any(map(case.keeps, sample.payloads))]
        measured = [steps.measure(client, sample, case) for case in present]
    console.print(_figures_table(measured, len(sample.queries)))
    return all(figures.recall >= RECALL_MIN for figures in measured)


def _progress(console: Console) -> Progress:
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console)


def _follow(progress: Progress, told: Iterable[steps.Done]) -> None:
    task = progress.add_task("", total=None)
    for now in told:
        progress.update(task, completed=now.done, total=now.total, description=f"{now.doing:<22}")


def _hits_table(client: RestClient, sample: Sample) -> Table:
    table = Table(title="Nearest glosses", title_justify="left", expand=True, box=box.SIMPLE_HEAD)
    for column, ratio in (("query", 2), ("filter", None), ("score", None), ("hit", 3)):
        table.add_column(column, no_wrap=True, ratio=ratio)
    for number, case_number in SHOWN_QUERIES:
        if number >= len(sample.queries):
            continue
        case, text = steps.CASES[case_number], sample.query_texts[number]
        for rank, hit in enumerate(steps.search(client, sample.queries[number], case.condition)[:3]):
            first = (text, case.title if case.condition else "") if rank == 0 else ("", "")
            table.add_row(*first, f"{hit['score']:.3f}", hit["payload"]["text"])
        table.add_section()
    return table


def _figures_table(measured: list[steps.Measured], queries: int) -> Table:
    title = f"{queries} queries over REST, one at a time; recall against exact search"
    table = Table(title=title, title_justify="left", box=box.SIMPLE_HEAD)
    table.add_column("search", no_wrap=True)
    for column in ("matching", f"recall@{steps.LIMIT}", "p50 ms", "p95 ms"):
        table.add_column(column, justify="right", no_wrap=True)
    for figures in measured:
        latencies = (f"{figures.p50_ms:.2f}", f"{figures.p95_ms:.2f}")
        table.add_row(figures.title, f"{figures.matching:,}", f"{figures.recall:.3f}", *latencies)
    return table


def _stop_command(data_dir: Path) -> str:
    return "make stop" if data_dir == Path("storage/demo") else f"{Path(sys.argv[0]).name} stop --data-dir {data_dir}"
