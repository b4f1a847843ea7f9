"""One data directory belongs to one Redis: both carry the cluster's id, and a mismatch refuses to start."""

from pathlib import Path

from redis.asyncio import Redis


async def ensure_cluster(redis: Redis, data_dir: Path | None) -> str:
    """Return the cluster's id; create what is missing on a fresh side. Raises WrongCluster, which says what to do."""
    raise NotImplementedError


async def adopt_cluster(redis: Redis, data_dir: Path) -> str:
    """Give an empty Redis the id of the data directory (`shoal check --adopt`). Raises WrongCluster when it has another."""
    raise NotImplementedError
