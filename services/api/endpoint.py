"""From an HTTP request to its answer: the one wrapper around every handler.

Finds the route, runs the handler, puts its result into the envelope, turns errors into statuses, counts and measures.
"""

import time
from typing import NamedTuple

import structlog
from aiohttp import web

from services.api import envelope
from services.api.call import Answer, Call, Handler, Services
from services.api.eras import Shape
from services.api.http_errors import to_http
from services.api.metrics import RouteMeter
from services.api.route_table import RouteTable
from shared.errors import Corrupt, ShoalError

log = structlog.get_logger()


class Route(NamedTuple):
    """One route of the REST contract."""

    method: str
    pattern: str
    handler: Handler
    shape: Shape | None = None
    """What makes the result the client's era's; None where both eras see the same."""


def _text(raw_path: str) -> str:
    """Return the path with bytes that are no UTF-8 shown as such; clients should have quoted them."""
    return raw_path if raw_path.isascii() else raw_path.encode("utf-8", "surrogateescape").decode("utf-8", "replace")


class Endpoint:
    """Takes requests of all routes, gives responses."""

    def __init__(self, routes: list[Route], services: Services) -> None:
        self._services = services
        self._table: RouteTable[tuple[Route, RouteMeter]] = RouteTable()
        for route in routes:
            meter = services.metrics.route(route.method, route.pattern)
            self._table.add(route.method, route.pattern, (route, meter))

    async def handle(self, request: web.BaseRequest) -> web.StreamResponse:
        """Answer one request; never raises but for cancellation."""
        started = time.perf_counter()
        path, _, query = _text(request.raw_path).partition("?")
        found = self._table.match(request.method, path)
        if found is None:
            return web.Response(status=404)
        (route, meter), names = found
        response = await self._answer(route, Call(request, self._services, names, query), started)
        meter.observe(response.status, time.perf_counter() - started)
        return response

    async def _answer(self, route: Route, call: Call, started: float) -> web.Response:
        try:
            answer = await route.handler(call)
            if isinstance(answer, Answer):
                result = answer.result if route.shape is None else route.shape(call.era, answer.result)
                return envelope.success(result, started, answer.headers)
            return answer
        except ShoalError as error:
            status, text, headers = to_http(error)
            if isinstance(error, Corrupt) or status == 500:
                log.error("request failed", path=call.request.raw_path, error=text)
            return envelope.failure(status, text, started, headers)
        except (ConnectionError, TimeoutError) as error:
            log.warning("client went away", path=call.request.raw_path, error=str(error))
            return envelope.failure(400, "Bad request: the body did not arrive", started)
        except Exception as error:
            log.exception("request failed", path=call.request.raw_path)
            return envelope.failure(500, f"Service internal error: {type(error).__name__}: {error}", started)
