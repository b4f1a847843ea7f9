"""One shard that this worker leads: its parts wired together, from files and log to a serving shard, and back.

Opening, in this order, so that nothing of a former leader slips in between:
1. the newest manifest's fence is read, and a higher one claimed
2. the shard is opened in the log with it: from here on a former leader can neither append its own entries nor trim
3. the files are read: what a former leader may publish later has a smaller fence and does not count
4. the head is read; a head behind the state means that Redis lost entries: checkpoint, then a resume entry
5. the log is followed; the shard answers once it has applied that head
"""

import asyncio
from collections.abc import Callable
from concurrent.futures import Executor
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import structlog

from services.worker.applier import Applier
from services.worker.publisher import Publisher, Surroundings
from services.worker.recovery import Recovered, recover
from services.worker.shard import Shard
from services.worker.source import Source
from services.worker.successor import Successor
from shared.actor.supervisor import Supervisor
from shared.clock import Clock
from shared.coordination.placement import claim, release
from shared.errors import StaleFence
from shared.log.position import ShardHead, ShardKey
from shared.log.wal import Wal
from shared.schema.collections import CollectionRecord
from shared.schema.operations import Config, encode_operation
from shared.store.manifest import ManifestStore

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = structlog.get_logger(__name__)

MB = 2**20
T = TypeVar("T")


class Common(NamedTuple):
    """What all shards of a worker share."""

    redis: "Redis"
    wal: Wal
    source: Source
    supervisor: Supervisor
    disk: Executor
    clock: Clock
    collections: Path
    cluster_id: str


