"""Wiring of the api: the only place here that constructs. `ApiService` is one api process's whole life."""

import asyncio
import os
import socket
from typing import TYPE_CHECKING

from aiohttp import web

from services.api.admin import Admin
from services.api.aliases import Aliases
from services.api.call import Services
from services.api.defaults import load_defaults
from services.api.directory import Directory
from services.api.endpoint import Endpoint
from services.api.ingest import Ingest
from services.api.last_search import LastSearch
from services.api.links import Links, LocalLinks, RemoteLinks
from services.api.metrics import Metrics
from services.api.optimizer_limits import OptimizerLimits
from services.api.payload_indexes import PayloadIndexes
from services.api.presence import Presence
from services.api.reads import Reader
from services.api.routes import (
    aliases,
    collections,
    indexes,
    point_reads,
    points,
    search,
    service,
    unbuilt,
    vector_names,
)
from services.api.shards import Shards
from services.api.spread import Spread
from services.api.strict.rates import Rates
from services.api.strict.reads import ReadGuard
from services.api.strict.writes import WriteGuard
from services.api.turns import Turns, patience_of
from services.api.validate.filters import FilterLimits
from services.api.validate.limits import Limits
from services.api.vector_names import VectorNames
from services.api.writes import Writer, WriteWaits
from shared.clock import Clock, SystemClock
from shared.coordination.catalog import Catalog, CatalogWatcher
from shared.coordination.status import jobs
from shared.log.appender import Appender, AppendLimits
from shared.log.storage import StorageGate
from shared.log.wal import Wal
from shared.rpc.client import RemoteLink
from shared.rpc.link import RpcLimits, ShardLink
from shared.settings import Settings

if TYPE_CHECKING:
    from redis.asyncio import Redis

BACKLOG = 1024
SHUTDOWN_S = 10.0
"""How long requests in flight may take to finish when the api stops."""

ROUTES = [
    *search.ROUTES,
    *points.ROUTES,
    *point_reads.ROUTES,
    *collections.ROUTES,
    *aliases.ROUTES,
    *vector_names.ROUTES,
    *indexes.ROUTES,
    *service.ROUTES,
    *unbuilt.ROUTES,
]


