"""Reading only what changed gives what reading everything would; where not all changes are known, all is read."""

import random
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.coordination.catalog import AliasChange, Catalog, CatalogWatcher
from shared.coordination.cluster import ensure_cluster
from shared.coordination.keys import CATALOG, CATALOG_LOG, CLUSTER, NAMES, REVISION
from shared.coordination.view import CatalogView
from shared.errors import AlreadyExists, BadInput, NotFound, WrongCluster
from shared.schema.collections import CollectionConfig, CollectionRecord, HnswConfig

HIDDEN = CollectionRecord(uuid="hidden", name="hidden", config=CollectionConfig())
"""A record that is put into the hash behind the catalog's back: who has it has read everything."""


def record(name: str) -> CollectionRecord:
    return CollectionRecord(uuid=f"uuid-{name}", name=name, config=CollectionConfig())


async def hide(redis: Redis) -> None:
    await redis.hset(CATALOG, HIDDEN.uuid, HIDDEN.model_dump_json())


def read_everything(view: CatalogView) -> bool:
    return HIDDEN.uuid in view.by_uuid


async def watching(redis: Redis, *names: str) -> tuple[Catalog, CatalogWatcher]:
    """Return a catalog with collections, and a watcher that has read it."""
    catalog, watcher = Catalog(redis), CatalogWatcher(Catalog(redis))
    for name in names:
        await catalog.create(record(name))
    await watcher.refresh()
    return catalog, watcher


async def saved_of(redis: Redis) -> dict[str, bytes]:
    """Return the catalog as a Redis would have saved it."""
    return {key: await redis.dump(key) or b"" for key in (CATALOG, NAMES, REVISION, CATALOG_LOG)}


async def come_back(redis: Redis, saved: dict[str, bytes]) -> None:
    for key, dumped in saved.items():
        await redis.restore(key, 0, dumped, replace=True)


async def append(redis: Redis, key: str, entry: str, change: str, uuid: str) -> None:
    await redis.xadd(key, {"change": change, "uuid": uuid}, id=entry)


