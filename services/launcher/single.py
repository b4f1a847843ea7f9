"""Api, worker and optimizer in one event loop, joined by plain calls: for tests, notebooks and `--memory`.

`--memory` keeps the log in a fake Redis and the files in a temporary directory that is removed at the end.
"""

import asyncio
import os
import tempfile
from contextlib import ExitStack
from pathlib import Path

import structlog

from services.api.app import ApiService
from services.launcher.app import PrivateRedis, ShowStatus
from services.launcher.claim import DirectoryClaim
from services.launcher.plan import held_port
from services.launcher.status import Status
from services.optimizer.app import OptimizerService
from services.process import Service
from services.worker.app import WorkerService
from shared.clock import SystemClock
from shared.log.connection import connect
from shared.rpc.link import LocalLink
from shared.settings import Settings

log = structlog.get_logger()


async def serve_single(settings: Settings, show: ShowStatus, stopping: asyncio.Event) -> None:
    """Everything in this loop until `stopping` is set; with `memory` nothing is left afterwards."""
    with ExitStack() as stack:
        if settings.memory:
            log.warning("in memory: nothing is kept when this process ends")
            directory = stack.enter_context(tempfile.TemporaryDirectory(prefix="shoal-memory-"))
            settings = settings.model_copy(update={"data_dir": Path(directory), "redis_url": f"memory://{directory}"})
        claim = stack.enter_context(DirectoryClaim(settings.data_dir))
        with held_port(settings.host, settings.port, share=False) as port:
            pass
        settings = settings.model_copy(update={"port": port, "data_dir": settings.data_dir.resolve()})
        if settings.redis_url:
            await _serve(settings, claim, show, stopping)
            return
        redis = PrivateRedis(settings, claim)
        try:
            await redis.start(stopping)
            await _serve(settings.model_copy(update={"redis_url": redis.url}), claim, show, stopping)
        finally:
            await redis.stop()


async def _serve(settings: Settings, claim: DirectoryClaim, show: ShowStatus, stopping: asyncio.Event) -> None:
    redis = connect(settings.redis_url)
    worker = WorkerService(settings, redis, SystemClock())
    optimizer = OptimizerService(settings, redis)
    api = ApiService(settings, redis, LocalLink(worker.handler))
    started: list[Service] = []
    try:
        for service in (worker, optimizer, api):
            started.append(service)
            await service.start()
        url = f"http://localhost:{settings.port}"
        claim.announce(url, settings.redis_url)
        data_dir = None if settings.memory else settings.data_dir
        show(Status(url, data_dir, settings.redis_url, {"shoal": os.getpid()}))
        await stopping.wait()
    finally:
        for service in (api, worker, optimizer):
            if service in started:
                await service.stop()
        await redis.aclose()
