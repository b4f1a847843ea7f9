"""The catalog watcher keeps what it knows when Redis comes back as another one."""

from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.coordination.catalog import AliasChange, Catalog, CatalogWatcher
from shared.coordination.cluster import ensure_cluster
from shared.coordination.keys import CATALOG
from shared.errors import WrongCluster
from shared.schema.collections import CollectionConfig, CollectionRecord, HnswConfig

OTHER = CollectionConfig(hnsw_config=HnswConfig(m=8))


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


async def test_a_change_of_one_s_own_is_seen_without_reading_the_catalog(any_redis: Redis) -> None:
    catalog = Catalog(any_redis)
    await catalog.create(CollectionRecord(uuid="u", name="n", config=CollectionConfig()))
    watcher, seen = CatalogWatcher(catalog), []
    await watcher.refresh()
    watcher.on_change(seen.append)

    updated = await catalog.update("u", 1, OTHER)
    await any_redis.delete(CATALOG)
    view = await watcher.advance(*updated)

    assert seen == [view]
    assert view.revision == updated.revision == 2
    assert view.resolve("n") == updated.record


async def test_a_change_of_one_s_own_between_others_brings_theirs_too(any_redis: Redis) -> None:
    catalog, others = Catalog(any_redis), Catalog(any_redis)
    for name in ("a", "b"):
        await catalog.create(CollectionRecord(uuid=name, name=name, config=CollectionConfig()))
    watcher = CatalogWatcher(catalog)
    await watcher.refresh()

    await others.update("b", 1, OTHER)
    updated = await catalog.update("a", 1, OTHER)
    view = await watcher.advance(*updated)

    assert view == await others.load()
    assert await watcher.advance(*updated) == view


async def test_a_record_that_others_changed_meanwhile_is_read_before_it_is_refused(any_redis: Redis) -> None:
    catalog, others = Catalog(any_redis), Catalog(any_redis)
    await catalog.create(CollectionRecord(uuid="u", name="n", config=CollectionConfig()))
    await catalog.load()
    await others.rename("u", "m")

    updated = await catalog.update("u", 1, OTHER)

    assert (updated.record.name, updated.record.generation) == ("m", 2)


async def test_aliases_that_one_changed_oneself_are_seen_without_reading_the_catalog(any_redis: Redis) -> None:
    catalog = Catalog(any_redis)
    await catalog.create(CollectionRecord(uuid="u", name="n", config=CollectionConfig()))
    watcher, seen = CatalogWatcher(catalog), []
    await watcher.refresh()
    watcher.on_change(seen.append)

    changed = await catalog.change_aliases([AliasChange("create", "live", "n")])
    await any_redis.delete(CATALOG)
    view = await watcher.advance_aliases(*changed)

    assert seen == [view]
    assert (view.revision, view.resolve("live")) == (2, view.resolve("n"))


async def test_aliases_that_others_changed_before_or_after_are_seen_too(any_redis: Redis) -> None:
    catalog, others = Catalog(any_redis), Catalog(any_redis)
    for name in ("a", "b"):
        await catalog.create(CollectionRecord(uuid=name, name=name, config=CollectionConfig()))
    watcher = CatalogWatcher(catalog)
    await watcher.refresh()

    await others.update("b", 1, OTHER)
    changed = await catalog.change_aliases([AliasChange("create", "live", "a")])
    await others.change_aliases([AliasChange("create", "live", "b")])
    view = await watcher.advance_aliases(*changed)

    assert view == await catalog.load()
    assert (view.aliases, view.by_uuid["b"].generation) == ({"live": "b"}, 2)
    assert await watcher.advance_aliases(*changed) == view
