"""A Redis of its own for each recovery test."""

import tempfile
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from tests.own_redis import OwnRedis


@pytest.fixture
def own_redis(request: pytest.FixtureRequest) -> Iterator[OwnRedis]:
    """A running server; the mark `snapshots` makes it come back with what was saved last."""
    with tempfile.TemporaryDirectory(prefix="shoal-r-", dir="/tmp") as directory:
        server = OwnRedis(Path(directory), append_only=request.node.get_closest_marker("snapshots") is None)
        server.start()
        yield server
        server.kill()


@pytest.fixture
async def redis(own_redis: OwnRedis) -> AsyncIterator[Redis]:
    """A client of it."""
    client = own_redis.client()
    yield client
    await client.aclose()
