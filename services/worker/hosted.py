"""One shard that this worker leads: its parts wired together, from files and log to a serving shard, and back.

Opening, in this order, so that nothing of a former leader slips in between:
1. the newest manifest's fence is read, and a higher one claimed
2. the shard is opened in the log with it: from here on a former leader can neither append its own entries nor trim
3. the files are read: what a former leader may publish later has a smaller fence and does not count
4. the head is read; a head behind the state means that Redis lost entries: checkpoint, then a resume entry
5. the log is followed; the shard answers once it has applied that head
Where the log holds nothing beyond the manifest, the shard may stay dormant after 2 (dormancy.py); then 3 to 5 come when
it is read or appended to. An open shard that rests may become dormant again.
"""

import asyncio
from collections.abc import Callable
from functools import partial
from typing import TypeVar

import structlog

from services.worker.actors import ShardActors, start_actors
from services.worker.dormancy import Dormancy, DormancyParts
from services.worker.dormant import is_empty, stored_bytes
from services.worker.init_from.beginning import GATE, Beginning, BeginningParts
from services.worker.init_from.cut_files import INIT
from services.worker.publisher import Surroundings
from services.worker.reading import Reading
from services.worker.recovery import Recovered, recover
from services.worker.shard import Shard
from services.worker.sharing import Common, Host
from shared.coordination.placement import claim, release
from shared.errors import StaleFence, Unavailable
from shared.log.position import ShardHead
from shared.schema.collections import CollectionRecord
from shared.schema.operations import Config, encode_operation
from shared.store.manifest import Manifest, ManifestStore

log = structlog.get_logger(__name__)

T = TypeVar("T")


