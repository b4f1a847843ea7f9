"""The commands `serve`, `api` and `stop`: from settings to an exit code."""

import asyncio
import importlib
import signal
import time
from collections.abc import Awaitable, Callable
from pathlib import Path

import click

from services.api.defaults import load_defaults
from services.launcher.app import serve, serve_api
from services.launcher.claim import read_record
from services.launcher.identity import is_alive
from services.launcher.identity import send as send_signal
from services.launcher.status import show_status
from services.log_setup import set_up_logging
from services.process import run_until_signal
from shared.errors import ShoalError
from shared.settings import Settings

STOP_WAIT_S = 110.0
"""Longer than all of the launcher's own bounds together."""


def run_serve(settings: Settings) -> int:
    """`shoal serve`. Gives the exit code."""
    load_defaults(settings)  # a slip in the configuration file ends the command before anything has started
    set_up_logging("launcher", settings.log_level, settings.log_json)
    if settings.single_process or settings.memory:
        # imported here: it pulls in every service, which the launcher of separate processes does without
        single = importlib.import_module("services.launcher.single")
        return _run(lambda stopping: single.serve_single(settings, show_status, stopping))
    return _run(lambda stopping: serve(settings, show_status, stopping))


def run_api(settings: Settings) -> int:
    """`shoal api`: one process, or a supervisor of several, ingest processes among them. Gives the exit code."""
    load_defaults(settings)
    if settings.api == 1 and not settings.ingest:
        code: int = importlib.import_module("services.api.__main__").main(settings)
        return code
    set_up_logging("api", settings.log_level, settings.log_json)
    return _run(lambda stopping: serve_api(settings, stopping))


def stop_serving(data_dir: Path) -> str:
    """Asks the launcher of a data directory to stop and waits until it is gone; gives a line about it."""
    record = read_record(data_dir)
    if record is None or not is_alive(record.launcher):
        return f"nothing is serving {data_dir}"
    send_signal([record.launcher], signal.SIGTERM)
    deadline = time.monotonic() + STOP_WAIT_S
    while is_alive(record.launcher):
        if time.monotonic() > deadline:
            raise ShoalError(f"pid {record.launcher.pid} did not stop within {STOP_WAIT_S:.0f} s")
        time.sleep(0.05)
    return f"stopped the service on {data_dir} (pid {record.launcher.pid})"


def _run(main: Callable[[asyncio.Event], Awaitable[None]]) -> int:
    """Errors of ours are for people: one line on stderr. Others are ours to find: logged with their trace."""
    failure: list[Exception] = []

    async def guarded(stopping: asyncio.Event) -> None:
        try:
            await main(stopping)
        except (ShoalError, OSError) as error:
            failure.append(error)

    code = run_until_signal(guarded)
    if failure:
        click.echo(f"shoal: {failure[0]}", err=True)
        return 1
    return code
