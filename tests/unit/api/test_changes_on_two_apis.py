"""Changes made through one api process, seen through another; and writes that must wait for a shard's new config."""

from collections.abc import AsyncIterator

import aiohttp
import pytest

from services.api.app import ApiService
from shared.coordination.catalog import Catalog
from shared.log.position import ShardKey
from shared.log.wal import Wal
from shared.schema.collections import CollectionRecord
from shared.settings import Settings
from tests.unit.api.api_under_test import Api

DENSE = {"dense": {"size": 1, "distance": "Dot"}}
P = "/collections/planes/points"
POINT = {"points": [{"id": 9, "vector": {"new": [1]}}]}


@pytest.fixture
async def other(planes: Api) -> AsyncIterator[Api]:
    """A second api on the same Redis."""
    settings = Settings(host="127.0.0.1", port=0, shard_wait_s=0.2, write_wait_s=0.5)
    service = ApiService(settings, planes.redis, planes.shards)
    await service.start()
    async with aiohttp.ClientSession() as session:
        yield Api(service, session, planes.shards, planes.redis)
    await service.stop()


async def record_of(api: Api) -> CollectionRecord:
    record = (await Catalog(api.redis).load()).resolve("planes")
    assert record is not None
    return record


async def test_old_name_is_gone_on_every_api_when_a_rename_is_answered(planes: Api, other: Api) -> None:
    for name in ("jets", "kites", "planes"):
        before = (await other.ok("GET", "/collections"))["collections"][0]["name"]

        await planes.ok("PATCH", f"/collections/{before}", {"rename": name})

        assert (await other.error("POST", f"/collections/{before}/points/count", {}))[0] == 404
        assert await other.ok("POST", f"/collections/{name}/points/count", {}) == {"count": 3}


async def test_added_vector_is_known_on_every_api_when_the_addition_is_answered(planes: Api, other: Api) -> None:
    planes.shards.config_generation = 2

    await planes.ok("PUT", "/collections/planes/vectors/new", DENSE)

    assert (await other.ok("PUT", f"{P}?wait=true", POINT))["status"] == "completed"


async def test_removed_vector_is_refused_on_every_api_when_the_removal_is_answered(planes: Api, other: Api) -> None:
    planes.shards.config_generation = 2
    await planes.ok("PUT", "/collections/planes/vectors/new", DENSE)
    await other.ok("PUT", P, POINT)

    await planes.ok("DELETE", "/collections/planes/vectors/new")

    assert await other.error("PUT", P, POINT) == (400, "Wrong input: Not existing vector name error: new")


async def test_generation_is_raised_on_every_shard_when_the_removal_is_answered(planes: Api) -> None:
    planes.shards.config_generation = 3
    await planes.ok("PUT", "/collections/planes/vectors/new", DENSE)

    await planes.ok("DELETE", "/collections/planes/vectors/new")

    record = await record_of(planes)
    head = await Wal(planes.redis).head(ShardKey(record.uuid, 0))
    assert head.generation == record.generation == 3


async def test_write_waits_for_the_shard_that_has_not_the_added_vector_yet(planes: Api) -> None:
    answer = await planes.ok("PUT", "/collections/planes/vectors/new", DENSE)
    key = ShardKey((await record_of(planes)).uuid, 0)
    head = (await Wal(planes.redis).head(key)).head

    status, text = await planes.error("PUT", P, POINT)
    logged = (await Wal(planes.redis).head(key)).head
    planes.shards.config_generation = 2
    late = await planes.ok("PUT", f"{P}?wait=true", POINT)

    assert answer == {"status": "acknowledged"}
    assert (status, "has not taken over the newest vectors" in text, logged) == (503, True, head)
    assert late["status"] == "completed"


async def test_wait_ends_with_its_timeout_when_no_shard_takes_the_change_over(planes: Api) -> None:
    answer = await planes.ok("PUT", "/collections/planes/vectors/new?wait=true&timeout=0", DENSE)

    assert answer == {"status": "wait_timeout"}
