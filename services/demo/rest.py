"""The smallest client that does: JSON over one kept-alive connection, with nothing but the standard library."""

import http.client
from types import TracebackType
from typing import Any, Self
from urllib.parse import urlsplit

import orjson

from shared.errors import ShoalError


class RestError(ShoalError):
    """The service answered with an error."""


class RestClient:
    """Sends a request, gives the `result` of the answer. Not for several threads at once."""

    def __init__(self, url: str, timeout_s: float = 120.0) -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None, f"{url} has no host"
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port or 80, timeout=timeout_s)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._connection.close()

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """One request; an answer outside of 2xx is a RestError with the service's own text."""
        content = None if body is None else orjson.dumps(body, option=orjson.OPT_SERIALIZE_NUMPY)
        self._connection.request(method, path, content, {"Content-Type": "application/json"})
        answer = self._connection.getresponse()
        text = answer.read()
        if not 200 <= answer.status < 300:
            raise RestError(f"{method} {path}: {answer.status} {text.decode(errors='replace')[:500]}")
        return orjson.loads(text).get("result")
