"""The catalog watcher keeps what it knows when Redis comes back as another one."""

from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.coordination.catalog import Catalog, CatalogWatcher
from shared.coordination.cluster import ensure_cluster
from shared.errors import WrongCluster
from shared.schema.collections import CollectionConfig, CollectionRecord


@pytest.mark.parametrize("comes_back", ["empty", "another"])
async def test_view_of_a_foreign_redis_is_refused(any_redis: Redis, tmp_path: Path, comes_back: str) -> None:
    await ensure_cluster(any_redis, None)
    catalog = Catalog(any_redis)
    await catalog.create(CollectionRecord(uuid="u", name="kept", config=CollectionConfig()))
    watcher = CatalogWatcher(catalog)
    await watcher.refresh()

    await any_redis.flushall()
    if comes_back == "another":
        await ensure_cluster(any_redis, tmp_path)

    with pytest.raises(WrongCluster, match="shoal check --adopt"):
        await watcher.refresh()
    assert watcher.view.resolve("kept") is not None
