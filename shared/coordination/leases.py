"""A time-limited claim in Redis on anything with a name, taken over when stale. Used for optimizer jobs."""

import uuid
from pathlib import Path

from redis.asyncio import Redis

from shared.coordination.keys import lease_key
from shared.errors import LogUnavailable
from shared.log.exchange import Script

_SCRIPTS = Path(__file__).parent / "scripts"
_acquire = Script(_SCRIPTS / "acquire.lua")
_renew = Script(_SCRIPTS / "renew.lua")
_release = Script(_SCRIPTS / "release.lua")


class Lease:
    """One holder's claim on `name`. `fence` is what the last successful acquire gave; it grows with each new holder."""

    def __init__(self, redis: Redis, name: str, ttl_s: float) -> None:
        self._redis = redis
        self._key = lease_key(name)
        self._ttl_ms = round(ttl_s * 1000)
        self._token = uuid.uuid4().hex
        self.fence = 0

    async def acquire(self) -> int | None:
        """Take the lease and return its fence; None while another holds it. One's own is renewed, its fence kept."""
        keys = [self._key, f"{self._key}:fence"]
        fence = await _acquire.call(self._redis, keys, [self._token, self._ttl_ms], lost=LogUnavailable)
        if fence is None:
            return None
        self.fence = int(fence)
        return self.fence

    async def renew(self) -> bool:
        """Renew; False when it was lost. Raises LogUnavailable when Redis does not answer."""
        return bool(await _renew.call(self._redis, [self._key], [self._token, self._ttl_ms], lost=LogUnavailable))

    async def release(self) -> None:
        """Give it up if it is still ours."""
        await _release.call(self._redis, [self._key], [self._token], lost=LogUnavailable)


def job_lease(collection: str, shard: int) -> str:
    """Return the name of the lease on a shard's optimizer jobs."""
    return f"job:{collection}:{shard}"
