"""Optimizer jobs, as the optimizer reports them and the api shows them."""

from pathlib import Path

import msgspec
from redis.asyncio import Redis

from shared.coordination.keys import DELETED, jobs_key, lease_key
from shared.coordination.leases import job_lease
from shared.errors import LogUnavailable
from shared.log.exchange import Argument, Script, ask, exchange
from shared.schema.jobs import JobStatus

JOBS_MAX = 100
"""Jobs kept per collection."""

_publish = Script(Path(__file__).parent / "scripts" / "publish_job.lua")


async def publish_job(redis: Redis, job: JobStatus) -> None:
    """Create or replace a job's status; the oldest beyond the last 100 of the collection are dropped.

    Of a deleted collection nothing is written any more.
    """
    key = jobs_key(job.collection)
    arguments: list[Argument] = [job.job_id, msgspec.json.encode(job), JOBS_MAX, job.collection]
    await _publish.call(redis, [key, f"{key}:order", DELETED], arguments, lost=LogUnavailable)


async def jobs(redis: Redis, collection: str) -> list[JobStatus]:
    """Return a collection's jobs, oldest first."""
    key = jobs_key(collection)
    order = await ask(redis, "LRANGE", f"{key}:order", 0, -1)
    if not order:
        return []
    texts = await ask(redis, "HMGET", key, *order)
    return [msgspec.json.decode(text, type=JobStatus) for text in texts if text is not None]


async def forget_jobs(redis: Redis, collection: str, shard: int) -> None:
    """Remove the jobs of a deleted collection, and the lease on those of a shard: whoever works there stops."""
    key, lease = jobs_key(collection), lease_key(job_lease(collection, shard))
    await exchange(redis, "UNLINK", key, f"{key}:order", lease, f"{lease}:fence", lost=LogUnavailable)
