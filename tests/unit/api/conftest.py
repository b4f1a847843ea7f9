"""An api on a fake Redis, with shards in a dictionary, spoken to over HTTP."""

import uuid
from collections.abc import AsyncIterator

import aiohttp
import pytest

from services.api.app import ApiService
from shared.log.connection import connect
from shared.log.wal import Wal
from shared.settings import Settings
from tests.unit.api.api_under_test import Api
from tests.unit.api.memory_shards import MemoryShards


@pytest.fixture
async def api() -> AsyncIterator[Api]:
    """An api with short waits."""
    redis = connect(f"memory://{uuid.uuid4().hex}")
    shards = MemoryShards(Wal(redis))
    settings = Settings(
        host="127.0.0.1", port=0, shard_wait_s=0.2, write_wait_s=0.5, append_wait_s=0.1, body_bytes_max=20_000
    )
    service = ApiService(settings, redis, shards)
    await service.start()
    async with aiohttp.ClientSession() as session:
        yield Api(service, session, shards, redis)
    await service.stop()
    await redis.aclose()


@pytest.fixture
async def planes(api: Api) -> Api:
    """The api with a collection `planes`: dimension 2, Dot, three points."""
    await api.ok("PUT", "/collections/planes", {"vectors": {"size": 2, "distance": "Dot"}})
    points = [
        {"id": 1, "vector": [1, 0], "payload": {"city": "Ulm", "n": 1}},
        {"id": 2, "vector": [0, 1], "payload": {"city": "Rom", "n": 2}},
        {"id": "00000000-0000-0000-0000-000000000003", "vector": [0.5, 0.15], "payload": {}},
    ]
    await api.ok("PUT", "/collections/planes/points?wait=true", {"points": points})
    return api
