"""This api as others see it: a node with a lease, and the catalog revision that it has applied.

An alias change or a delete is answered once every live api has applied it, so that no client meets the old state
through another process. An api that dies is waited for no longer than its lease.
"""

import asyncio
import contextlib
import os
from typing import TYPE_CHECKING
from uuid import uuid4

import structlog

from shared.clock import Clock
from shared.coordination.catalog import CatalogView, CatalogWatcher
from shared.coordination.nodes import NodeInfo, NodeLease
from shared.coordination.revisions import forget_revision, lagging_apis, publish_revision
from shared.errors import Unavailable

if TYPE_CHECKING:
    from redis.asyncio import Redis

POLL_S = 0.002
POLL_MAX_S = 0.05
PUBLISH_AFTER_S = 0.001
"""A new revision is published a moment later: Redis answers nobody while it syncs a write, and whoever made the change
asks about the others first. Changes that come close together are published once."""

log = structlog.get_logger()


class Presence:
    """Keeps the node's lease and its revision published; waits for the other apis."""

    def __init__(
        self, redis: "Redis", watcher: CatalogWatcher, clock: Clock, heartbeat_s: float, lease_ttl_s: float
    ) -> None:
        self._redis = redis
        self._watcher = watcher
        self._clock = clock
        self._heartbeat_s = heartbeat_s
        self._lease = NodeLease(redis, lease_ttl_s)
        name = f"api-{uuid4().hex[:12]}"
        self._node = NodeInfo(f"{name}:1", name, "api", "", os.getpid(), "")
        self._published = 0
        self._tried_at = float("-inf")
        self._is_registered = False
        self._wake = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Take the lease and go on renewing it. Raises LogUnavailable."""
        await self._beat()
        self._watcher.on_change(self._catalog_changed)
        self._task = asyncio.create_task(self._run(), name="api presence")

    async def stop(self) -> None:
        """Give the lease up."""
        if self._task is None:
            return
        self._task.cancel()
        with contextlib.suppress(asyncio.CancelledError):
            await self._task
        with contextlib.suppress(Unavailable):
            await self._lease.release()
            await forget_revision(self._redis, self._node.node_id)

    async def applied_everywhere(self, revision: int, timeout_s: float) -> bool:
        """Wait until every live api has applied a revision; False when time is up or Redis does not answer.

        This process is not asked about: the caller has read the catalog again, and its own view says so.
        """
        deadline = self._clock.now() + timeout_s
        pause_s = POLL_S
        while True:
            try:
                lagging = await lagging_apis(self._redis, revision)
            except Unavailable as error:
                log.warning("it is not known whether all apis have a catalog change", error=str(error))
                return False
            if self._watcher.view.revision >= revision:
                lagging = [node_id for node_id in lagging if node_id != self._node.node_id]
            if not lagging:
                return True
            if self._clock.now() + pause_s > deadline:
                log.warning("apis have not applied a catalog change in time", revision=revision, apis=lagging)
                return False
            await self._clock.sleep(pause_s)
            pause_s = min(2 * pause_s, POLL_MAX_S)

    def _catalog_changed(self, _view: CatalogView) -> None:
        self._wake.set()

    async def _run(self) -> None:
        while True:
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(self._tried_at + self._heartbeat_s - self._clock.now()):
                    await self._wake.wait()
                    await self._clock.sleep(PUBLISH_AFTER_S)
            self._wake.clear()
            try:
                await self._beat()
            except Unavailable as error:
                log.debug("heartbeat failed", error=str(error))

    async def _beat(self) -> None:
        """Renew the lease when it is time, and publish the revision when it is another.

        A catalog change alone renews nothing: each write to Redis is synced, and others wait behind it.
        """
        now = self._clock.now()
        if now - self._tried_at >= self._heartbeat_s or not self._is_registered:
            self._tried_at = now
            if not (self._is_registered and await self._lease.renew()):
                await self._lease.register(self._node)
                self._is_registered, self._published = True, -1
        revision = self._watcher.view.revision
        if revision != self._published:
            await publish_revision(self._redis, self._node.node_id, revision)
            self._published = revision
