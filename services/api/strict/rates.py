"""Rate limits: a bucket of tokens for each shard, refilled evenly over a minute, that reads or writes take from.

Kept in each api process for its share of the limit: the processes of one service divide it evenly. Nothing is written
anywhere, so a restart begins with full buckets.
"""

import math
from collections.abc import Mapping

from shared.clock import Clock
from shared.errors import RateExceeded
from shared.log.position import ShardKey

MINUTE_S = 60.0
BUCKETS_MAX = 20_000
"""Buckets that are remembered; those that are full again are forgotten first."""


class _Bucket:
    __slots__ = ("at", "capacity", "tokens")

    def __init__(self, capacity: float, now: float) -> None:
        self.capacity = capacity
        self.tokens = capacity
        self.at = now

    def refill(self, now: float) -> None:
        self.tokens = min(self.capacity, self.tokens + (now - self.at) * self.capacity / MINUTE_S)
        self.at = now


class Rates:
    """Takes what requests cost, gives nothing or raises. `kind` is Read or Write."""

    def __init__(self, clock: Clock, processes: int = 1) -> None:
        self._clock = clock
        self._processes = max(processes, 1)
        self._buckets: dict[tuple[str, ShardKey], _Bucket] = {}

    def take(self, kind: str, costs: Mapping[ShardKey, int], limit: int) -> None:
        """Take tokens of each shard, of all or of none. `limit` is a minute's. Raises RateExceeded."""
        now, capacity = self._clock.now(), max(limit / self._processes, 1.0)
        buckets = {key: self._bucket(kind, key, capacity, now) for key in costs}
        for key, cost in costs.items():
            _check(kind, cost, buckets[key])
        for key, cost in costs.items():
            buckets[key].tokens -= cost

    def _bucket(self, kind: str, key: ShardKey, capacity: float, now: float) -> _Bucket:
        bucket = self._buckets.get((kind, key))
        if bucket is None or bucket.capacity != capacity:
            self._forget(now)
            bucket = self._buckets[kind, key] = _Bucket(capacity, now)
        bucket.refill(now)
        return bucket

    def _forget(self, now: float) -> None:
        if len(self._buckets) < BUCKETS_MAX:
            return
        for bucket in self._buckets.values():
            bucket.refill(now)
        kept = {key: bucket for key, bucket in self._buckets.items() if bucket.tokens < bucket.capacity}
        self._buckets = kept if len(kept) < BUCKETS_MAX else {}


def _check(kind: str, cost: int, bucket: _Bucket) -> None:
    if cost > bucket.capacity:
        raise RateExceeded(
            f"{kind} rate limit exceeded, request larger than rate limiter capacity, please try to split your request"
        )
    if cost > bucket.tokens:
        wait_s = math.ceil((cost - bucket.tokens) * MINUTE_S / bucket.capacity)
        raise RateExceeded(
            f"{kind} rate limit exceeded: Operation requires {cost} tokens but only {bucket.tokens:.1f} were "
            f"available. Retry after {wait_s}s",
            wait_s,
        )