class ApiService:
    """Serves HTTP until stopped. With a `local_link` all shards live in this process, else placement tells where."""

    def __init__(
        self,
        settings: Settings,
        redis: "Redis",
        local_link: ShardLink | None = None,
        clock: Clock | None = None,
    ) -> None:
        self._settings = settings
        self._redis = redis
        self._clock = clock or SystemClock()
        self._local_link = local_link
        self._defaults = load_defaults(settings)
        self._links: Links | None = None
        self._watcher: CatalogWatcher | None = None
        self._presence: Presence | None = None
        self._appender: Appender | None = None
        self._runner: web.ServerRunner | None = None
        self._ingest = Ingest(settings.ingest_socket, range(settings.ingest_bytes, settings.body_bytes_max + 1))
        self.port = settings.port
        """The port that is listened on; a setting of 0 chooses a free one at start."""

    async def start(self) -> None:
        """Load the catalog and the placements, then listen."""
        catalog = Catalog(self._redis)
        self._watcher = CatalogWatcher(catalog)
        await self._watcher.start()
        heartbeat_s, lease_ttl_s = self._settings.heartbeat_s, self._settings.lease_ttl_s
        self._presence = Presence(self._redis, self._watcher, self._clock, heartbeat_s, lease_ttl_s)
        if not self._settings.listen_socket:
            await self._presence.start()
        self._links = self._make_links()
        await self._links.start()
        await self._ingest.start()
        wal = Wal(self._redis)
        self._appender = self._make_appender(wal)
        await self._listen(Endpoint(ROUTES, self._make_services(catalog, wal)))

    async def stop(self) -> None:
        """Take no more requests, finish those in flight within SHUTDOWN_S, close everything."""
        if self._runner is not None:
            await self._runner.cleanup()
        await self._ingest.stop()
        if self._appender is not None:
            await self._appender.close()
        if self._links is not None:
            await self._links.stop()
        if self._presence is not None:
            await self._presence.stop()
        if self._watcher is not None:
            await self._watcher.stop()

    def _make_links(self) -> Links:
        if self._local_link is not None:
            return LocalLinks(self._local_link)
        limits = RpcLimits(self._settings.rpc_frame_bytes_max, self._settings.rpc_calls_max)
        return RemoteLinks(self._redis, lambda address: RemoteLink(address, limits))

    def _make_appender(self, wal: Wal) -> Appender:
        settings = self._settings
        gate = StorageGate(self._redis, settings.disk_reserve_mb, settings.log_bytes_max, self._clock)
        limits = AppendLimits(
            bytes_max=settings.append_bytes_max,
            entries_max=settings.append_entries_max,
            queue_max=settings.append_queue_max,
            wait_s=settings.append_wait_s,
            retry_s=settings.append_retry_s,
        )
        return Appender(wal, limits, gate, self._clock)

    def _make_services(self, catalog: Catalog, wal: Wal) -> Services:
        assert self._watcher is not None
        assert self._presence is not None
        assert self._links is not None
        assert self._appender is not None
        settings = self._settings
        directory = Directory(self._watcher)
        shards = Shards(self._links, directory, self._clock, settings.shard_wait_s)
        rates = Rates(self._clock, settings.api)
        admin = Admin(catalog, directory, wal, shards, self._presence)
        spread = Spread(directory, wal, self._presence)
        return Services(
            settings=settings,
            limits=Limits(
                points_max=settings.batch_points_max,
                limit_max=settings.limit_max,
                searches_max=settings.searches_max,
                filter=FilterLimits(settings.filter_conditions_max, settings.filter_depth_max),
            ),
            defaults=self._defaults,
            directory=directory,
            shards=shards,
            reader=Reader(shards),
            writer=Writer(
                directory, self._appender, wal, shards, WriteWaits(settings.write_wait_s, settings.write_shard_wait_s)
            ),
            admin=admin,
            vector_names=VectorNames(admin, spread),
            payload_indexes=PayloadIndexes(admin, spread, shards),
            aliases=Aliases(catalog, directory, self._presence),
            strict_reads=ReadGuard(rates),
            strict_writes=WriteGuard(rates, shards),
            wal=wal,
            jobs=lambda uuid: jobs(self._redis, uuid),
            optimizer_limits=OptimizerLimits(self._redis, settings, self._clock),
            metrics=Metrics(),
            turns=Turns(
                patience_of(settings.search_pause_ms, settings.search_patience_ms, os.cpu_count() or 1),
                LastSearch(settings.searches_fd),
            ),
            ingest=self._ingest,
        )

    async def _listen(self, endpoint: Endpoint) -> None:
        loop = asyncio.get_running_loop()
        bytes_max = self._settings.body_bytes_max

        def make_request(message, payload, protocol, writer, task):  # type: ignore[no-untyped-def]  # aiohttp's own types
            return web.BaseRequest(message, payload, protocol, writer, task, loop, client_max_size=bytes_max)

        server = web.Server(endpoint.handle, request_factory=make_request, access_log=None)
        self._runner = web.ServerRunner(server, shutdown_timeout=SHUTDOWN_S)
        await self._runner.setup()
        if self._settings.listen_socket:
            await web.UnixSite(self._runner, self._settings.listen_socket, backlog=BACKLOG).start()
            return
        listener = self._bind()
        self.port = listener.getsockname()[1]
        await web.SockSite(self._runner, listener, backlog=BACKLOG).start()

    def _bind(self) -> socket.socket:
        """Bind the port; several api processes share it, and the kernel spreads connections over them."""
        family = socket.AF_INET6 if ":" in self._settings.host else socket.AF_INET
        listener = socket.socket(family, socket.SOCK_STREAM)
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if self._settings.api > 1:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        listener.bind((self._settings.host, self._settings.port))
        listener.setblocking(False)
        return listener
