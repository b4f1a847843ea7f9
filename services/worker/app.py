"""Wiring of the worker: the only place here that constructs. `WorkerService` is one worker process's whole life.

Start: cluster check, RPC listening and catalog while a thread loads the kernels, then lease and shards: whoever claims
a shard must be able to serve it at once. Stop: last checkpoints, shards released, lease given up, so that another
worker can take over at once.
"""

import asyncio
import gc
import os
import socket
import sys
import tempfile
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

import structlog

from services.slices import take_short_slices
from services.worker.claims import ClaimParts, Claims
from services.worker.hosting import Hosting
from services.worker.idleness import Idleness
from services.worker.idling import IdleRule
from services.worker.reads import Reader
from services.worker.shard import Shard
from services.worker.sharing import Common
from services.worker.source import ReadLimits, Source
from services.worker.waiters import Waiters
from services.worker.wakings import Wakings
from shared.actor.supervisor import RestartPolicy, Supervisor
from shared.clock import Clock, SystemClock
from shared.coordination.catalog import Catalog, CatalogWatcher
from shared.coordination.cluster import ensure_cluster
from shared.coordination.nodes import NodeInfo
from shared.coordination.view import CatalogView
from shared.errors import ShardUnavailable, Unavailable
from shared.log.position import ShardKey
from shared.log.rewrite import Rewrites
from shared.log.wakeups import WakeUps
from shared.log.wal import Wal
from shared.rpc.link import Handler, RpcLimits
from shared.rpc.server import RpcServer, serve
from shared.schema.queries import Reply, ShardRequest
from shared.settings import Settings
from shared.store.crash import arm

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from redis.asyncio import Redis

log = structlog.get_logger(__name__)

SOCKET_PATH_MAX = 100
"""Bytes of a Unix socket's path that every platform takes."""
DISK_THREADS = 4
READY_WAIT_S = 15.0
"""How long start waits for the shards it hosts; larger ones go on loading while others are served."""
SWITCH_S = 0.0005
"""How long a thread that writes a checkpoint may hold Python while the loop wants it; the default is 5 ms."""
FOREVER = RestartPolicy(restarts_max=2**31)