class Hosted:
    """A shard and its actors. `record` is the catalog's word, replaced when it changes."""

    def __init__(
        self,
        shard: Shard,
        record: CollectionRecord,
        common: Common,
        aliases: Callable[[str], tuple[str, ...]],
        on_lost: Callable[[ShardKey], None],
    ) -> None:
        self.key = shard.key
        self.shard = shard
        self.record = record
        self.fence: int | None = None
        self.directory = common.collections / shard.key.collection / str(shard.key.shard)
        self._common = common
        self._aliases = aliases
        self._on_lost = on_lost
        self._config_sent = 0
        self._fault_at = -1
        self._parts: tuple[Applier, Publisher, Successor] | None = None
        self.fault: Exception | None = None

    async def open(self, node_id: str) -> None:
        """Lead the shard and serve it. Raises StaleFence when a live other leads it; Unavailable, Corrupt."""
        await self._claim(node_id)
        recovered = await self._in_thread(partial(recover, self.directory, self.record))
        await self._install(recovered)

    async def lead_again(self, node_id: str) -> None:
        """Claim the shard under a new lease and go on with the state in memory, unless another has led it meanwhile."""
        if self._parts is None or self.shard.state is None:
            await self.open(node_id)
            return
        self.fence = None
        newest = await self._claim(node_id)
        publisher = self._parts[1]
        if newest != publisher.published_order:
            log.info("another node has led the shard meanwhile", shard=str(self.key))
            await self.reload()
            return
        await self._catch_up_or_resume()

    async def reload(self) -> None:
        """Read the files anew; the state so far serves reads meanwhile."""
        self.shard.counters.reloads += 1
        await self._stop_parts(publish=False)
        recovered = await self._in_thread(partial(recover, self.directory, self.record))
        await self._install(recovered)

    async def recover_from_fault(self) -> None:
        """After an entry that could not be applied: load the newest manifest and go on from there.

        When that stops at the same place the shard turns red: it serves what it has and waits for an operator.
        """
        error, self.fault = self.fault, None
        state = self.shard.state
        failed_at = state.applied if state is not None else 0
        log.error("shard is loaded anew", shard=str(self.key), applied=failed_at, error=repr(error))
        if failed_at == self._fault_at:
            await self._stop_parts(publish=False)
            self.shard.set_reason(f"stopped at position {failed_at}: {error}")
            self.shard.serve()
            return
        self._fault_at = failed_at
        await self.reload()

    async def close(self, node_id: str | None) -> None:
        """Publish what is left, stop; with a node id give the shard up, so that another may take it at once."""
        await self._stop_parts(publish=self.fence is not None and not self.shard.reason)
        self.shard.close()
        if node_id is not None:
            await release(self._common.redis, self.key, node_id)

    def note(self, record: CollectionRecord) -> None:
        """Note the catalog's word: config, name and, through `aliases`, other names."""
        self.record = record
        if self._parts is not None:
            self._parts[1].renamed()

    @property
    def wants_config(self) -> bool:
        """True while the catalog has a newer config than the shard's log."""
        state = self.shard.state
        if self._parts is None or state is None or self.fence is None or self.shard.reason:
            return False
        return self.record.generation > max(self._config_sent, state.config_generation)

    async def send_config(self) -> None:
        """Bring the catalog's config into the shard's log.

        The generation is raised first: what is validated under the old config may be appended before the entry, never
        after it. Done twice, it changes nothing.
        """
        record, wal = self.record, self._common.wal
        if not self.wants_config or self.fence is None:
            return
        await self._open_in_log(self.fence, record.generation, 0)
        entry = Config(record.generation, record.config.model_dump_json().encode())
        await wal.append_internal(self.key, encode_operation(entry), self.fence)
        self._config_sent = record.generation

    def is_known_to(self, head: ShardHead) -> bool:
        """Note a head of the log; False when the log lost entries, or knows another leader or none."""
        self.shard.log_head, self.shard.waiting_bytes = head.head, head.waiting
        if self._parts is None or self.shard.state is None:
            return True
        return head.state == "open" and head.fence == self.fence and not head.is_behind(self.shard.state.applied)

    async def _claim(self, node_id: str) -> tuple[int, int]:
        """Get the fence, open the log under it; return the order of the newest manifest, (0, 0) without one."""
        newest = await self._in_thread(ManifestStore(self.directory).newest)
        order = newest.order if newest is not None else (0, 0)
        fence = await claim(self._common.redis, self.key, node_id, above=order[0])
        if fence is None:
            raise StaleFence(f"shard {self.key} is led by another node")
        state = self.shard.state
        known = max(newest.checkpoint if newest else 0, state.applied if state else 0)
        generation = max(newest.config_generation if newest else 0, self.record.generation)
        await self._open_in_log(fence, generation, known)
        self.fence = fence
        return order

    async def _open_in_log(self, fence: int, generation: int, known: int) -> None:
        capacity = self.record.config.wal_config.wal_capacity_mb * MB
        await self._common.wal.open_shard(self.key, generation, fence, capacity, known)

    async def _install(self, recovered: Recovered) -> None:
        """Take a state from files: new actors around it, the log followed from its position."""
        state, common = recovered.state, self._common
        if recovered.manifest is None:
            self._config_sent = self.record.generation
        self.shard.install(state, recovered.quarantined, recovered.reason)
        if recovered.reason:
            self.shard.checkpoint = state.applied
            self.shard.serve()
            return
        around = Surroundings(
            common.cluster_id, self.directory, common.disk, common.wal, common.clock, self._name, lambda: self.fence
        )
        publisher = Publisher(self.shard, around, recovered.manifest)
        successor = Successor(self.shard, publisher, self.directory, common.disk)
        applier = Applier(self.shard, partial(self._applied, publisher, successor), self._faulted)
        publisher.on_published = successor.look
        publisher.on_stale = lambda: self._on_lost(self.key)
        self._parts = applier, publisher, successor
        for actor in self._parts:
            common.supervisor.start(actor)
        await self._catch_up_or_resume()
        common.source.follow(self.key, state.applied, applier.mailbox)
        successor.look()
        await self.send_config()

    async def _catch_up_or_resume(self) -> None:
        """Set the position to serve from; after a loss of log entries publish what they held, and resume."""
        state = self.shard.state
        if state is None or self._parts is None or self.fence is None:
            return
        head = await self._common.wal.head(self.key)
        self.shard.log_head, self.shard.waiting_bytes = head.head, head.waiting
        target = head.head
        if head.is_behind(state.applied):
            publisher = self._parts[1]
            if self.shard.checkpoint != state.applied:
                await publisher.publish()
            target = await self._common.wal.resume(self.key, state.applied, self.fence)
            log.warning("log had lost entries", shard=str(self.key), head=head.head, applied=state.applied, at=target)
        if not self.shard.is_serving:
            self.shard.target = target
            self.shard.passed()

    def _applied(self, publisher: Publisher, successor: Successor, is_urgent: bool) -> None:
        publisher.applied(is_urgent)
        if is_urgent:
            successor.look()

    def _faulted(self, error: Exception) -> None:
        self.fault = error
        self._common.source.leave(self.key)
        self._on_lost(self.key)

    def _name(self) -> tuple[str, tuple[str, ...]]:
        return self.record.name, self._aliases(self.key.collection)

    async def _stop_parts(self, *, publish: bool) -> None:
        if self._parts is None:
            return
        applier, publisher, successor = self._parts
        self._parts = None
        self._common.source.leave(self.key)
        supervisor = self._common.supervisor
        if not publish:
            publisher.abandon()
        await supervisor.stop(applier)
        await supervisor.stop(successor)
        await supervisor.stop(publisher, 30.0)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._common.disk, work)