CHANGES: dict[str, Callable[[Catalog], Awaitable[object]]] = {
    "create": lambda catalog: catalog.create(record("new")),
    "update": lambda catalog: catalog.update("uuid-a", 1, CollectionConfig(hnsw_config=HnswConfig(m=8))),
    "rename": lambda catalog: catalog.rename("uuid-a", "other"),
    "delete": lambda catalog: catalog.delete("a"),
    "create alias": lambda catalog: catalog.change_aliases([AliasChange("create", "x", "b")]),
    "rename alias": lambda catalog: catalog.change_aliases([AliasChange("rename", "of-a", "x")]),
    "delete alias": lambda catalog: catalog.change_aliases([AliasChange("delete", "of-a")]),
    "no alias": lambda catalog: catalog.change_aliases([AliasChange("delete", "none")]),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
async def test_of_a_change_only_what_it_names_is_read(
    any_redis: Redis, change: Callable[[Catalog], Awaitable[object]]
) -> None:
    catalog, watcher = await watching(any_redis, "a", "b")
    await catalog.change_aliases([AliasChange("create", "of-a", "a"), AliasChange("create", "of-b", "b")])
    before = await watcher.refresh()
    kept = CatalogView(before.revision, dict(before.by_uuid), dict(before.names), dict(before.aliases))

    await change(catalog)
    expected = await Catalog(any_redis).load()
    await hide(any_redis)

    assert await watcher.refresh() == expected
    assert before == kept


async def test_changes_in_any_order_and_number_give_what_reading_everything_gives(any_redis: Redis) -> None:
    catalog, watcher = await watching(any_redis)
    draw, names = random.Random(7), ["a", "b", "c", "d"]

    for step in range(300):
        one, other = draw.choice(names), draw.choice(names)
        try:
            match draw.randrange(6):
                case 0 | 1:
                    fresh = CollectionRecord(uuid=f"uuid-{step}", name=one, config=CollectionConfig())
                    await catalog.create(fresh)
                case 2:
                    await catalog.delete(one)
                case 3:
                    await catalog.rename((await catalog.load()).names.get(one, "none"), other)
                case 4:
                    await catalog.change_aliases([AliasChange("create", f"alias-{other}", one)])
                case 5:
                    await catalog.change_aliases([AliasChange("rename", f"alias-{one}", f"alias-{other}")])
        except (AlreadyExists, BadInput, NotFound):
            continue
        if draw.random() < 0.4:
            assert await watcher.refresh() == await Catalog(any_redis).load()


async def test_a_watcher_that_the_stream_has_left_behind_reads_everything(any_redis: Redis) -> None:
    catalog, watcher = await watching(any_redis, "a")
    await catalog.create(record("b"))
    await catalog.create(record("c"))
    await any_redis.xtrim(CATALOG_LOG, maxlen=1, approximate=False)
    await hide(any_redis)

    view = await watcher.refresh()

    assert read_everything(view)
    assert view == await Catalog(any_redis).load()


@pytest.mark.parametrize("changes_since", [0, 1, 2, 3])
async def test_a_redis_that_came_back_older_is_read_whole_whatever_revision_it_has_reached_since(
    any_redis: Redis, changes_since: int
) -> None:
    catalog, watcher = await watching(any_redis, "a")
    saved = await saved_of(any_redis)
    await catalog.create(record("lost"))
    await catalog.create(record("lost too"))
    await watcher.refresh()

    await come_back(any_redis, saved)
    for number in range(changes_since):
        await catalog.create(record(f"other {number}"))
    view = await watcher.refresh()

    assert view == await Catalog(any_redis).load()
    assert sorted(view.names) == ["a", *(f"other {number}" for number in range(changes_since))]


async def test_one_s_own_change_that_redis_lost_is_lost_here_too(any_redis: Redis) -> None:
    catalog = Catalog(any_redis)
    await catalog.create(record("a"))
    await catalog.create(record("b"))
    watcher = CatalogWatcher(catalog)
    await watcher.refresh()
    saved = await saved_of(any_redis)
    await watcher.advance(*await catalog.update("uuid-a", 1, CollectionConfig(hnsw_config=HnswConfig(m=8))))

    await come_back(any_redis, saved)
    await Catalog(any_redis).update("uuid-b", 1, CollectionConfig(hnsw_config=HnswConfig(m=9)))
    view = await watcher.refresh()

    assert (view.by_uuid["uuid-a"].generation, view.by_uuid["uuid-b"].generation) == (1, 2)


async def test_a_foreign_redis_with_as_many_changes_is_refused(any_redis: Redis, tmp_path: Path) -> None:
    await ensure_cluster(any_redis, tmp_path)
    _, watcher = await watching(any_redis, "a", "b")
    await any_redis.set(CLUSTER, "another")

    with pytest.raises(WrongCluster, match="another"):
        await watcher.refresh()
    with pytest.raises(WrongCluster, match="another"):
        await watcher.refresh()

    assert sorted(watcher.view.names) == ["a", "b"]


async def test_entries_of_older_versions_are_understood(any_redis: Redis) -> None:
    catalog, watcher = await watching(any_redis, "a")
    await catalog.change_aliases([AliasChange("create", "x", "a")])
    await any_redis.xtrim(CATALOG_LOG, maxlen=0, approximate=False)
    for number, (change, uuid) in enumerate([("create", "uuid-a"), ("aliases", "")], 1):
        await append(any_redis, f"{CATALOG_LOG}:old", f"{number}-0", change, uuid)
    await any_redis.rename(f"{CATALOG_LOG}:old", CATALOG_LOG)

    older = await watcher.refresh()
    await catalog.create(record("b"))
    expected = await Catalog(any_redis).load()
    await hide(any_redis)

    assert older.aliases == {"x": "uuid-a"}
    assert await watcher.refresh() == expected


async def test_an_adoption_and_a_change_of_an_unknown_kind_are_read_whole(any_redis: Redis) -> None:
    catalog, watcher = await watching(any_redis, "a")

    await catalog.adopt([record("b")], {"x": "uuid-b"})
    adopted = await watcher.refresh()
    await append(any_redis, CATALOG_LOG, "3-0", "of tomorrow", "uuid-a")
    await any_redis.set(REVISION, 3)
    await hide(any_redis)

    assert adopted.resolve("x") == record("b")
    assert read_everything(await watcher.refresh())


async def test_more_aliases_than_an_entry_names_are_all_taken_over(any_redis: Redis) -> None:
    catalog, watcher = await watching(any_redis, "a")

    await catalog.change_aliases([AliasChange("create", f"alias {number}", "a") for number in range(1001)])

    assert len((await watcher.refresh()).aliases) == 1001


async def test_collections_of_one_config_share_it(any_redis: Redis) -> None:
    catalog, watcher = await watching(any_redis, "a", "b")
    await catalog.create(CollectionRecord(uuid="c", name="c", config=CollectionConfig(hnsw_config=HnswConfig(m=8))))

    records = (await watcher.refresh()).by_uuid

    assert records["uuid-a"].config is records["uuid-b"].config
    assert records["c"].config.hnsw_config.m == 8
