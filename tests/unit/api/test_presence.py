"""A catalog change is answered once every live api has applied it."""

import asyncio
import uuid
from collections.abc import AsyncIterator

import pytest
from redis.asyncio import Redis

from services.api.presence import Presence
from shared.clock import SystemClock
from shared.coordination.catalog import Catalog, CatalogWatcher
from shared.log.connection import connect
from shared.schema.collections import CollectionConfig, CollectionRecord

TTL_S = 0.4


@pytest.fixture
async def redis() -> AsyncIterator[Redis]:
    client = connect(f"memory://{uuid.uuid4().hex}")
    yield client
    await client.aclose()


async def started(redis: Redis, heartbeat_s: float = 0.05) -> tuple[Presence, CatalogWatcher]:
    watcher = CatalogWatcher(Catalog(redis))
    await watcher.refresh()
    presence = Presence(redis, watcher, SystemClock(), heartbeat_s, TTL_S)
    await presence.start()
    return presence, watcher


async def test_a_change_waits_for_the_api_that_lags(redis: Redis) -> None:
    here, watcher = await started(redis)
    there, lagging = await started(redis)
    await Catalog(redis).create(CollectionRecord(uuid="u", name="n", config=CollectionConfig()))
    revision = (await watcher.refresh()).revision

    waiting = asyncio.create_task(here.applied_everywhere(revision, 5.0))
    assert not await there.applied_everywhere(revision, 0.1)
    assert not waiting.done()
    await lagging.refresh()

    assert await waiting
    await here.stop()
    await there.stop()


async def test_a_dead_api_is_not_waited_for_longer_than_its_lease(redis: Redis) -> None:
    here, watcher = await started(redis)
    dead, _ = await started(redis)
    assert dead._task is not None
    dead._task.cancel()
    await Catalog(redis).create(CollectionRecord(uuid="u", name="n", config=CollectionConfig()))
    revision = (await watcher.refresh()).revision

    assert await here.applied_everywhere(revision, 10 * TTL_S)

    await here.stop()
