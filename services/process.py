"""One service as one process: settings, log, uvloop, start, ready, wait for SIGTERM, stop.

Each service's `__main__` is one call of `run_service`. Exit codes tell the launcher what to do next:
0 asked to stop · 1 crashed, start again · 78 can never work as it is set up (wrong cluster, unknown format): give up.
"""

import asyncio
import os
import signal
from collections.abc import Awaitable, Callable
from typing import TYPE_CHECKING, Protocol

import structlog
import uvloop

from services.heap import settle_heap
from services.log_setup import set_up_logging
from services.real_time import keep_real_time
from shared.errors import Corrupt
from shared.log.connection import connect
from shared.settings import Settings

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = structlog.get_logger()

EXIT_CRASHED = 1
EXIT_HOPELESS = 78
STOP_SECONDS = 20.0
"""How long a service may take to stop; the launcher's own bound is a little longer."""


class Service(Protocol):
    """What api, worker and optimizer have in common."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...


Build = Callable[[Settings, "Redis"], Service]


def run_service(name: str, build: Build, settings: Settings, priority: int = 0) -> int:
    """Runs a service until it is asked to stop; gives the process's exit code. `priority`: see `real_time`."""
    set_up_logging(settings.service_name or name, settings.log_level, settings.log_json)
    return run_until_signal(lambda stopping: _serve(build, settings, stopping, priority))


def run_until_signal(main: Callable[[asyncio.Event], Awaitable[None]]) -> int:
    """Runs `main` on uvloop; SIGTERM or SIGINT set the event that it waits for. Gives the exit code."""

    async def outer() -> None:
        stopping = asyncio.Event()
        loop = asyncio.get_running_loop()
        for signum in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(signum, stopping.set)
        await main(stopping)

    try:
        uvloop.run(outer())
    except Corrupt as error:
        log.error("cannot start", error=str(error))
        return EXIT_HOPELESS
    except Exception as error:
        log.error("crashed", error=str(error) or type(error).__name__, exc_info=True)
        return EXIT_CRASHED
    return 0


async def _serve(build: Build, settings: Settings, stopping: asyncio.Event, priority: int) -> None:
    redis = connect(settings.redis_url)
    loops = settings.api + settings.workers
    keeping = asyncio.create_task(keep_real_time(priority, loops)) if priority else None
    try:
        await run_between(build(settings, redis), stopping, lambda: _ready(settings))
    finally:
        if keeping is not None:
            keeping.cancel()
        await redis.aclose()


async def run_between(service: Service, stopping: asyncio.Event, ready: Callable[[], None]) -> None:
    """Starts a service, waits for the event, stops it within its time; a start that is interrupted is stopped too."""
    starting = asyncio.create_task(service.start())
    asked = asyncio.create_task(stopping.wait())
    try:
        await asyncio.wait({starting, asked}, return_when=asyncio.FIRST_COMPLETED)
        if starting.done():
            starting.result()
            ready()
            log.info("ready")
            await asked
        else:
            starting.cancel()
            await asyncio.gather(starting, return_exceptions=True)
    finally:
        asked.cancel()
        async with asyncio.timeout(STOP_SECONDS):
            await service.stop()
    log.info("stopped")


def _ready(settings: Settings) -> None:
    settle_heap()
    tell_ready(settings.ready_fd)


def tell_ready(ready_fd: int) -> None:
    """Writes the one byte that the launcher waits for."""
    if ready_fd >= 0:
        os.write(ready_fd, b"1")
        os.close(ready_fd)
