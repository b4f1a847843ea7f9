"""What the live optimizers may spend, as their leases say: the status must plan with their figures, not with ours."""

import os
from typing import TYPE_CHECKING

from shared.clock import Clock
from shared.coordination.nodes import live_nodes
from shared.errors import Unavailable
from shared.policies.plan import Limits
from shared.settings import Settings

if TYPE_CHECKING:
    from redis.asyncio import Redis

FRESH_S = 1.0
"""How long what was read counts: every description of a collection asks."""


class OptimizerLimits:
    """Asks Redis at most once in FRESH_S."""

    def __init__(self, redis: "Redis", settings: Settings, clock: Clock) -> None:
        self._redis = redis
        self._clock = clock
        cpus = os.cpu_count() or 1
        self._last = Limits(settings.indexing_threads or cpus, cpus)
        self._live: Limits | None = None
        self._read_at = float("-inf")

    async def look(self) -> tuple[Limits, Limits | None]:
        """Return the limits of the last optimizer that was seen, and of a live one; None when none lives.

        With several optimizers the first by name speaks for all. While Redis is away, what was read last counts.
        """
        now = self._clock.now()
        if now - self._read_at >= FRESH_S:
            self._read_at = now
            try:
                nodes = await live_nodes(self._redis, "optimizer")
            except Unavailable:
                return self._last, self._live
            self._live = nodes[0].limits if nodes else None
            self._last = self._live or self._last
        return self._last, self._live
