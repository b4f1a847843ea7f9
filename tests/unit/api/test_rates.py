"""The buckets behind rate limits."""

import pytest

from services.api.strict.rates import Rates
from shared.errors import RateExceeded
from shared.log.position import ShardKey

A, B = ShardKey("c", 0), ShardKey("c", 1)


class HandClock:
    """A clock that is turned by hand."""

    def __init__(self) -> None:
        self.time = 0.0

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.time += seconds


def test_a_bucket_fills_again_evenly_within_a_minute() -> None:
    clock = HandClock()
    rates = Rates(clock)
    rates.take("Read", {A: 4}, 4)

    with pytest.raises(
        RateExceeded, match=r"requires 4 tokens but only 0\.0 were available\. Retry after 60s"
    ) as caught:
        rates.take("Read", {A: 4}, 4)
    clock.time = 15.0
    rates.take("Read", {A: 1}, 4)

    assert caught.value.retry_after_s == 60


def test_a_refusal_takes_nothing_of_any_shard() -> None:
    rates = Rates(HandClock())
    rates.take("Write", {A: 3}, 4)

    with pytest.raises(RateExceeded):
        rates.take("Write", {B: 2, A: 2}, 4)

    rates.take("Write", {B: 4}, 4)


def test_reads_and_writes_have_buckets_of_their_own() -> None:
    rates = Rates(HandClock())
    rates.take("Read", {A: 4}, 4)

    rates.take("Write", {A: 4}, 4)


def test_processes_share_a_limit() -> None:
    rates = Rates(HandClock(), processes=2)
    rates.take("Read", {A: 2}, 4)

    with pytest.raises(RateExceeded):
        rates.take("Read", {A: 1}, 4)


def test_a_changed_limit_begins_anew() -> None:
    rates = Rates(HandClock())
    rates.take("Read", {A: 4}, 4)

    rates.take("Read", {A: 8}, 8)
