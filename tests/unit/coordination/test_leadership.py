"""Nodes, placements, leases and jobs, on the fake Redis and a real one. Expiry is done by deleting the lease's key."""

import asyncio

import pytest
from redis.asyncio import Redis

from shared.coordination.catalog import Catalog
from shared.coordination.leases import Lease, job_lease
from shared.coordination.nodes import NodeInfo, NodeLease, live_nodes
from shared.coordination.placement import Placement, claim, forget, owners, preferred_node, release
from shared.coordination.status import JOBS_MAX, forget_jobs, jobs, publish_job
from shared.log.position import ShardKey
from shared.schema.collections import CollectionConfig, CollectionRecord
from shared.schema.jobs import JobStatus

KEY = ShardKey("0b5e", 3)


def node(name: str, incarnation: int = 1, role: str = "worker") -> NodeInfo:
    return NodeInfo(f"{name}:{incarnation}", name, role, f"unix:/{name}", 7, "cluster")  # type: ignore[arg-type]


async def alive(redis: Redis, name: str, incarnation: int = 1) -> NodeLease:
    lease = NodeLease(redis, ttl_s=30)
    await lease.register(node(name, incarnation))
    return lease


async def expire(redis: Redis, node_id: str) -> None:
    """Do what time does to a lease that nobody renews."""
    await redis.delete(f"{{shoal}}:node:{node_id}")


async def test_registered_nodes_are_live_by_role(any_redis: Redis) -> None:
    await alive(any_redis, "b")
    await alive(any_redis, "a")
    await NodeLease(any_redis, ttl_s=30).register(node("a", incarnation=9, role="api"))

    assert await live_nodes(any_redis, "worker") == [node("a"), node("b")]
    assert await live_nodes(any_redis, "optimizer") == []


async def test_a_lease_has_a_time_to_live_that_renewal_restores(any_redis: Redis) -> None:
    lease = await alive(any_redis, "a")
    await any_redis.pexpire("{shoal}:node:a:1", 500)

    assert await lease.renew()

    assert 20_000 < await any_redis.pttl("{shoal}:node:a:1") <= 30_000


async def test_an_expired_lease_is_not_renewed(any_redis: Redis) -> None:
    lease = await alive(any_redis, "a")
    await expire(any_redis, "a:1")

    assert not await lease.renew()
    assert await live_nodes(any_redis, "worker") == []


async def test_a_newer_incarnation_replaces_the_older_at_once(any_redis: Redis) -> None:
    older = await alive(any_redis, "a", 1)

    newer = await alive(any_redis, "a", 2)

    assert await live_nodes(any_redis, "worker") == [node("a", 2)]
    assert not await older.renew()
    assert await newer.renew()


async def test_a_late_release_of_the_older_incarnation_leaves_the_newer_alone(any_redis: Redis) -> None:
    older = await alive(any_redis, "a", 1)
    newer = await alive(any_redis, "a", 2)

    await older.release()

    assert await newer.renew()
    assert await live_nodes(any_redis, "worker") == [node("a", 2)]


async def test_a_released_node_is_gone_and_dead_ones_are_forgotten(any_redis: Redis) -> None:
    await (await alive(any_redis, "a")).release()
    await alive(any_redis, "dead")
    await expire(any_redis, "dead:1")

    await alive(any_redis, "b")

    assert await live_nodes(any_redis, "worker") == [node("b")]
    assert await any_redis.hkeys("{shoal}:nodes") == [b"b:1"]
    assert await any_redis.hkeys("{shoal}:node-names") == [b"worker/b"]


async def test_an_unowned_shard_is_claimed_with_the_first_fence(any_redis: Redis) -> None:
    await alive(any_redis, "a")

    assert await claim(any_redis, KEY, "a:1") == 1
    assert await owners(any_redis) == {KEY: Placement("a:1", 1)}


async def test_a_live_owner_keeps_its_shard_and_a_repeated_claim_its_fence(any_redis: Redis) -> None:
    await alive(any_redis, "a")
    await alive(any_redis, "b")
    await claim(any_redis, KEY, "a:1")

    assert await claim(any_redis, KEY, "b:1") is None
    assert await claim(any_redis, KEY, "a:1") == 1


async def test_a_shard_of_a_dead_owner_is_taken_over_with_a_higher_fence(any_redis: Redis) -> None:
    await alive(any_redis, "a")
    await alive(any_redis, "b")
    await claim(any_redis, KEY, "a:1")

    await expire(any_redis, "a:1")

    assert await claim(any_redis, KEY, "b:1") == 2
    assert await claim(any_redis, KEY, "a:1") is None


async def test_a_restarted_node_takes_its_own_shards_back_at_once(any_redis: Redis) -> None:
    await alive(any_redis, "a", 1)
    await claim(any_redis, KEY, "a:1")

    await alive(any_redis, "a", 2)

    assert await claim(any_redis, KEY, "a:2") == 2


async def test_a_node_without_a_lease_claims_nothing(any_redis: Redis) -> None:
    assert await claim(any_redis, KEY, "a:1") is None
    assert await owners(any_redis) == {}


