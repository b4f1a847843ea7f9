"""The catalog, on the fake Redis and a real one."""

import asyncio

import pytest
from redis.asyncio import Redis

from shared.coordination.catalog import AliasChange, AliasesChanged, Catalog, CatalogView, CatalogWatcher
from shared.errors import AlreadyExists, BadInput, GenerationChanged, NotFound
from shared.schema.collections import CollectionConfig, CollectionRecord, Distance, HnswConfig, VectorParams

CONFIG = CollectionConfig(vectors={"": VectorParams(size=4, distance=Distance.COSINE)})
OTHER = CONFIG.model_copy(update={"hnsw_config": HnswConfig(m=8)})


def record(name: str, uuid: str = "") -> CollectionRecord:
    return CollectionRecord(uuid=uuid or f"uuid-{name}", name=name, config=CONFIG)


@pytest.fixture
def catalog(any_redis: Redis) -> Catalog:
    return Catalog(any_redis)


async def test_an_empty_redis_is_an_empty_catalog(catalog: Catalog) -> None:
    assert await catalog.load() == CatalogView()


async def test_a_created_collection_is_found_by_name(catalog: Catalog) -> None:
    await catalog.create(record("städte"))

    view = await catalog.load()

    assert view.revision == 1
    assert view.resolve("städte") == record("städte")
    assert view.resolve("other") is None


async def test_a_taken_name_is_refused(catalog: Catalog) -> None:
    await catalog.create(record("a"))

    with pytest.raises(AlreadyExists, match="Collection `a` already exists!"):
        await catalog.create(record("a", uuid="another"))

    assert (await catalog.load()).revision == 1


async def test_creating_the_same_collection_again_after_a_lost_answer_is_fine(catalog: Catalog) -> None:
    await catalog.create(record("a"))

    await catalog.create(record("a"))

    assert (await catalog.load()).revision == 1


async def test_a_name_that_an_alias_has_is_refused(catalog: Catalog) -> None:
    await catalog.create(record("a"))
    await catalog.change_aliases([AliasChange("create", "b", "a")])

    with pytest.raises(BadInput, match=r"collection with name b\. Alias with the same"):
        await catalog.create(record("b"))


async def test_an_update_raises_the_generation(catalog: Catalog) -> None:
    await catalog.create(record("a"))

    updated, revision = await catalog.update("uuid-a", 1, OTHER)

    assert (updated.generation, updated.config.hnsw_config.m) == (2, 8)
    view = await catalog.load()
    assert (view.resolve("a"), view.revision) == (updated, revision)


async def test_of_two_updates_of_one_generation_one_is_refused(catalog: Catalog) -> None:
    await catalog.create(record("a"))

    outcomes = await asyncio.gather(
        catalog.update("uuid-a", 1, OTHER), catalog.update("uuid-a", 1, CONFIG), return_exceptions=True
    )

    assert [type(outcome) for outcome in outcomes if isinstance(outcome, Exception)] == [GenerationChanged]
    assert (await catalog.load()).by_uuid["uuid-a"].generation == 2


async def test_an_update_of_an_unknown_collection_is_not_found(catalog: Catalog) -> None:
    with pytest.raises(NotFound):
        await catalog.update("nobody", 1, CONFIG)


async def test_a_deleted_collection_leaves_its_record_for_those_who_collect(catalog: Catalog) -> None:
    await catalog.create(record("a"))
    await catalog.create(record("b"))
    await catalog.change_aliases([AliasChange("create", "alias", "a"), AliasChange("create", "kept", "b")])

    uuid = await catalog.delete("a")

    view = await catalog.load()
    assert uuid == "uuid-a"
    assert (view.names, view.aliases, list(view.by_uuid)) == ({"b": "uuid-b"}, {"kept": "uuid-b"}, ["uuid-b"])
    assert await catalog.deleted_among(["uuid-a", "uuid-b"]) == {"uuid-a"}


async def test_delete_never_follows_an_alias(catalog: Catalog) -> None:
    await catalog.create(record("a"))
    await catalog.change_aliases([AliasChange("create", "alias", "a")])

    assert await catalog.delete("alias") is None
    assert await catalog.delete("nothing") is None
    assert (await catalog.load()).resolve("alias") == record("a")


async def test_records_of_collections_deleted_long_ago_are_forgotten(catalog: Catalog, any_redis: Redis) -> None:
    await catalog.create(record("old"))
    await catalog.delete("old")
    await any_redis.zadd("{shoal}:deleted:at", {"uuid-old": 1_000_000})
    await catalog.create(record("new"))

    await catalog.delete("new")

    assert await catalog.deleted_among(["uuid-old", "uuid-new"]) == {"uuid-new"}


async def test_changes_returns_at_once_when_there_is_a_newer_revision_and_waits_otherwise(catalog: Catalog) -> None:
    await catalog.create(record("a"))

    assert await catalog.changes(0, 1000) == 1
    assert await catalog.changes(1, 10) == 1

    waiting = asyncio.create_task(catalog.changes(1, 5000))
    await asyncio.sleep(0.02)
    await catalog.create(record("b"))
    assert await asyncio.wait_for(waiting, 2) == 2


async def test_a_catalog_that_came_back_older_is_a_change(catalog: Catalog) -> None:
    await catalog.create(record("a"))

    assert await catalog.changes(9, 1000) == 1


