"""Starting, stopping, and sharing a port."""

import asyncio
import socket
import uuid
from collections.abc import AsyncIterator

import aiohttp
import pytest
from redis.asyncio import Redis

from services.api.app import ApiService
from shared.log.connection import connect
from shared.log.wal import Wal
from shared.schema.queries import Count, Reply, ShardRequest
from shared.settings import Settings
from tests.unit.api.memory_shards import MemoryShards

BODY = {"vectors": {"size": 1, "distance": "Dot"}}


class SlowShards(MemoryShards):
    """Counts only when it is let."""

    def __init__(self, wal: Wal) -> None:
        super().__init__(wal)
        self.reached = asyncio.Event()
        self.go_on = asyncio.Event()

    async def call(self, request: ShardRequest) -> Reply:
        if isinstance(request.read, Count):
            self.reached.set()
            await self.go_on.wait()
        return await super().call(request)


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    client = connect(f"memory://{uuid.uuid4().hex}")
    yield client
    await client.aclose()


async def test_stopping_finishes_requests_in_flight(redis: Redis) -> None:
    shards = SlowShards(Wal(redis))
    service = ApiService(Settings(host="127.0.0.1", port=0), redis, shards)
    await service.start()
    url = f"http://127.0.0.1:{service.port}/collections/c"
    async with aiohttp.ClientSession() as session:
        async with session.put(url, json=BODY) as answer:
            assert answer.status == 200
        counting = asyncio.create_task(session.post(f"{url}/points/count", json={}))
        await shards.reached.wait()

        stopping = asyncio.create_task(service.stop())
        await asyncio.sleep(0)
        shards.go_on.set()

        async with await counting as answer:
            assert (await answer.json())["result"] == {"count": 0}
        await stopping
        with pytest.raises(aiohttp.ClientConnectorError):
            await session.get(url)


async def test_several_api_processes_share_a_port_and_see_each_other_s_collections(redis: Redis) -> None:
    shards = MemoryShards(Wal(redis))
    with socket.socket() as held:
        held.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
        held.bind(("127.0.0.1", 0))
        settings = Settings(host="127.0.0.1", port=held.getsockname()[1], api=2)
        first, second = ApiService(settings, redis, shards), ApiService(settings, redis, shards)
        await first.start()
        await second.start()

        url = f"http://127.0.0.1:{first.port}/collections/c"
        async with aiohttp.ClientSession() as session, session.put(url, json=BODY) as answer:
            assert answer.status == 200
        await first.stop()
        async with aiohttp.ClientSession() as session, session.post(f"{url}/points/count", json={}) as answer:
            found = (await answer.json())["result"]
        await second.stop()

    assert first.port == second.port
    assert found == {"count": 0}


async def test_service_that_never_started_stops(redis: Redis) -> None:
    await ApiService(Settings(host="127.0.0.1", port=0), redis, MemoryShards(Wal(redis))).stop()
