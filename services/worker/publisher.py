"""Publishes checkpoints of one shard, then trims its log and collects files. Never waits for a disk on the loop.

When: at once after a seal, a config, a swap or a switched segment; at half of what may wait (`wal_capacity_mb` and
`wal_segments_ahead`); a moment after the log went quiet; after `flush_interval_sec` of changes; at the end. A failed
checkpoint is tried again: nothing but unnamed files is left of it, and the log keeps what it would have covered.
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from pathlib import Path
from time import perf_counter
from typing import NamedTuple

import structlog

from services.worker.persist import Identity, collect, write_checkpoint
from services.worker.retention import Retention
from services.worker.shard import Shard
from shared.actor.actor import Actor
from shared.clock import Clock
from shared.errors import ShardUnavailable, StaleFence, Unavailable
from shared.log.wal import Wal
from shared.store.crash import crash_point
from shared.store.manifest import Manifest, SegmentEntry

log = structlog.get_logger(__name__)

QUIET_S = 0.3
"""The log counts as quiet when nothing was applied for so long."""
INTERVAL_S = 0.7
"""A quiet log is not checkpointed more often than this: many shards with a trickle each must not keep the disk busy."""
BLOCKED_S = 0.2
"""How often a publisher that may not publish now looks again."""
MIDWAY_S = 0.005
"""How often it is looked whether an operation that is applied in steps has ended."""
RETRY_S = (0.5, 10.0)
"""First and longest pause after a failed checkpoint."""


class Surroundings(NamedTuple):
    """What a publisher works with.

    name      gives the collection's name and aliases as the catalog has them now
    fence     gives the fence of now, or None while another node leads the shard
    """

    cluster_id: str
    directory: Path
    disk: Executor
    wal: Wal
    clock: Clock
    name: Callable[[], tuple[str, tuple[str, ...]]]
    fence: Callable[[], int | None]


class _Marks(NamedTuple):
    """What the newest checkpoint covers; the state has changes while its own marks differ."""

    applied: int = -1
    revision: int = -1
    name: tuple[str, tuple[str, ...]] = ("", ())


class Publisher(Actor[None]):
    """One shard's publisher."""

    def __init__(self, shard: Shard, around: Surroundings, manifest: Manifest | None) -> None:
        super().__init__(f"publisher {shard.key}", 1)
        self._shard = shard
        self._around = around
        self._generation = manifest.generation if manifest else 0
        self.durable: dict[str, SegmentEntry] = {}
        if manifest:
            self.durable = {entry.segment_id: entry for entry in manifest.segments}
        self.retired: set[str] = set()
        self.on_published: Callable[[], None] = lambda: None
        self.on_stale: Callable[[], None] = lambda: None
        self._published = _Marks()
        if manifest:
            self._published = _Marks(manifest.checkpoint, 0, (manifest.name, tuple(manifest.aliases)))
            shard.checkpoint = manifest.checkpoint
        self.published_order = manifest.order if manifest else (0, 0)
        self._is_abandoned = False
        self._trimmed_bytes = shard.counters.log_bytes_applied
        self._retention = Retention()
        self._wake = asyncio.Event()
        self._closing = asyncio.Event()
        self._is_idle = False
        self._is_urgent = manifest is None
        self._changed_at = self._applied_at = around.clock.now()
        self._published_at = float("-inf")
        self._writing = asyncio.Lock()
        self._failures = 0

    def applied(self, is_urgent: bool) -> None:
        """Note that operations were applied. Called by the applier for each slice: cheap."""
        self._applied_at = self._around.clock.now()
        if is_urgent or self._is_log_half_full():
            self._is_urgent = self._is_urgent or is_urgent
            self._wake.set()
        elif not self._wake.is_set() and self._is_idle:
            self._wake.set()

    def hasten(self) -> None:
        """Publish soon: something other than the log changed."""
        self._is_urgent = True
        self._wake.set()

    @property
    def is_settled(self) -> bool:
        """True when the newest manifest says all there is to say, and nothing is being written or tried again."""
        return not self._is_changed() and not self._writing.locked() and not self._failures

    def renamed(self) -> None:
        """The collection's name or aliases may have changed: manifests carry them."""
        if self._is_changed():
            self._wake.set()

    def abandon(self) -> None:
        """Publish nothing any more: another leads the shard, or the state is not to be trusted."""
        self._is_abandoned = True

    async def run(self) -> None:
        """Wait for a reason to publish, and publish, until the mailbox is closed; then once more."""
        while not self.mailbox.is_closed:
            await self._sleep()
            if self.mailbox.is_closed:
                break
            if self._is_due():
                await self._try_publish()
        if self._is_changed() and not self._is_abandoned:
            await self._try_publish()

    async def stop(self, timeout_s: float = 10.0) -> None:
        """Publish what is left and end."""
        self.mailbox.close()
        self._closing.set()
        self._wake.set()
        await super().stop(timeout_s)

    async def publish(self) -> None:
        """Publish a checkpoint of now, trim, collect. Raises StaleFence, ShardUnavailable, OSError."""
        async with self._writing:
            await self._operation_end()
            await self._publish()

    async def _operation_end(self) -> None:
        """Wait for the end of an operation that is applied in steps. Raises ShardUnavailable when it was broken off."""
        while self._shard.state is not None and self._shard.state.is_midway:
            if self._is_abandoned or self.mailbox.is_closed:
                raise ShardUnavailable(f"shard {self._shard.key} was stopped in the middle of an operation")
            await asyncio.sleep(MIDWAY_S)

    async def _sleep(self) -> None:
        """Wait until something may be due."""
        if self._failures:
            first, longest = RETRY_S
            await self._pause(min(first * 2 ** (self._failures - 1), longest))
            return
        if self._is_blocked():
            await self._pause(BLOCKED_S)
            return
        self._is_idle = not self._is_changed()
        if self._is_idle:
            await self._wake.wait()
            if not self.mailbox.is_closed:
                self._changed_at = self._around.clock.now()
        else:
            wait_s = max(0.0, self._due_at() - self._around.clock.now())
            try:
                async with asyncio.timeout(wait_s):
                    await self._wake.wait()
            except TimeoutError:
                return
        self._is_idle = False
        self._wake.clear()

    async def _pause(self, seconds: float) -> None:
        """Wait, but no longer than until the end."""
        try:
            async with asyncio.timeout(seconds):
                await self._closing.wait()
        except TimeoutError:
            return

    def _is_changed(self) -> bool:
        return self._marks() != self._published

    def _marks(self) -> _Marks:
        state = self._shard.state
        assert state is not None
        return _Marks(state.applied, state.revision, self._around.name())

    def _due_at(self) -> float:
        state = self._shard.state
        assert state is not None
        flush_s = max(QUIET_S, state.config.optimizers_config.flush_interval_sec)
        return min(max(self._applied_at + QUIET_S, self._published_at + INTERVAL_S), self._changed_at + flush_s)

    def _is_due(self) -> bool:
        if self._is_blocked() or not self._is_changed():
            return False
        return self._is_urgent or self._is_log_half_full() or self._around.clock.now() >= self._due_at()

    def _is_blocked(self) -> bool:
        """True while nothing may be published: another leads the shard, or the shard is red."""
        return self._is_abandoned or bool(self._shard.reason) or self._around.fence() is None

    def _is_log_half_full(self) -> bool:
        state = self._shard.state
        assert state is not None
        half = state.config.wal_config.waiting_bytes_max / 2
        return self._shard.counters.log_bytes_applied - self._trimmed_bytes >= half

    async def _try_publish(self) -> None:
        try:
            await self.publish()
            self._failures = 0
        except StaleFence as error:
            log.warning("checkpoint refused, fence is stale", shard=str(self._shard.key), error=str(error))
            self.on_stale()
        except (OSError, Unavailable) as error:
            self._failures += 1
            self._shard.counters.checkpoint_failures += 1
            log.error("checkpoint failed", shard=str(self._shard.key), failures=self._failures, error=str(error))

    async def _publish(self) -> None:
        shard, around = self._shard, self._around
        fence = around.fence()
        if fence is None or shard.state is None or shard.reason:
            raise StaleFence(f"shard {shard.key} is not led by this node, or takes no operations")
        started = perf_counter()
        self._is_urgent = False
        marks, log_bytes = self._marks(), shard.counters.log_bytes_applied
        checkpoint = shard.state.freeze(self.durable)
        self._generation += 1
        name, aliases = marks.name
        identity = Identity(
            around.cluster_id, shard.key.collection, name, aliases, shard.key.shard, fence, self._generation
        )
        loop = asyncio.get_running_loop()
        manifest = await loop.run_in_executor(around.disk, write_checkpoint, around.directory, checkpoint, identity)
        self.durable = {entry.segment_id: entry for entry in manifest.segments}
        self.published_order = manifest.order
        self._published = marks
        self._changed_at = self._published_at = around.clock.now()
        shard.checkpoint = checkpoint.position
        shard.counters.checkpoints += 1
        shard.counters.checkpoint_seconds += perf_counter() - started
        self.on_published()
        crash_point("before_trim")
        kept_bytes_max = checkpoint.config.wal_config.kept_bytes_max
        through = self._retention.trim_through(checkpoint.position, log_bytes, kept_bytes_max)
        await self._trim(through, fence, log_bytes)
        await self._collect(manifest)

    async def _trim(self, through: int, fence: int, log_bytes: int) -> None:
        """Trim the log; what fails here is trimmed after the next checkpoint."""
        try:
            await self._around.wal.trim(self._shard.key, through, fence)
            self._trimmed_bytes = log_bytes
        except StaleFence:
            raise
        except Unavailable as error:
            log.warning("log not trimmed", shard=str(self._shard.key), through=through, error=str(error))

    async def _collect(self, manifest: Manifest) -> None:
        loop = asyncio.get_running_loop()
        retired = self.retired.difference(entry.segment_id for entry in manifest.segments)
        removed = await loop.run_in_executor(self._around.disk, collect, self._around.directory, manifest, retired)
        self.retired -= retired
        self._shard.counters.files_collected += removed