async def test_the_change_stream_is_bounded(catalog: Catalog, any_redis: Redis) -> None:
    for _ in range(400):
        await catalog.create(record("a"))
        await catalog.change_aliases([AliasChange("create", "x", "a")])
        await catalog.change_aliases([AliasChange("create", "x", "a")])
        await catalog.delete("a")

    assert (await catalog.load()).revision == 1600
    assert 1000 <= await any_redis.xlen("{shoal}:catalog:log") <= 1200


async def test_adopted_collections_are_registered_and_known_ones_left_alone(catalog: Catalog) -> None:
    await catalog.create(record("a"))
    await catalog.update("uuid-a", 1, OTHER)

    await catalog.adopt([record("a"), record("b")], {"x": "uuid-b"})

    view = await catalog.load()
    assert view.by_uuid["uuid-a"].generation == 2
    assert view.resolve("x") == record("b")


async def test_adoption_is_all_or_none(catalog: Catalog) -> None:
    await catalog.create(record("b", uuid="another"))

    with pytest.raises(AlreadyExists, match="`b` belongs to collection another already"):
        await catalog.adopt([record("a"), record("b")], {})

    assert list((await catalog.load()).names) == ["b"]


async def test_an_alias_switch_is_one_change(catalog: Catalog) -> None:
    await catalog.create(record("a"))
    await catalog.create(record("b"))
    await catalog.change_aliases([AliasChange("create", "live", "a")])

    changed = await catalog.change_aliases(
        [AliasChange("delete", "live"), AliasChange("create", "live", "b"), AliasChange("rename", "live", "now")]
    )

    view = await catalog.load()
    assert (view.revision, view.aliases) == (4, {"now": "uuid-b"})
    assert changed == AliasesChanged(view.revision, view.aliases)


@pytest.mark.parametrize(
    ("change", "error", "text"),
    [
        (AliasChange("create", "x", "missing"), NotFound, "Collection `missing` doesn't exist!"),
        (AliasChange("rename", "missing", "x"), NotFound, "Alias missing does not exists!"),
        (AliasChange("create", "a", "a"), AlreadyExists, "Collection `a` already exists!"),
    ],
)
async def test_a_refused_alias_change_changes_nothing(
    catalog: Catalog, change: AliasChange, error: type[Exception], text: str
) -> None:
    await catalog.create(record("a"))

    with pytest.raises(error, match=text):
        await catalog.change_aliases([AliasChange("create", "first", "a"), change])

    assert (await catalog.load()).aliases == {}


async def test_deleting_a_missing_alias_is_fine(catalog: Catalog) -> None:
    await catalog.change_aliases([AliasChange("delete", "missing")])


async def test_a_watcher_sees_the_changes_of_others(catalog: Catalog, any_redis: Redis) -> None:
    watcher = CatalogWatcher(catalog)
    seen: asyncio.Queue[CatalogView] = asyncio.Queue()
    watcher.on_change(seen.put_nowait)
    await watcher.start()

    await Catalog(any_redis).create(record("a"))

    view = await asyncio.wait_for(seen.get(), 3)
    assert view.resolve("a") == watcher.view.resolve("a") == record("a")
    await watcher.stop()


async def test_a_callback_that_fails_does_not_stop_the_watcher(catalog: Catalog) -> None:
    def fail(view: CatalogView) -> None:
        raise RuntimeError("callback")

    watcher = CatalogWatcher(catalog)
    seen: list[int] = []
    watcher.on_change(fail)
    watcher.on_change(lambda view: seen.append(view.revision))
    await catalog.create(record("a"))

    await watcher.refresh()

    assert seen == [1]


async def test_a_renamed_collection_keeps_its_uuid_config_and_aliases(catalog: Catalog) -> None:
    await catalog.create(record("a"))
    await catalog.change_aliases([AliasChange("create", "alias", "a")])

    revision = await catalog.rename("uuid-a", "b")

    view = await catalog.load()
    assert (view.revision, view.names) == (revision, {"b": "uuid-a"})
    assert view.resolve("a") is None
    assert view.resolve("alias") == view.resolve("b") == record("a").model_copy(update={"name": "b"})


async def test_renaming_again_after_a_lost_answer_changes_nothing(catalog: Catalog) -> None:
    await catalog.create(record("a"))
    first = await catalog.rename("uuid-a", "b")

    second = await catalog.rename("uuid-a", "b")

    assert first == second == (await catalog.load()).revision


async def test_a_rename_to_a_taken_name_changes_nothing(catalog: Catalog) -> None:
    await catalog.create(record("a"))
    await catalog.create(record("b"))
    await catalog.change_aliases([AliasChange("create", "c", "a")])
    before = await catalog.load()

    with pytest.raises(AlreadyExists, match="Collection `b` already exists!"):
        await catalog.rename("uuid-a", "b")
    with pytest.raises(BadInput, match=r"rename collection to c\. Alias with the same"):
        await catalog.rename("uuid-a", "c")
    with pytest.raises(NotFound):
        await catalog.rename("uuid-x", "d")

    assert await catalog.load() == before


async def test_a_rename_and_an_update_at_once_both_count(catalog: Catalog) -> None:
    await catalog.create(record("a"))
    await catalog.rename("uuid-a", "b")

    await catalog.update("uuid-a", 1, OTHER)

    found = (await catalog.load()).resolve("b")
    assert found is not None
    assert (found.name, found.generation, found.config) == ("b", 2, OTHER)
