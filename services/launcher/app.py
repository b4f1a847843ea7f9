"""The launcher: starts what one machine needs, keeps it alive, and leaves no process behind.

Start: claim the data directory, hold the port, Redis, then workers, optimizer and api together; ingest processes once
those are ready, who does without them until then. Stop: api first, so that no new request comes in; ingest; workers,
which publish a last checkpoint; the optimizer; Redis last. Every wait is bounded.
"""

import asyncio
import tempfile
from collections.abc import Callable, Iterable, Sequence
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import structlog

from services.api.last_search import shared_memory
from services.launcher.child import Child, ChildFailed, ChildSpec
from services.launcher.claim import DirectoryClaim
from services.launcher.identity import Identity
from services.launcher.plan import api_specs, held_port, redis_spec, service_specs
from services.launcher.status import Status
from services.redis_server import (
    find_server,
    last_words,
    refuse_older,
)
from shared.settings import Settings
from shared.store.space import ensure_ballast

log = structlog.get_logger()

READY_S = 300.0
"""A first start compiles kernels."""
REDIS_READY_S = 120.0
"""Reading a large append-only file takes a while."""

ShowStatus = Callable[[Status], None]


class PrivateRedis:
    """The Redis of one data directory: `url` is where it answers once `start` returned."""

    def __init__(self, settings: Settings, claim: DirectoryClaim) -> None:
        self._settings = settings
        self._data_dir = settings.data_dir
        socket = claim.socket_dir / "redis.sock"
        program = find_server()
        refuse_older(program, settings.data_dir / "redis")
        self.child = Child(redis_spec(program, settings, socket, claim.descriptor), claim.record_child)
        self.url = f"unix://{socket}"

    async def start(self, stopping: asyncio.Event) -> None:
        """Returns when Redis has loaded its file and answers."""
        if self._settings.redis_fsync != "always":
            log.warning("acknowledged writes may be lost when redis is killed", appendfsync=self._settings.redis_fsync)
        self.child.start()
        try:
            await _all_ready([self.child], REDIS_READY_S, stopping)
        except ChildFailed as error:
            raise ChildFailed(f"{error}; its log ends:\n{last_words(self._data_dir)}") from error
        ballast = self._data_dir / "ballast"
        if (
            not await asyncio.to_thread(ensure_ballast, ballast, self._settings.ballast_mb)
            and self._settings.ballast_mb
        ):
            log.warning("no room for the ballast", path=str(ballast), mb=self._settings.ballast_mb)

    async def stop(self) -> None:
        """Ends it; it writes out its file first."""
        await self.child.stop()


async def serve(settings: Settings, show: ShowStatus, stopping: asyncio.Event) -> None:
    """`shoal serve`: everything on this machine, until `stopping` is set or a child cannot be kept alive."""
    with ExitStack() as stack:
        claim = stack.enter_context(DirectoryClaim(settings.data_dir))
        port = stack.enter_context(held_port(settings.host, settings.port, share=settings.api > 1))
        settings = settings.model_copy(update={"port": port, "data_dir": settings.data_dir.resolve()})
        if settings.redis_url:
            await _serve_services(settings, claim, show, stopping)
            return
        redis = PrivateRedis(settings, claim)
        try:
            await redis.start(stopping)
            with_redis = settings.model_copy(update={"redis_url": redis.url})
            await _serve_services(with_redis, claim, show, stopping, also=[redis.child])
        finally:
            await redis.stop()


async def serve_api(settings: Settings, stopping: asyncio.Event) -> None:
    """`shoal api`: the api processes and their ingest processes, for a container."""
    with ExitStack() as stack:
        port = stack.enter_context(held_port(settings.host, settings.port, share=settings.api > 1))
        sockets = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="shoal-api-")))
        specs = api_specs(settings.model_copy(update={"port": port}), sockets, stack.enter_context(shared_memory()))
        groups = {role: _children(specs[role], lambda _name, _identity: None) for role in specs}
        await _run([groups["api"], groups["ingest"]], stopping, later=groups["ingest"])


async def _serve_services(
    settings: Settings,
    claim: DirectoryClaim,
    show: ShowStatus,
    stopping: asyncio.Event,
    also: Iterable[Child] = (),
) -> None:
    with shared_memory() as searches:
        specs = service_specs(settings, claim.socket_dir, searches)
        groups = {role: _children(specs[role], claim.record_child) for role in specs}

        def ready() -> None:
            url = f"http://{_reachable(settings.host)}:{settings.port}"
            claim.announce(url, settings.redis_url)
            everyone = [*also, *(child for group in groups.values() for child in group)]
            show(
                Status(
                    url,
                    settings.data_dir,
                    settings.redis_url,
                    {child.spec.name: child.pid for child in everyone if child.pid},
                )
            )

        in_stop_order = [groups[role] for role in ("api", "ingest", "worker", "optimizer")]
        await _run(in_stop_order, stopping, also, groups["ingest"], ready)


def _children(specs: list[ChildSpec], record: Callable[[str, Identity | None], None]) -> list[Child]:
    return [Child(spec, record) for spec in specs]


async def _run(
    groups: list[list[Child]],
    stopping: asyncio.Event,
    also: Iterable[Child] = (),
    later: Sequence[Child] = (),
    ready: Callable[[], None] = lambda: None,
) -> None:
    """Starts the groups together but for `later`, these next; waits for the end, stops them in the order given.

    `also` run already: they are watched, and not stopped here.
    """
    everyone = [child for group in reversed(groups) for child in group]
    first = [child for child in everyone if child not in later]
    try:
        for child in first:
            child.start()
        if await _all_ready([*also, *first], READY_S, stopping):
            for child in later:
                child.start()
            ready()
            await _first_of(stopping, [*also, *everyone])
    finally:
        for group in groups:
            await asyncio.gather(*(child.stop() for child in group))


async def _all_ready(children: list[Child], seconds: float, stopping: asyncio.Event) -> bool:
    """True when all are ready, False when asked to stop before. Raises ChildFailed."""
    everyone = asyncio.create_task(_wait_ready(children))
    asked = asyncio.create_task(stopping.wait())
    waited: set[asyncio.Future[Any]] = {everyone, asked, *(child.failed for child in children)}
    try:
        done, _ = await asyncio.wait(waited, timeout=seconds, return_when=asyncio.FIRST_COMPLETED)
    finally:
        everyone.cancel()
        asked.cancel()
    _raise_failure(children)
    if not done:
        late = [child.spec.name for child in children if not child.ready.is_set()]
        raise ChildFailed(f"not ready after {seconds:.0f} s: {', '.join(late)}")
    return everyone in done


async def _wait_ready(children: list[Child]) -> None:
    for child in children:
        await child.ready.wait()


async def _first_of(stopping: asyncio.Event, children: list[Child]) -> None:
    asked = asyncio.create_task(stopping.wait())
    try:
        waited: set[asyncio.Future[Any]] = {asked, *(child.failed for child in children)}
        await asyncio.wait(waited, return_when=asyncio.FIRST_COMPLETED)
    finally:
        asked.cancel()
    _raise_failure(children)


def _raise_failure(children: list[Child]) -> None:
    for child in children:
        if child.failed.done():
            raise ChildFailed(f"{child.failed.result()}; giving up")


def _reachable(host: str) -> str:
    """An address that a person can open: the wildcard means this machine."""
    if host in ("0.0.0.0", "::", ""):
        return "localhost"
    return f"[{host}]" if ":" in host else host