async def test_of_many_claimants_one_wins(any_redis: Redis) -> None:
    for number in range(8):
        await alive(any_redis, f"n{number}")

    fences = await asyncio.gather(*[claim(any_redis, KEY, f"n{number}:1") for number in range(8)])

    assert sorted(fence for fence in fences if fence) == [1]


async def test_a_released_shard_goes_to_another_with_a_higher_fence(any_redis: Redis) -> None:
    await alive(any_redis, "a")
    await alive(any_redis, "b")
    await claim(any_redis, KEY, "a:1")

    await release(any_redis, KEY, "b:1")
    kept = await owners(any_redis)
    await release(any_redis, KEY, "a:1")

    assert kept == {KEY: Placement("a:1", 1)}
    assert await owners(any_redis) == {KEY: Placement("", 1)}
    assert await claim(any_redis, KEY, "b:1") == 2


async def test_a_fence_rises_above_the_newest_manifests(any_redis: Redis) -> None:
    await alive(any_redis, "a")

    assert await claim(any_redis, KEY, "a:1", above=41) == 42
    assert await claim(any_redis, KEY, "a:1", above=41) == 42
    assert await claim(any_redis, KEY, "a:1", above=50) == 51


async def test_a_forgotten_shard_has_no_placement(any_redis: Redis) -> None:
    await alive(any_redis, "a")
    await claim(any_redis, KEY, "a:1")

    await forget(any_redis, KEY)

    assert await owners(any_redis) == {}


def test_only_the_shards_of_a_lost_node_prefer_another() -> None:
    keys = [ShardKey("collection", shard) for shard in range(300)]
    before = {key: preferred_node(key, ["a", "b", "c"]) for key in keys}

    after = {key: preferred_node(key, ["a", "c"]) for key in keys}

    assert {before[key] for key in keys if before[key] != after[key]} == {"b"}
    assert all(60 < list(before.values()).count(name) < 140 for name in "abc")


async def test_a_lease_is_held_by_one_and_taken_over_when_stale(any_redis: Redis) -> None:
    first, second = Lease(any_redis, job_lease("c", 0), 30), Lease(any_redis, job_lease("c", 0), 30)

    assert await first.acquire() == 1
    assert await first.acquire() == 1
    assert await second.acquire() is None
    await any_redis.delete("{shoal}:lease:job:c:0")
    assert not await first.renew()
    assert await second.acquire() == 2
    assert await first.acquire() is None


async def test_releasing_a_lost_lease_leaves_the_new_holder_alone(any_redis: Redis) -> None:
    first, second = Lease(any_redis, "x", 30), Lease(any_redis, "x", 30)
    await first.acquire()
    await first.release()
    await second.acquire()

    await first.release()

    assert await second.renew()


async def test_an_unrenewed_lease_expires_by_itself(any_redis: Redis) -> None:
    lease = Lease(any_redis, "x", 30)
    await lease.acquire()

    assert 0 < await any_redis.pttl("{shoal}:lease:x") <= 30_000


def job(number: int, state: str = "queued", collection: str = "c") -> JobStatus:
    return JobStatus(f"job-{number}", collection, 0, "index", "why", ["s"], state)


async def test_a_job_is_replaced_by_its_newer_status_in_place(any_redis: Redis) -> None:
    await publish_job(any_redis, job(1))
    await publish_job(any_redis, job(2))
    await publish_job(any_redis, job(1, "done"))

    assert await jobs(any_redis, "c") == [job(1, "done"), job(2)]
    assert await jobs(any_redis, "other") == []


async def test_the_last_hundred_jobs_of_a_collection_are_kept(any_redis: Redis) -> None:
    for number in range(JOBS_MAX + 5):
        await publish_job(any_redis, job(number))

    kept = await jobs(any_redis, "c")

    assert kept == [job(number) for number in range(5, JOBS_MAX + 5)]
    assert await any_redis.hlen("{shoal}:jobs:c") == JOBS_MAX


async def test_nothing_is_left_of_the_jobs_of_a_deleted_collection(any_redis: Redis) -> None:
    config = CollectionConfig.model_validate({"vectors": {"": {"size": 2, "distance": "Dot"}}})
    await Catalog(any_redis).create(CollectionRecord(uuid="c", name="things", config=config))
    await Lease(any_redis, job_lease("c", 0), 30).acquire()
    await publish_job(any_redis, job(1))

    await Catalog(any_redis).delete("things")
    await forget_jobs(any_redis, "c", 0)
    await publish_job(any_redis, job(1, "running"))

    assert await jobs(any_redis, "c") == []
    assert [key async for key in any_redis.scan_iter("*job*")] == []


@pytest.mark.parametrize("key", ["{shoal}:jobs:c", "{shoal}:jobs:c:order"])
async def test_jobs_are_forgotten_in_time(any_redis: Redis, key: str) -> None:
    await publish_job(any_redis, job(1))

    assert 0 < await any_redis.ttl(key) <= 7 * 86_400
