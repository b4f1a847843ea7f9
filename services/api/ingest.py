"""Large writes are passed on to the ingest process beside this one: reading them holds up no search here.

An ingest process is an api process that listens on a Unix socket instead of the port. A request goes to it as it
arrives, and its answer goes to the client as it is: what is checked, logged and waited for, and how, is the same there.
While nobody answers on the socket, at start and after a crash, large writes are done here.

Nobody waits for an ingest process when names change: each request says which revision of the catalog it goes by.
"""

import asyncio
from collections.abc import Mapping

import aiohttp
from aiohttp import web
from multidict import CIMultiDict
from yarl import URL

from shared.errors import OutcomeUnknown

REVISION = "X-Shoal-Revision"
"""The catalog's revision that the process which passes a request on has seen."""

_HOST = "ingest"
UNDER_WAY_MAX = 256
"""Requests that are passed on at once; more are done here, so that slow clients keep nobody waiting."""

_OF_A_CONNECTION = frozenset(
    ("connection", "keep-alive", "te", "trailer", "upgrade", "proxy-connection", "expect", "host", "transfer-encoding")
)
"""Headers that are not for the next hop (RFC 9110, 7.6.1), and those that the next hop gets of its own."""
_OF_AN_ANSWER = _OF_A_CONNECTION | {"content-length", "date", "server"}


class Ingest:
    """Takes requests with large bodies, gives what the ingest process answers."""

    def __init__(self, socket: str, body_bytes: range) -> None:
        self._socket = socket
        self._body_bytes = body_bytes
        self._session: aiohttp.ClientSession | None = None
        self._under_way = 0

    async def start(self) -> None:
        """Make connections possible, where there is an ingest process; none is made yet."""
        if self._socket:
            self._session = aiohttp.ClientSession(
                connector=aiohttp.UnixConnector(self._socket, limit=0),
                timeout=aiohttp.ClientTimeout(total=None, sock_connect=None),
                auto_decompress=False,
                cookie_jar=aiohttp.DummyCookieJar(),
            )

    async def stop(self) -> None:
        """Close all connections."""
        if self._session is not None:
            await self._session.close()

    def takes(self, request: web.BaseRequest) -> bool:
        """Say whether a request is to be passed on: its body is large, of a known size, and as it was sent."""
        return (
            self._session is not None
            and self._under_way < UNDER_WAY_MAX
            and request.content_length in self._body_bytes
            and "Content-Encoding" not in request.headers
            and request.raw_path.startswith("/")
            and request.raw_path.isascii()
        )

    async def pass_on(self, request: web.BaseRequest, revision: int) -> web.Response | None:
        """Return the answer; None when nobody is there, and the body is unread. Raises OutcomeUnknown."""
        assert self._session is not None
        path, _, query = request.raw_path.partition("?")
        url = URL.build(scheme="http", host=_HOST, path=path, query_string=query, encoded=True)
        headers = _without(request.headers, _OF_A_CONNECTION)
        headers[REVISION] = str(revision)
        self._under_way += 1
        try:
            async with self._session.request(request.method, url, headers=headers, data=request.content) as answer:
                kept = _without(answer.headers, _OF_AN_ANSWER)
                return web.Response(status=answer.status, body=await answer.read(), headers=kept)
        except aiohttp.ClientConnectorError:
            return None
        except (aiohttp.ClientError, asyncio.IncompleteReadError) as error:
            raise OutcomeUnknown(f"the ingest process ended while it did this write ({error})") from error
        finally:
            self._under_way -= 1


def _without(headers: Mapping[str, str], names: frozenset[str]) -> CIMultiDict[str]:
    return CIMultiDict((name, value) for name, value in headers.items() if name.lower() not in names)
