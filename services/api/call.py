"""What a handler gets: the services it uses, the parts of the path, the query string and the body.

Handlers know nothing of HTTP beyond this; `endpoint.py` measures, and turns results and errors into answers.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from aiohttp import web

from services.api.admin import Admin
from services.api.aliases import Aliases
from services.api.directory import Directory
from services.api.eras import Era, era_of
from services.api.ingest import Ingest
from services.api.metrics import Metrics
from services.api.optimizer_limits import OptimizerLimits
from services.api.payload_indexes import PayloadIndexes
from services.api.positions import HEADER, ShardPositions, decode_token
from services.api.reads import Reader
from services.api.shards import Asking, Shards
from services.api.strict.reads import ReadGuard
from services.api.strict.writes import WriteGuard
from services.api.turns import Turns
from services.api.validate.collections import Defaults
from services.api.validate.limits import Limits
from services.api.vector_names import VectorNames
from services.api.writes import Writer
from shared.coordination.catalog import CatalogView
from shared.errors import BadFormat, TooLarge
from shared.log.wal import Wal
from shared.schema.jobs import JobStatus
from shared.settings import Settings


class Services(NamedTuple):
    """Everything that handlers use."""

    settings: Settings
    limits: Limits
    defaults: Defaults
    directory: Directory
    shards: Shards
    reader: Reader
    writer: Writer
    admin: Admin
    vector_names: VectorNames
    payload_indexes: PayloadIndexes
    aliases: Aliases
    strict_reads: ReadGuard
    strict_writes: WriteGuard
    wal: Wal
    jobs: Callable[[str], Awaitable[list[JobStatus]]]
    """A collection's optimizer jobs by its uuid, oldest first."""
    optimizer_limits: OptimizerLimits
    metrics: Metrics
    turns: Turns
    ingest: Ingest

    @property
    def catalog(self) -> CatalogView:
        return self.directory.view


class Answer(NamedTuple):
    """A result for the envelope."""

    result: object
    headers: dict[str, str] | None = None


class Call:
    """One request."""

    __slots__ = ("_is_invited", "names", "query", "request", "services")

    def __init__(self, request: web.BaseRequest, services: Services, names: list[str], query: str) -> None:
        self.request = request
        self.services = services
        self.names = names
        self.query = query
        self._is_invited = False

    @property
    def era(self) -> Era:
        """The era of the client: which shape its answer has."""
        return era_of(self.request.headers.get("User-Agent", ""), self.services.settings.compat)

    async def body(self) -> bytes:
        """Return the JSON body, unread. Raises BadFormat for another content type, TooLarge."""
        content_type = self.request.headers.get("Content-Type", "")
        if "json" not in content_type:
            raise BadFormat(f"expected application/json, got {content_type!r}", "content type")
        try:
            await self.invite_body()
            return await self.request.read()
        except web.HTTPRequestEntityTooLarge as error:
            limit = self.services.settings.body_bytes_max
            raise TooLarge(f"the body is larger than the {limit} bytes that are taken") from error

    async def invite_body(self) -> None:
        """Tell a client that waits for it, once, that its body is wanted."""
        if not self._is_invited and self.request.headers.get("Expect", "").lower() == "100-continue":
            await self.request.writer.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        self._is_invited = True

    def positions(self) -> ShardPositions:
        """Return the positions that the request's token holds. Raises BadRequest."""
        token = self.request.headers.get(HEADER)
        return decode_token(token) if token else {}

    def asking(self, operation: str, timeout_s: int | None) -> Asking:
        """Return how this request asks shards."""
        seconds = self.services.settings.read_timeout_s if timeout_s is None else float(timeout_s)
        return self.services.shards.asking(operation, seconds, self.positions())


Handler = Callable[[Call], Awaitable[Answer | web.Response]]
