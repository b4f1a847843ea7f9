"""A whole Shoal in one thread of the test process: api, worker and optimizer, a fake Redis, a temporary directory."""

import asyncio
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from services.launcher.single import serve_single
from services.launcher.status import Status
from shared.settings import Settings

START_S = 110.0
"""Kernels that are not in the cache are compiled first."""
STOP_S = 30.0


@contextmanager
def running_shoal(**given: Any) -> Iterator[str]:
    """Serve until the block ends; gives the URL. Settings that are given are not the usual ones."""
    settings = Settings(host="127.0.0.1", port=0, memory=True, single_process=True, **given)
    ready = threading.Event()
    urls: list[str] = []
    loops: list[tuple[asyncio.AbstractEventLoop, asyncio.Event]] = []
    failures: list[BaseException] = []

    def show(status: Status) -> None:
        urls.append(status.url)
        ready.set()

    async def serve() -> None:
        stopping = asyncio.Event()
        loops.append((asyncio.get_running_loop(), stopping))
        await serve_single(settings, show, stopping)

    def run() -> None:
        try:
            asyncio.run(serve())
        except BaseException as error:
            failures.append(error)
        finally:
            ready.set()

    thread = threading.Thread(target=run, name="shoal", daemon=True)
    thread.start()
    assert ready.wait(START_S), "shoal did not start in time"
    try:
        if failures:
            raise failures[0]
        yield urls[0].replace("localhost", "127.0.0.1")
    finally:
        if loops and thread.is_alive():
            loop, stopping = loops[0]
            loop.call_soon_threadsafe(stopping.set)
        thread.join(STOP_S)
        assert not thread.is_alive(), "shoal did not stop in time"
    assert not failures, failures