class WorkerService:
    """Hosts shards until stopped."""

    def __init__(self, settings: Settings, redis: "Redis", clock: Clock | None = None) -> None:
        self._settings = settings
        self._redis = redis
        self._clock = clock or SystemClock()
        self._disk = ThreadPoolExecutor(DISK_THREADS, "disk", take_short_slices)
        self._columns = ThreadPoolExecutor(1, "columns", take_short_slices)
        self._search = ThreadPoolExecutor(max(1, os.cpu_count() or 1), "search", take_short_slices)
        self._reader = Reader(self._search)
        self._supervisor = Supervisor(self._failed, self._clock)
        self._watcher: CatalogWatcher | None = None
        self._server: RpcServer | None = None
        self._source: Source | None = None
        self._wakings: Wakings | None = None
        self._aliases_of: tuple[CatalogView, dict[str, tuple[str, ...]]] | None = None
        self.claims: Claims | None = None
        """Lease and placement; tells its trouble with Redis."""
        self.hosting: Hosting | None = None
        """The shards, once started."""
        self.address = ""
        """Where the RPC listens, once started."""

    @property
    def handler(self) -> Handler:
        """Answers requests to the shards hosted here; for a LocalLink."""
        return self._answer

    async def start(self) -> None:
        """Serve. Raises WrongCluster when Redis and the data directory do not belong together."""
        settings = self._settings
        (settings.data_dir / "collections").mkdir(parents=True, exist_ok=True)
        arm(settings.crash_point)
        warming = asyncio.create_task(asyncio.to_thread(_warm))
        try:
            cluster_id = await self._cluster()
            self._server = await serve(_address(settings), self._answer, _limits(settings))
            self.address = self._server.address
            await self._make_actors(cluster_id)
        finally:
            await warming
        await self._start_actors()
        log.info("worker listens", address=self.address, node=_node_name(settings))

    def repair_now(self) -> None:
        """Look at once whether the files of red shards have been restored; else that is done every half minute."""
        if self.hosting is not None:
            self.hosting.repair(at_once=True)

    async def stop(self) -> None:
        """Stop in the reverse order; every shard publishes its last checkpoint."""
        if self.claims is not None:
            self.claims.leave()
        if self._watcher is not None:
            await self._watcher.stop()
        if self.hosting is not None:
            await self.hosting.stop()
        if self._wakings is not None:
            await self._supervisor.stop(self._wakings)
        if self._source is not None:
            await self._supervisor.stop(self._source)
        if self.claims is not None:
            await self._supervisor.stop(self.claims)
            await self.claims.release()
        if self._server is not None:
            await self._server.close()
        self._disk.shutdown()
        self._columns.shutdown(cancel_futures=True)
        self._search.shutdown()

    def _answer(self, request: ShardRequest) -> "Reply | Awaitable[Reply]":
        if self.hosting is None:
            raise ShardUnavailable("this worker is starting")
        return self.hosting.answer(request)

    async def _cluster(self) -> str:
        """Return the cluster's id; waits for a Redis that is not there yet."""
        while True:
            try:
                return await ensure_cluster(self._redis, self._settings.data_dir)
            except Unavailable as error:
                log.warning("redis is waited for", error=str(error))
                await self._clock.sleep(0.5)

    async def _make_actors(self, cluster_id: str) -> None:
        settings, wal, catalog = self._settings, Wal(self._redis), Catalog(self._redis)
        limits = ReadLimits(settings.read_entries_max, settings.read_block_ms)
        self._source = Source(wal, limits, self._verify, self._clock)
        self._watcher = CatalogWatcher(catalog, self._clock)
        wakeups, rewrites = WakeUps(self._redis), Rewrites(self._redis, settings.log_rewrite_s, self._clock)
        common = Common(
            redis=self._redis,
            wal=wal,
            source=self._source,
            supervisor=self._supervisor,
            disk=self._disk,
            columns=self._columns,
            clock=self._clock,
            collections=settings.data_dir / "collections",
            cluster_id=cluster_id,
            channel=wakeups.channel,
            rewrites=rewrites,
        )
        self.hosting = Hosting(common, self._make_shard, self._aliases, Idleness(_idle_rule(settings)))
        self.claims = self._make_claims(catalog, cluster_id, rewrites)
        self._wakings = Wakings(wakeups, self.claims.look_everywhere, self.hosting.woken, self._clock)
        await self._first_view()

    async def _start_actors(self) -> None:
        assert self._watcher is not None
        assert self.hosting is not None
        assert self._source is not None
        assert self._wakings is not None
        assert self.claims is not None
        self._watcher.on_change(lambda _: self._look())
        self.hosting.on_change = self._look
        self._supervisor.start(self._source, FOREVER)
        self._supervisor.start(self._wakings, FOREVER)
        await self._first_round()
        self._supervisor.start(self.claims, FOREVER)
        await self.hosting.wait_ready(READY_WAIT_S)

    def _make_claims(self, catalog: Catalog, cluster_id: str, rewrites: Rewrites) -> Claims:
        settings, watcher, hosting, source = self._settings, self._watcher, self.hosting, self._source
        assert watcher is not None
        assert source is not None
        assert hosting is not None
        parts = ClaimParts(
            redis=self._redis,
            hosting=hosting,
            catalog=catalog,
            view=lambda: watcher.view,
            suspect=source.suspect,
            check_cluster=lambda: ensure_cluster(self._redis, settings.data_dir),
            data_dir=settings.data_dir,
            volumes=[settings.data_dir, *([Path(settings.redis_dir)] if settings.redis_dir else [])],
            clock=self._clock,
            rewrites=rewrites,
        )
        info = NodeInfo("", _node_name(settings), "worker", self.address, os.getpid(), cluster_id)
        return Claims(parts, info, settings.heartbeat_s, settings.lease_ttl_s)

    async def _first_view(self) -> None:
        assert self._watcher is not None
        while True:
            try:
                await self._watcher.start()
                return
            except Unavailable as error:
                log.warning("catalog is waited for", error=str(error))
                await self._clock.sleep(0.5)

    async def _first_round(self) -> None:
        assert self.claims is not None
        try:
            await self.claims.round()
        except Unavailable as error:
            log.warning("first round of claims failed, trying again", error=str(error))

    def _make_shard(self, key: ShardKey) -> Shard:
        settings = self._settings
        return Shard(key, self._reader, Waiters(settings.waiters_max, settings.outcomes_max))

    def _aliases(self, collection: str) -> tuple[str, ...]:
        """Return a collection's aliases; sorted out once for each view of the catalog, asked for by every shard."""
        assert self._watcher is not None
        view = self._watcher.view
        if self._aliases_of is None or self._aliases_of[0] is not view:
            found: dict[str, tuple[str, ...]] = {}
            for alias, uuid in sorted(view.aliases.items()):
                found[uuid] = (*found.get(uuid, ()), alias)
            self._aliases_of = view, found
        return self._aliases_of[1].get(collection, ())

    def _look(self) -> None:
        if self.claims is not None:
            self.claims.look()

    async def _verify(self) -> None:
        assert self.claims is not None
        await self.claims.verify()

    def _failed(self, name: str, error: Exception) -> None:
        """An actor gave up: its shard, if it is one's, turns red."""
        log.error("actor gave up", actor=name, error=repr(error))
        if self.hosting is not None:
            for shard in self.hosting.shards:
                if name.endswith(f" {shard.key}"):
                    shard.set_reason(f"{name} stopped: {error!r}")


def _warm() -> None:
    """Load the kernels, so that the first search is as quick as the next.

    What lives by then lives for ever: the garbage collector need not look at it again.
    """
    from shared.segment.kernels.warmup import warmup  # compiles on import: only in a process that serves

    warmup()
    gc.collect()
    gc.freeze()
    sys.setswitchinterval(SWITCH_S)


def _node_name(settings: Settings) -> str:
    return settings.node_name or socket.gethostname()


def _address(settings: Settings) -> str:
    """Return where to listen: as set, else a socket in the data directory, or in a short private one."""
    if settings.rpc_address:
        return settings.rpc_address
    path = settings.data_dir.resolve() / "sockets" / f"{_node_name(settings)}.sock"
    if len(os.fsencode(path)) > SOCKET_PATH_MAX:
        path = Path(tempfile.mkdtemp(prefix="shoal-")) / "worker.sock"
    path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
    return f"unix:{path}"


def _idle_rule(settings: Settings) -> IdleRule:
    """Return when shards rest and close; without a setting open ones may take half of the machine's memory."""
    half = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") // 2
    return IdleRule(settings.shard_rest_s, settings.shard_close_s, settings.open_memory_mb * 2**20 or half)


def _limits(settings: Settings) -> RpcLimits:
    return RpcLimits(frame_bytes_max=settings.rpc_frame_bytes_max, calls_max=settings.rpc_calls_max)
