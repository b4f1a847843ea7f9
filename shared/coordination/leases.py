"""A time-limited claim in Redis on anything with a name, taken over when stale. Used for optimizer jobs."""

from redis.asyncio import Redis


class Lease:
    """One holder's claim on `name`. `fence` is what the last successful acquire gave."""

    fence: int

    def __init__(self, redis: Redis, name: str, ttl_s: float) -> None:
        raise NotImplementedError

    async def acquire(self) -> int | None:
        """Take the lease and return its fence; None while another holds it. One's own is renewed and keeps its fence."""
        raise NotImplementedError

    async def renew(self) -> bool:
        """Renew; False when it was lost."""
        raise NotImplementedError

    async def release(self) -> None:
        """Give it up if it is still ours."""
        raise NotImplementedError


def job_lease(collection: str, shard: int) -> str:
    """Return the name of the lease on a shard's optimizer jobs."""
    return f"job:{collection}:{shard}"
