"""`python -m benchmarks.many_collections`: the part `many` of the benchmarks alone, with any number of collections."""

import shutil
import tempfile
from pathlib import Path

import click
from rich.console import Console

from benchmarks import report
from benchmarks.measures import many


@click.command()
@click.option("--count", default=1000, show_default=True)
@click.option("--dim", default=768, show_default=True)
def main(count: int, dim: int) -> None:
    """Create empty collections, measure, restart, measure."""
    work = Path(tempfile.mkdtemp(prefix="shoal-many-"))
    try:
        Console().print(report.many(many.measure(work, count, dim)))
    finally:
        shutil.rmtree(work, ignore_errors=True)


if __name__ == "__main__":
    main()
