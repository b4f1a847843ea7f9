"""The envelope of every JSON answer: {"result", "status", "time"}, or {"status": {"error"}, "time"}.

Floats that are float32 inside (scores, vectors) come as numpy scalars and arrays, which orjson prints in shortest form:
0.15, never 0.15000000596. Payloads are JSON text already and are embedded as they are.
"""

import time

import orjson
from aiohttp import web

_OPTIONS = orjson.OPT_SERIALIZE_NUMPY
_JSON = "application/json"


def success(result: object, started: float, headers: dict[str, str] | None = None) -> web.Response:
    """Return a 200 with a result; `started` is perf_counter at the request's arrival."""
    body = orjson.dumps({"result": result, "status": "ok", "time": time.perf_counter() - started}, option=_OPTIONS)
    return web.Response(body=body, content_type=_JSON, headers=headers)


def failure(status: int, text: str, started: float, headers: dict[str, str] | None = None) -> web.Response:
    """Return an error answer."""
    shown = text.encode("utf-8", "replace").decode()  # a path or a header may hold bytes that are no text
    body = orjson.dumps({"status": {"error": shown}, "time": time.perf_counter() - started})
    return web.Response(status=status, body=body, content_type=_JSON, headers=headers)


def bare(body: object) -> web.Response:
    """Return JSON without an envelope, as `GET /` does."""
    return web.Response(body=orjson.dumps(body), content_type=_JSON)


def plain(text: str, status: int = 200) -> web.Response:
    """Return plain text, as the probes do."""
    return web.Response(status=status, text=text, content_type="text/plain")
