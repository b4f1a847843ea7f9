"""Optimizer jobs, as the optimizer reports them and the api shows them."""

from pathlib import Path

import msgspec
from redis.asyncio import Redis

from shared.coordination.keys import jobs_key
from shared.errors import LogUnavailable
from shared.log.exchange import Argument, Script, ask, exchange
from shared.schema.jobs import JobStatus

JOBS_MAX = 100
"""Jobs kept per collection."""

_publish = Script(Path(__file__).parent / "scripts" / "publish_job.lua")


async def publish_job(redis: Redis, job: JobStatus) -> None:
    """Create or replace a job's status; the oldest beyond the last 100 of the collection are dropped."""
    key = jobs_key(job.collection)
    arguments: list[Argument] = [job.job_id, msgspec.json.encode(job), JOBS_MAX]
    await _publish.call(redis, [key, f"{key}:order"], arguments, lost=LogUnavailable)


async def jobs(redis: Redis, collection: str) -> list[JobStatus]:
    """Return a collection's jobs, oldest first."""
    key = jobs_key(collection)
    order = await ask(redis, "LRANGE", f"{key}:order", 0, -1)
    if not order:
        return []
    texts = await ask(redis, "HMGET", key, *order)
    return [msgspec.json.decode(text, type=JobStatus) for text in texts if text is not None]


async def forget_jobs(redis: Redis, collection: str) -> None:
    """Remove the jobs of a deleted collection."""
    key = jobs_key(collection)
    await exchange(redis, "UNLINK", key, f"{key}:order", lost=LogUnavailable)
