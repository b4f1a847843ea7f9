"""Optimizer jobs, as the optimizer reports them and the api shows them."""

from redis.asyncio import Redis

from shared.schema.jobs import JobStatus

JOBS_MAX = 100
"""Jobs kept per collection."""


async def publish_job(redis: Redis, job: JobStatus) -> None:
    """Create or replace a job's status; the oldest beyond the last 100 of the collection are dropped."""
    raise NotImplementedError


async def jobs(redis: Redis, collection: str) -> list[JobStatus]:
    """Return a collection's jobs, oldest first."""
    raise NotImplementedError
