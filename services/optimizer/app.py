"""The optimizer, wired: planner, jobs, builder, collector over one Redis client and one data directory."""

import asyncio
import os
import secrets
import socket
from collections.abc import Awaitable, Callable
from functools import partial
from typing import TYPE_CHECKING

import structlog

from services.optimizer.builder import Builder, ProcessBuilder, ThreadBuilder
from services.optimizer.collector import Collector
from services.optimizer.job import JobParts
from services.optimizer.manifests import Manifests
from services.optimizer.planner import Planner
from services.optimizer.quiet import QuietRule
from services.optimizer.rebuilder import Rebuilder
from shared.clock import Clock, SystemClock
from shared.coordination.catalog import Catalog
from shared.coordination.cluster import ensure_cluster
from shared.coordination.leases import Lease, job_lease
from shared.coordination.nodes import NodeInfo, NodeLease
from shared.coordination.status import forget_jobs, jobs, publish_job
from shared.coordination.watcher import CatalogWatcher
from shared.errors import ShoalError
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.policies.plan import Limits
from shared.settings import Settings

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = structlog.get_logger(__name__)
COLLECT_S = 5.0
JOB_LEASE_TTLS = 2.0
"""A job's lease lives this many node leases: a busy machine must not lose a build that took a minute."""


class OptimizerService:
    """Starts and stops the optimizer. Safe to kill at any moment, and to run twice: leases share the work out."""

    def __init__(
        self, settings: Settings, redis: "Redis", clock: Clock | None = None, builder: Builder | None = None
    ) -> None:
        threads = settings.indexing_threads or os.cpu_count() or 1
        self._settings = settings
        self._redis = redis
        self._clock = clock or SystemClock()
        self._builder = builder or _builder(settings, threads)
        self._watcher = CatalogWatcher(Catalog(redis))
        self._node = NodeLease(redis, settings.lease_ttl_s)
        self._tasks: list[asyncio.Task[None]] = []
        wal = Wal(redis)
        limits = Limits(indexing_threads=threads, cpus=os.cpu_count() or 1)
        manifests = Manifests(settings.data_dir, self._clock, limits)
        publish = partial(publish_job, redis)
        parts = JobParts(
            wal=wal,
            manifests=manifests,
            rebuilder=Rebuilder(self._builder, wal, manifests, self._clock, settings.recall_target),
            publish=publish,
            forget=lambda key: forget_jobs(redis, key.collection, key.shard),
            clock=self._clock,
            limits=limits,
            quiet=QuietRule(settings.optimizer_quiet_s, settings.optimizer_quiet_wait_s),
            turn=asyncio.Lock(),
            renew_s=settings.heartbeat_s,
            lease_ttl_s=settings.lease_ttl_s * JOB_LEASE_TTLS,
        )
        self._limits = limits
        self._planner = Planner(parts, lambda: self._watcher.view, self._lease_of)
        self._collector = Collector(manifests, wal, partial(jobs, redis), publish, self._lease_of)

    async def start(self) -> None:
        """Start looking for work; the builder warms up meanwhile."""
        cluster = await ensure_cluster(self._redis, self._settings.data_dir)
        self._info = _node_info(self._settings, cluster, self._limits)
        await self._node.register(self._info)
        await self._watcher.start()
        await self._builder.start()
        for name, step, interval_s in (
            ("optimizer planner", self._plan, self._settings.optimizer_interval_s),
            ("optimizer collector", self._collect, COLLECT_S),
            ("optimizer heartbeat", self._beat, self._settings.heartbeat_s),
        ):
            self._tasks.append(asyncio.create_task(self._repeat(step, interval_s), name=name))

    async def stop(self) -> None:
        """Abandon what is being built and stop."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self._planner.stop()
        await self._builder.stop()
        await self._watcher.stop()
        try:
            await self._node.release()
        except ShoalError as error:
            log.warning("lease not released, it will expire", error=str(error))

    async def _repeat(self, step: Callable[[], Awaitable[None]], interval_s: float) -> None:
        """Do a step again and again; a failure is logged and the next turn comes."""
        while True:
            try:
                await step()
            except (ShoalError, OSError) as error:
                log.warning("optimizer waits", error=str(error))
            except Exception:
                log.exception("optimizer met a bug; it goes on")
            await self._clock.sleep(interval_s)

    async def _plan(self) -> None:
        self._planner.sweep()

    async def _collect(self) -> None:
        await self._collector.sweep(self._planner.shards(), lambda: self._planner.busy)

    async def _beat(self) -> None:
        if not await self._node.renew():
            await self._node.register(self._info)

    def _lease_of(self, key: ShardKey) -> Lease:
        return Lease(self._redis, job_lease(key.collection, key.shard), self._settings.lease_ttl_s * JOB_LEASE_TTLS)


def _builder(settings: Settings, threads: int) -> Builder:
    if not settings.memory:
        return ProcessBuilder(settings, threads)
    from services.optimizer.build import build  # kernels and their compiler: only the builder pays for them

    return ThreadBuilder(build)


def _node_info(settings: Settings, cluster: str, limits: Limits) -> NodeInfo:
    """A name of its own for each process: two optimizers on one host must not replace each other."""
    name = f"{settings.node_name or socket.gethostname()}-{os.getpid()}"
    return NodeInfo(f"{name}:{secrets.token_hex(4)}", name, "optimizer", "", os.getpid(), cluster, limits)
