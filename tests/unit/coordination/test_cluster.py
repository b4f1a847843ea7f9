"""A data directory and a Redis belong together, or nothing starts."""

from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.coordination.cluster import adopt_cluster, ensure_cluster
from shared.errors import WrongCluster


async def test_two_fresh_sides_get_one_id_and_keep_it(any_redis: Redis, tmp_path: Path) -> None:
    first = await ensure_cluster(any_redis, tmp_path)
    second = await ensure_cluster(any_redis, tmp_path)

    assert first == second
    assert sorted(path.name for path in tmp_path.iterdir()) == ["cluster.json"]


async def test_without_a_data_directory_the_id_is_in_redis_alone(any_redis: Redis) -> None:
    assert await ensure_cluster(any_redis, None) == await ensure_cluster(any_redis, None)


async def test_a_fresh_directory_joins_a_cluster(any_redis: Redis, tmp_path: Path) -> None:
    cluster = await ensure_cluster(any_redis, tmp_path / "one")

    assert await ensure_cluster(any_redis, tmp_path / "two") == cluster


async def test_a_directory_of_another_cluster_is_refused(any_redis: Redis, tmp_path: Path) -> None:
    await ensure_cluster(any_redis, tmp_path)
    await any_redis.set("{shoal}:cluster", "another")

    with pytest.raises(WrongCluster, match="cluster another") as caught:
        await ensure_cluster(any_redis, tmp_path)

    assert "shoal check --adopt" in str(caught.value)


async def test_collections_on_disk_and_an_empty_redis_refuse_to_start_until_adopted(
    any_redis: Redis, tmp_path: Path
) -> None:
    cluster = await ensure_cluster(any_redis, tmp_path)
    (tmp_path / "collections" / "some-uuid").mkdir(parents=True)
    await any_redis.flushall()

    with pytest.raises(WrongCluster, match="shoal check --adopt"):
        await ensure_cluster(any_redis, tmp_path)

    assert await adopt_cluster(any_redis, tmp_path) == cluster
    assert await ensure_cluster(any_redis, tmp_path) == cluster


async def test_a_directory_without_collections_gives_an_empty_redis_its_id(any_redis: Redis, tmp_path: Path) -> None:
    cluster = await ensure_cluster(any_redis, tmp_path)
    await any_redis.flushall()

    assert await ensure_cluster(any_redis, tmp_path) == cluster


async def test_adopting_into_a_redis_of_another_cluster_is_refused(any_redis: Redis, tmp_path: Path) -> None:
    await ensure_cluster(any_redis, tmp_path)
    await any_redis.set("{shoal}:cluster", "another")

    with pytest.raises(WrongCluster, match="adopt into an empty Redis"):
        await adopt_cluster(any_redis, tmp_path)


async def test_a_broken_file_is_named(any_redis: Redis, tmp_path: Path) -> None:
    (tmp_path / "cluster.json").write_text("{")

    with pytest.raises(WrongCluster, match=r"cluster\.json"):
        await ensure_cluster(any_redis, tmp_path)
