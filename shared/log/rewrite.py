"""Rewrites of Redis' append-only file: what was unlinked leaves the disk only then.

Asked for after deletes, put off for a moment so that many deletes share one, and no more often than `least_s` over all
processes. A Redis without an append-only file, or one that does not let us, is left alone.
"""

import structlog
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.clock import Clock
from shared.errors import LogUnavailable
from shared.log.exchange import ask, exchange

REWRITE_KEY = "{shoal}:rewrite"
SETTLE_S = 2.0
"""A delete rarely comes alone: so long is waited for the next."""

log = structlog.get_logger(__name__)


class Rewrites:
    """One per worker. `least_s` 0 never asks."""

    def __init__(self, redis: Redis, least_s: float, clock: Clock) -> None:
        self._redis = redis
        self._least_ms = round(least_s * 1000)
        self._clock = clock
        self._wanted_at: float | None = None

    def want(self) -> None:
        """Something large was unlinked."""
        if self._least_ms:
            self._wanted_at = self._clock.now()

    async def look(self) -> bool:
        """Begin a rewrite if one is wanted and may be begun now; tell whether. Raises LogUnavailable."""
        if self._wanted_at is None or self._clock.now() - self._wanted_at < SETTLE_S:
            return False
        try:
            if b"aof_enabled:1" not in await ask(self._redis, "INFO", "persistence"):
                self._wanted_at = None
                return False
            if not await exchange(
                self._redis, "SET", REWRITE_KEY, "1", "NX", "PX", self._least_ms, lost=LogUnavailable
            ):
                return False
            await exchange(self._redis, "BGREWRITEAOF", lost=LogUnavailable)
        except ResponseError as error:
            log.info("append-only file is not rewritten", error=str(error))
            self._wanted_at = None if "progress" not in str(error) else self._wanted_at
            return False
        self._wanted_at = None
        log.info("append-only file is being rewritten")
        return True
