"""When a job that failed is tried again. Pure.

Waits double from one second to a minute. What the failure was decides how often: a builder that fails is tried a few
times, a worker or a Redis that is away for as long as it takes, a miss that would repeat itself not at all. Other
inputs, or a config that builds something else, begin anew. A shard's other jobs go on meanwhile.
"""

from collections.abc import Hashable
from enum import Enum

from shared.log.position import ShardKey

TRIES_MAX = 5
FIRST_WAIT_S = 1.0
LONGEST_WAIT_S = 60.0
SUBJECTS_MAX = 32
"""Failures remembered for each shard; the oldest is forgotten first."""


class Retry(Enum):
    """How a failed job is tried again with the same inputs."""

    NEVER = "never"
    BOUNDED = "a few times"
    ALWAYS = "as long as it takes"


class Backoff:
    """Failures by shard and subject: what a job was to make of what."""

    def __init__(self) -> None:
        self._failures: dict[ShardKey, dict[Hashable, tuple[int, float]]] = {}

    def may_try(self, key: ShardKey, subject: Hashable, now: float) -> bool:
        """True when a job on `subject` may start."""
        _, next_at = self._failures.get(key, {}).get(subject, (0, 0.0))
        return now >= next_at

    def failed(self, key: ShardKey, subject: Hashable, retry: Retry, now: float) -> None:
        """Note a failure."""
        failures = self._failures.setdefault(key, {})
        tries = failures.pop(subject, (0, 0.0))[0] + 1
        is_over = retry is Retry.NEVER or (retry is Retry.BOUNDED and tries >= TRIES_MAX)
        wait_s = float("inf") if is_over else min(LONGEST_WAIT_S, FIRST_WAIT_S * 2 ** (tries - 1))
        failures[subject] = (tries, now + wait_s)
        while len(failures) > SUBJECTS_MAX:
            del failures[next(iter(failures))]

    def succeeded(self, key: ShardKey, subject: Hashable) -> None:
        """Forget the failures of a subject."""
        self._failures.get(key, {}).pop(subject, None)

    def forget(self, kept: set[ShardKey]) -> None:
        """Drop what is known of all other shards."""
        self._failures = {key: failure for key, failure in self._failures.items() if key in kept}
