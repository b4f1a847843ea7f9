"""When a shard whose job failed is tried again. Pure.

Waits double from one second to a minute. What the failure was decides how often: a builder that fails is tried a few
times, a worker or a Redis that is away for as long as it takes, a miss that would repeat itself not at all. Other
inputs or another config begin anew.
"""

from collections.abc import Hashable
from enum import Enum

from shared.log.position import ShardKey

TRIES_MAX = 5
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0


class Retry(Enum):
    """How a failed job is tried again with the same inputs."""

    NEVER = "never"
    BOUNDED = "a few times"
    ALWAYS = "as long as it takes"


class Backoff:
    """Failures by shard."""

    def __init__(self) -> None:
        self._failures: dict[ShardKey, tuple[Hashable, int, float]] = {}

    def may_try(self, key: ShardKey, subject: Hashable, now: float) -> bool:
        """True when a job on `subject` (inputs and config generation) may start."""
        last, _, next_at = self._failures.get(key, (None, 0, 0.0))
        return last != subject or now >= next_at

    def failed(self, key: ShardKey, subject: Hashable, retry: Retry, now: float) -> None:
        """Note a failure."""
        last, tries, _ = self._failures.get(key, (None, 0, 0.0))
        tries = tries + 1 if last == subject else 1
        is_over = retry is Retry.NEVER or (retry is Retry.BOUNDED and tries >= TRIES_MAX)
        wait_s = float("inf") if is_over else min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (tries - 1))
        self._failures[key] = (subject, tries, now + wait_s)

    def succeeded(self, key: ShardKey) -> None:
        """Forget a shard's failures."""
        self._failures.pop(key, None)

    def forget(self, kept: set[ShardKey]) -> None:
        """Drop what is known of all other shards."""
        self._failures = {key: failure for key, failure in self._failures.items() if key in kept}
