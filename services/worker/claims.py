"""Keeps the node's lease alive, and hosts what this worker should host.

One round at each heartbeat, at once when the catalog changes, and whenever the log's source has met a Redis again:
1. is this still the Redis that belongs to our files; else nothing is claimed or read, reads are served on
2. renew the lease; when it was lost stop leading, register anew
3. when catalog, nodes or placement changed: choose what to take, hand over and let go (placing.py), pass the catalog on
4. every few seconds: publish free space, look at heads of logs, put quiet shards to rest
A round in which nothing has changed costs four small commands, however many shards there are.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple
from uuid import uuid4

import msgspec
import structlog

from services.worker.hosting import Hosting
from services.worker.init_from.cutter import release_holds_of_deleted
from services.worker.placing import Choice, Scene, choose
from shared.actor.actor import Actor
from shared.clock import Clock
from shared.coordination.catalog import Catalog, CatalogView
from shared.coordination.nodes import NodeInfo, NodeLease, live_nodes
from shared.coordination.placement import owners, placement_revision
from shared.errors import Unavailable, WrongCluster
from shared.log.position import ShardKey
from shared.log.rewrite import Rewrites
from shared.log.storage import publish_storage
from shared.store.space import free_mb

if TYPE_CHECKING:
    from redis.asyncio import Redis

log = structlog.get_logger(__name__)

SETTLED_LEASES = 3
"""A worker gets shards handed over once it has been live for so many lifetimes of a lease."""
SWEEP_HEARTBEATS = 4
"""How many heartbeats pass between two sweeps: free space published, heads looked at, quiet shards put to rest."""
PLACE_S = 10.0
"""How long a placement that has not changed, by its revision, is believed."""


class ClaimParts(NamedTuple):
    """What claims work with.

    check_cluster   raises WrongCluster;  suspect  makes the source verify
    volumes         directories whose free space is watched: ours, and Redis' where it can be seen from here
    """

    redis: "Redis"
    hosting: Hosting
    catalog: Catalog
    view: Callable[[], CatalogView]
    check_cluster: Callable[[], Awaitable[str]]
    suspect: Callable[[str], None]
    data_dir: Path
    volumes: list[Path]
    clock: Clock
    rewrites: Rewrites


class _Calm(NamedTuple):
    """What was seen in a round that left nothing to do."""

    view: CatalogView
    live: frozenset[str]
    settled: frozenset[str]
    revision: int
    until: float


class Claims(Actor[None]):
    """One per worker."""

    def __init__(self, parts: ClaimParts, info: NodeInfo, heartbeat_s: float, lease_ttl_s: float) -> None:
        super().__init__("claims", 1)
        self._parts = parts
        self._info = info
        self._heartbeat_s = heartbeat_s
        self._lease_ttl_s = lease_ttl_s
        self._lease = NodeLease(parts.redis, lease_ttl_s)
        self._wake = asyncio.Event()
        self._turn = asyncio.Lock()
        self._is_registered = False
        self._is_suspicious = False
        self._is_leaving = False
        self._seen: dict[str, float] = {}
        self._free_since: dict[ShardKey, float] = {}
        self._told: CatalogView | None = None
        self._swept_at = float("-inf")
        self._calm: _Calm | None = None
        self._looks_everywhere = False
        self.trouble = ""

    def leave(self) -> None:
        """Only keep the lease from now on: the shards are being closed."""
        self._is_leaving = True

    def look(self) -> None:
        """Something changed: do a round now."""
        self._calm = None
        self._wake.set()

    def look_everywhere(self) -> None:
        """Messages from Redis may have been lost: look at the heads of all logs, those of resting shards too."""
        self._looks_everywhere = True
        self._swept_at = float("-inf")
        self._wake.set()

    async def run(self) -> None:
        """Do rounds until the mailbox is closed."""
        while not self.mailbox.is_closed:
            self._wake.clear()
            try:
                await self.round()
                if self.trouble:
                    log.info("coordination works again")
                self.trouble = ""
            except (Unavailable, WrongCluster) as error:
                self._note(error)
            try:
                async with asyncio.timeout(self._heartbeat_s):
                    await self._wake.wait()
            except TimeoutError:
                pass

    async def stop(self, timeout_s: float = 10.0) -> None:
        """Do no more rounds."""
        self.mailbox.close()
        self._wake.set()
        await super().stop(timeout_s)

    async def release(self) -> None:
        """Give the node's lease up, after its shards were released."""
        try:
            await self._lease.release()
        except Unavailable as error:
            log.warning("lease not released, it will run out", error=str(error))

    async def verify(self) -> None:
        """Make sure, after Redis was away, that it is ours and knows our shards. Raises WrongCluster, Unavailable."""
        self._is_suspicious = True
        self.look_everywhere()
        await self.round()

    async def round(self) -> None:
        """Do one round. Raises Unavailable, WrongCluster."""
        async with self._turn:
            await self._round()

    async def _round(self) -> None:
        parts = self._parts
        if self._is_suspicious:
            await parts.check_cluster()
            self._is_suspicious = False
        await self._renew()
        if self._is_leaving:
            return
        view = parts.view()
        await self._place(view)
        if view is not self._told:
            self._told = view if await self._remove_deleted(view) else None
        if parts.clock.now() - self._swept_at >= SWEEP_HEARTBEATS * self._heartbeat_s:
            self._swept_at = parts.clock.now()
            await self._sweep()

    async def _renew(self) -> None:
        if self._is_registered and await self._lease.renew():
            return
        if self._is_registered:
            log.warning("lease lost, registering anew", node=self._info.node_id)
            self._calm = None
            self._parts.hosting.fenced()
            await self._parts.check_cluster()
        node_id = f"{self._info.name}:{uuid4().hex[:12]}"
        self._info = msgspec.structs.replace(self._info, node_id=node_id)
        await self._lease.register(self._info)
        self._parts.hosting.node_id = node_id
        self._is_registered = True

    async def _place(self, view: CatalogView) -> None:
        parts, now = self._parts, self._parts.clock.now()
        live = await live_nodes(parts.redis, "worker")
        self._seen = {node.node_id: self._seen.get(node.node_id, now) for node in live}
        settled = {node.name for node in live if now - self._seen[node.node_id] >= SETTLED_LEASES * self._lease_ttl_s}
        revision = await placement_revision(parts.redis)
        found = _Calm(view, frozenset(self._seen), frozenset(settled), revision, now + PLACE_S)
        if self._is_calm(found, now):
            return
        self._calm = found
        orphaned = {key for key, since in self._free_since.items() if now - since >= self._lease_ttl_s}
        wanted = [
            ShardKey(record.uuid, number)
            for record in view.by_uuid.values()
            for number in range(record.config.shard_number)
        ]
        scene = Scene(wanted, await owners(parts.redis), live, settled, orphaned)
        choice = choose(scene, self._info, parts.hosting.keys, parts.hosting.leading)
        self._free_since = {key: self._free_since.get(key, now) for key in choice.free | orphaned}
        self._carry_out(choice, view)
        parts.hosting.update(view)
        if any(choice):
            self._calm = None

    def _is_calm(self, found: _Calm, now: float) -> bool:
        calm = self._calm
        return calm is not None and calm.view is found.view and calm[1:4] == found[1:4] and now < calm.until

    def _carry_out(self, choice: Choice, view: CatalogView) -> None:
        hosting = self._parts.hosting
        for key in choice.take:
            self._free_since.pop(key, None)
            hosting.take(key, view.by_uuid[key.collection])
        for key in choice.hand_over:
            log.info("shard handed over", shard=str(key))
            hosting.let_go(key, release=True)
        for key in choice.lost:
            hosting.let_go(key, release=False)

    async def _remove_deleted(self, view: CatalogView) -> bool:
        """Remove what the catalog says was deleted, and only that; False when some of it must wait.

        Files are not looked for after one single change that took no collection away.
        """
        told = self._told
        if told is not None and view.revision == told.revision + 1 and told.by_uuid.keys() <= view.by_uuid.keys():
            return True
        hosting = self._parts.hosting
        hosted = {key.collection for key in hosting.keys}
        on_disk = await asyncio.to_thread(_names_in, self._parts.data_dir / "collections")
        gone = (hosted | on_disk) - set(view.by_uuid)
        if not gone:
            return True
        is_done = True
        deleted = await self._parts.catalog.deleted_among(sorted(gone))
        for collection in gone:
            if collection in deleted:
                await release_holds_of_deleted(self._parts.redis, collection)
            if collection not in deleted:
                log.warning("collection is not in the catalog, its files are kept", collection=collection)
            elif collection in hosted:
                hosting.discard(collection)
                is_done = False
            else:
                is_done = await hosting.remove_files(collection) and is_done
                self._parts.rewrites.want()
        return is_done

    async def _sweep(self) -> None:
        parts = self._parts
        free = await asyncio.to_thread(lambda: min(map(free_mb, parts.volumes)))
        waiting = sum(int(shard.waiting_bytes) for shard in parts.hosting.shards)
        await publish_storage(parts.redis, self._info.node_id, free, waiting)
        parts.hosting.repair()
        parts.hosting.look_for_idle()
        await parts.rewrites.look()
        everywhere, self._looks_everywhere = self._looks_everywhere, False
        try:
            await parts.hosting.check_heads(everywhere=everywhere)
        except Unavailable:
            self._looks_everywhere = self._looks_everywhere or everywhere
            raise

    def _note(self, error: Exception) -> None:
        if not self.trouble:
            log.warning("coordination does not work", error=str(error))
        self.trouble = str(error)
        self._is_suspicious = True
        if isinstance(error, WrongCluster):
            self._parts.suspect(str(error))


def _names_in(directory: Path) -> set[str]:
    return {path.name for path in directory.iterdir()} if directory.is_dir() else set()