class Hosted:
    """A shard and its actors. `record` is the catalog's word, replaced when it changes."""

    def __init__(self, shard: Shard, record: CollectionRecord, common: Common, host: Host) -> None:
        self.key = shard.key
        self.shard = shard
        self.record = record
        self.fence: int | None = None
        self.directory = common.collections / shard.key.collection / str(shard.key.shard)
        self._common = common
        self._host = host
        parts = DormancyParts(common.wal, common.channel, common.disk, self._name, partial(host.on_wanted, self.key))
        self._dormancy = Dormancy(shard, self.directory, parts)
        self._reading = Reading(self.key, common.wal, common.source, common.channel)
        shard.on_wanted = self.wake
        self._config_sent = 0
        self._fault_at = -1
        self._actors: ShardActors | None = None
        self.fault: Exception | None = None

    async def open(self, node_id: str, bytes_max: int = 2**62) -> None:
        """Lead the shard and serve it; dormant where that suffices and it is empty or larger than `bytes_max`.

        Raises StaleFence when a live other leads it; Unavailable, Corrupt.
        """
        newest = await self._claim(node_id)
        is_lazy = newest is not None and self._is_begun() and (is_empty(newest) or stored_bytes(newest) > bytes_max)
        if newest is None or not is_lazy or not await self._dormancy.begin(newest, self.record.generation, self.fence):
            await self.load()

    async def load(self) -> None:
        """Read the files of a shard that is led, and serve it; one made from another takes over its points first."""
        if self.record.init_from is not None:
            await self._take_over()
        await self._recover()

    async def _recover(self) -> None:
        recovered = await self._in_thread(partial(recover, self.directory, self.record))
        await self._install(recovered)

    def _is_begun(self) -> bool:
        """True unless a cut that the collection began with is still to be removed."""
        return self.record.init_from is None or not (self.directory.parent / INIT).exists()

    async def _take_over(self) -> None:
        """Begin with another collection's points, unless that is done. What fails is tried again."""
        common = self._common
        if self.fence is None:
            raise StaleFence(f"shard {self.key} is not led by this node")
        parts = BeginningParts(
            common.redis, common.wal, common.disk, common.clock, common.collections, common.cluster_id
        )
        beginning = Beginning(parts, self.key, self.record, self.fence)
        if not await beginning.is_begun():
            self.shard.begin(beginning.progress)
        await beginning.run()

    async def lead_again(self, node_id: str) -> None:
        """Claim the shard under a new lease and go on with the state in memory, unless another has led it meanwhile."""
        if self._actors is None or self.shard.state is None:
            await self.open(node_id, 0 if self.shard.dormant is not None else 2**62)
            return
        self.fence = None
        newest = await self._claim(node_id)
        publisher = self._actors.publisher
        if (newest.order if newest is not None else (0, 0)) != publisher.published_order:
            log.info("another node has led the shard meanwhile", shard=str(self.key))
            await self.reload()
            return
        self._reading.wake()
        await self._begin()

    async def reload(self) -> None:
        """Read the files anew; the state so far serves reads meanwhile."""
        self.shard.counters.reloads += 1
        await self._stop_actors(publish=False)
        await self.load()

    async def recover_from_fault(self) -> None:
        """After an entry that could not be applied: load the newest manifest and go on from there.

        When that stops at the same place the shard turns red: it serves what it has and waits for an operator.
        """
        error, self.fault = self.fault, None
        state = self.shard.state
        failed_at = state.applied if state is not None else 0
        log.error("shard is loaded anew", shard=str(self.key), applied=failed_at, error=repr(error))
        if failed_at == self._fault_at:
            await self._stop_actors(publish=False)
            self.shard.set_reason(f"stopped at position {failed_at}: {error}")
            self.shard.serve()
            return
        self._fault_at = failed_at
        await self.reload()

    async def close(self, node_id: str | None) -> None:
        """Publish what is left, stop; with a node id give the shard up, so that another may take it at once."""
        await self._stop_actors(publish=self.fence is not None and not self.shard.reason)
        self.shard.close()
        if node_id is not None:
            await release(self._common.redis, self.key, node_id)

    async def awake(self) -> None:
        """Open a dormant shard, unless it is open already and catching up. Raises Corrupt, OSError."""
        if self.shard.dormant is not None and self._actors is None:
            await self._recover()

    def wake(self) -> None:
        """Somebody needs the shard open, or knows of something to read."""
        self._reading.wake()
        self._dormancy.wake()

    @property
    def is_settled(self) -> bool:
        """True when all is applied and checkpointed, and nothing is to be switched, waited for or repaired."""
        state, shard = self.shard.state, self.shard
        if self._actors is None or state is None or self.fence is None or shard.reason or self.fault is not None:
            return False
        is_quiet = shard.is_serving and not len(shard.waiters) and self._actors.are_settled
        return is_quiet and not state.pending and not state.unsaved() and not self.wants_config

    @property
    def is_resting(self) -> bool:
        """True when the log is not read, but tells of the next append."""
        return self._reading.is_resting

    async def rest(self) -> None:
        """Read the log no more until its next append. Raises StaleFence, ShardClosed, Unavailable."""
        if self.is_settled and self.shard.state is not None and self.fence is not None:
            await self._reading.rest(self.shard.state.applied, self.fence)

    async def close_idle(self) -> None:
        """Become dormant: free the memory of a shard that rests. Nothing happens when it is no longer idle."""
        self._dormancy.expect()
        newest = await self._in_thread(ManifestStore(self.directory).newest)
        if newest is None or self._actors is None or not (self.is_settled and self.is_resting):
            return
        if newest.order != self._actors.publisher.published_order:
            return
        await self._stop_actors(publish=False)
        self._dormancy.sleep(newest)
        log.info("idle shard closed", shard=str(self.key))

    async def discard(self) -> None:
        """Stop at once and free everything: the collection was deleted."""
        self.fence = None
        if self._actors is not None:
            self._actors.applier.halt()
        await self.close(None)

    def note(self, record: CollectionRecord) -> None:
        """Note the catalog's word: config, name and, through `aliases`, other names."""
        self.record = record
        if self._actors is not None:
            self._actors.publisher.renamed()

    @property
    def wants_catalog(self) -> bool:
        """True while the catalog has something that the shard's log or manifest has not."""
        newest = self.shard.dormant
        if newest is None or self.fence is None:
            return self.wants_config
        return newest.config_generation < self.record.generation or self._dormancy.is_misnamed

    async def follow_catalog(self) -> None:
        """Bring what the catalog has into the shard's log or manifest."""
        newest = self.shard.dormant
        if newest is None:
            await self.send_config()
        elif newest.config_generation < self.record.generation:
            await self.awake()
        else:
            await self._dormancy.rename(self.fence)

    @property
    def wants_config(self) -> bool:
        """True while the catalog has a newer config than the shard's log."""
        state = self.shard.state
        if self._actors is None or state is None or self.fence is None or self.shard.reason:
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
        self._reading.wake()
        await self._open_in_log(self.fence, record.generation, 0)
        entry = Config(record.generation, record.config.model_dump_json().encode())
        await wal.append_internal(self.key, encode_operation(entry), self.fence)
        self._config_sent = record.generation

    def is_known_to(self, head: ShardHead) -> bool:
        """Note a head of the log; False when the log lost entries, or knows another leader or none.

        A head beyond what was read means that a wake-up was lost.
        """
        shard = self.shard
        shard.log_head, shard.waiting_bytes = head.head, head.waiting
        newest, state = shard.dormant, shard.state
        if newest is None and (self._actors is None or state is None):
            return True
        applied = state.applied if state is not None else newest.checkpoint if newest is not None else 0
        if head.head > applied and (newest is not None or self.is_resting):
            log.info("append was not told, shard is woken", shard=str(self.key))
            self.wake()
        return head.state == "open" and head.fence == self.fence and not head.is_behind(applied)

    async def _claim(self, node_id: str) -> Manifest | None:
        """Get the fence, open the log under it; return the newest manifest."""
        newest = await self._in_thread(ManifestStore(self.directory).newest)
        fence = await claim(self._common.redis, self.key, node_id, above=newest.fence if newest else 0)
        if fence is None:
            raise StaleFence(f"shard {self.key} is led by another node")
        state = self.shard.state
        known = max(newest.checkpoint if newest else 0, state.applied if state else 0)
        if newest is None and self.record.init_from is not None:
            known = max(known, GATE)
        generation = max(newest.config_generation if newest else 0, self.record.generation)
        await self._open_in_log(fence, generation, known)
        self.fence = fence
        return newest

    async def _open_in_log(self, fence: int, generation: int, known: int) -> None:
        capacity = self.record.config.wal_config.log_bytes_max
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
        self._actors = start_actors(self.shard, around, recovered, common, self._faulted)
        self._actors.publisher.on_stale = lambda: self._host.on_lost(self.key)
        if self.shard.dormant is None:
            await self._begin()
            return
        try:
            await self._begin()
        except Unavailable as error:
            log.warning("shard is served as its files have it", shard=str(self.key), error=str(error))
            self._reading.follow(state.applied, self._actors.applier.mailbox)
        if self.shard.target <= state.applied:
            self.shard.serve()

    async def _begin(self) -> None:
        """Look at the head, and go on from what is applied."""
        await self._catch_up_or_resume()
        state = self.shard.state
        if state is None or self._actors is None:
            return
        if not self._reading.is_begun:
            self._reading.follow(state.applied, self._actors.applier.mailbox)
        self._actors.look()
        await self.send_config()

    async def _catch_up_or_resume(self) -> None:
        """Set the position to serve from; after a loss of log entries publish what they held, and resume."""
        state = self.shard.state
        if state is None or self._actors is None or self.fence is None:
            return
        head = await self._common.wal.head(self.key)
        self.shard.log_head, self.shard.waiting_bytes = head.head, head.waiting
        target = head.head
        if head.is_behind(state.applied):
            publisher = self._actors.publisher
            if self.shard.checkpoint != state.applied:
                await publisher.publish()
            target = await self._common.wal.resume(self.key, state.applied, self.fence)
            log.warning("log had lost entries", shard=str(self.key), head=head.head, applied=state.applied, at=target)
        if not self.shard.is_serving:
            self.shard.target = target
            self.shard.passed()

    def _faulted(self, error: Exception) -> None:
        self.fault = error
        self._reading.leave()
        self._host.on_lost(self.key)

    def _name(self) -> tuple[str, tuple[str, ...]]:
        return self.record.name, self._host.aliases(self.key.collection)

    async def _stop_actors(self, *, publish: bool) -> None:
        if self._actors is None:
            return
        actors, self._actors = self._actors, None
        self._reading.leave()
        await actors.stop(self._common.supervisor, publish=publish)

    async def _in_thread(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._common.disk, work)
