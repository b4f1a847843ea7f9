"""A running api and a client of it, for tests of what goes over HTTP."""

from typing import Any

import aiohttp
from redis.asyncio import Redis

from services.api.app import ApiService
from tests.unit.api.memory_shards import MemoryShards


class Api:
    """A running api and a client of it."""

    def __init__(self, service: ApiService, session: aiohttp.ClientSession, shards: MemoryShards, redis: Redis) -> None:
        self.service = service
        self.session = session
        self.shards = shards
        self.redis = redis
        self.headers: dict[str, str] = {}

    async def call(
        self, method: str, path: str, body: Any = None, headers: Any = None, raw: Any = None
    ) -> tuple[int, Any]:
        """Return the status and the JSON of an answer, None when it has no JSON."""
        url = f"http://127.0.0.1:{self.service.port}{path}"
        given = {"data": raw, "headers": {"Content-Type": "application/json", **(headers or {})}}
        if raw is None:
            given = {"headers": headers} if body is None else {"json": body, "headers": headers}
        async with self.session.request(method, url, **given) as answer:
            self.headers = dict(answer.headers)
            return answer.status, await answer.json() if answer.content_type == "application/json" else None

    async def ok(self, method: str, path: str, body: Any = None, headers: Any = None) -> Any:
        """Return the result of a call that succeeds."""
        status, answer = await self.call(method, path, body, headers)
        assert status == 200, answer
        assert answer["status"] == "ok"
        return answer["result"]

    async def error(self, method: str, path: str, body: Any = None, headers: Any = None) -> tuple[int, str]:
        """Return status and text of a call that fails."""
        status, answer = await self.call(method, path, body, headers)
        assert answer is not None
        assert "result" not in answer, answer
        return status, answer["status"]["error"]
