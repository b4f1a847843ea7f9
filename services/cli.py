"""The `shoal` command.

`shoal serve` runs everything on this machine; `api`, `worker` and `optimizer` run one service each, as containers do.
Every setting is a flag, a SHOAL_* variable and has a default (shared/settings.py). Modules are imported when a command
needs them, so that `shoal --help` answers at once.
"""

import sys
from pathlib import Path
from typing import Any

import click

from services.settings_flags import SettingsCommand, markdown_table, settings_from, with_settings
from shared.errors import ShoalError
from shared.settings import Settings


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 120})
@click.version_option(package_name="shoal")
def main() -> None:
    """Shoal: a vector search service with Qdrant's API."""


@main.command(cls=SettingsCommand)
@with_settings
def serve(given: dict[str, Any]) -> None:
    """Run everything on this machine: a private Redis unless --redis-url is given, workers, optimizer and api."""
    from services.launcher.run import run_serve

    sys.exit(run_serve(settings_from(given)))


@main.command(cls=SettingsCommand)
@with_settings
def api(given: dict[str, Any]) -> None:
    """Run the HTTP service; with --api N that many processes share the port."""
    from services.launcher.run import run_api

    sys.exit(run_api(_with_redis(given)))


@main.command(cls=SettingsCommand)
@with_settings
def worker(given: dict[str, Any]) -> None:
    """Run one worker: it reads logs, applies them, answers searches and publishes checkpoints."""
    from services.worker.__main__ import main as run

    sys.exit(run(_with_redis(given)))


@main.command(cls=SettingsCommand)
@with_settings
def optimizer(given: dict[str, Any]) -> None:
    """Run the optimizer: it builds indexes in a process of its own and swaps them in."""
    from services.optimizer.__main__ import main as run

    sys.exit(run(_with_redis(given)))


@main.command()
@click.option("--data-dir", type=click.Path(path_type=Path), default=None, help="data directory of the running service")
def stop(data_dir: Path | None) -> None:
    """Stop the `shoal serve` that holds a data directory, and wait until it is gone."""
    from services.launcher.run import stop_serving

    click.echo(stop_serving(settings_from({"data_dir": data_dir} if data_dir else {}).data_dir))


@main.command()
@click.option(
    "--data", type=click.Path(path_type=Path, exists=True), help="folder of a data set in the sample's format"
)
@click.option("--port", type=int, default=6333, show_default=True, help="port of the demo's server")
@click.option("--data-dir", type=click.Path(path_type=Path), default=Path("storage/demo"), show_default=True)
@click.option("--stop", "stop_after", is_flag=True, help="stop the server at the end instead of leaving it running")
def demo(data: Path | None, port: int, data_dir: Path, stop_after: bool) -> None:
    """Serve, load the shipped sample over REST, wait for its index, search it, and show how well it did."""
    from services.demo.run import run_demo

    sys.exit(run_demo(data, port, data_dir, stop_after))


@main.command()
@click.option("--all-levels", is_flag=True, help="for every CPU level that this machine can run: for images")
def warmup(all_levels: bool) -> None:
    """Compile the kernels into the cache, so that the first start, search and index build are quick."""
    from rich.console import Console

    from services.demo.warmup import warm_up, warm_up_all_levels

    if all_levels:
        warm_up_all_levels(Console(), settings_from({}))
    else:
        warm_up(Console())


@main.command()
@click.argument("role", type=click.Choice(["api", "worker", "optimizer"]))
def health(role: str) -> None:
    """Exit code 0 when this machine's or container's service of that role is well."""
    from services.health import is_well

    sys.exit(0 if is_well(role, _with_redis({})) else 1)  # type: ignore[arg-type]  # click checked the role


@main.command()
@click.argument("data_dir", type=click.Path(path_type=Path, exists=True, file_okay=False))
@click.option("--redis-url", default="", help="compare the checkpoints with this Redis too")
@click.option("--adopt", is_flag=True, help="register the collections found here in an empty Redis")
def check(data_dir: Path, redis_url: str, adopt: bool) -> None:
    """Verify a data directory: cluster id, manifests, every checksum, log positions. Exit code 1: something is wrong.

    The service may be running. Without --redis-url the log of a running `shoal serve` on the directory is used.
    """
    from services.check.run import run_check

    sys.exit(run_check(data_dir, redis_url, adopt))


@main.command()
def settings() -> None:
    """Print all settings as the README's table."""
    click.echo(markdown_table(), nl=False)


def _with_redis(given: dict[str, Any]) -> Settings:
    """Settings of one service of several: they meet in a Redis, so there is none to start here."""
    found = settings_from(given)
    if not found.redis_url:
        raise click.UsageError(
            "a service of its own needs --redis-url or SHOAL_REDIS_URL; `shoal serve` starts a Redis"
        )
    return found


def run() -> None:
    """The entry point: errors of ours end as one line, not as a traceback."""
    try:
        main()
    except (ShoalError, OSError) as error:
        click.echo(f"shoal: {error}", err=True)
        sys.exit(1)


if __name__ == "__main__":
    run()
