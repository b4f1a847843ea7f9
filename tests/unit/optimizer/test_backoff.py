"""When a failed job is tried again."""

from services.optimizer.backoff import TRIES_MAX, Backoff, Retry
from shared.log.position import ShardKey

KEY = ShardKey("c", 0)


def waits(backoff: Backoff, retry: Retry, failures: int) -> list[float]:
    """Fail again and again at the first moment that is allowed; the waits between."""
    now, found = 0.0, []
    for _ in range(failures):
        backoff.failed(KEY, "inputs", retry, now)
        wait = next((second for second in range(1, 200) if backoff.may_try(KEY, "inputs", now + second)), 0)
        found.append(wait)
        now += wait
    return found


def test_waits_double_up_to_a_minute_while_others_are_away() -> None:
    assert waits(Backoff(), Retry.ALWAYS, 9) == [1, 2, 4, 8, 16, 32, 60, 60, 60]


def test_builder_that_keeps_failing_is_given_up() -> None:
    assert waits(Backoff(), Retry.BOUNDED, TRIES_MAX) == [1, 2, 4, 8, 0]


def test_miss_that_would_repeat_itself_is_not_tried_again() -> None:
    backoff = Backoff()

    backoff.failed(KEY, "inputs", Retry.NEVER, 0.0)

    assert not backoff.may_try(KEY, "inputs", 1e9)
    assert backoff.may_try(KEY, "other inputs", 0.0)


def test_success_forgets_failures() -> None:
    backoff = Backoff()
    backoff.failed(KEY, "inputs", Retry.NEVER, 0.0)

    backoff.succeeded(KEY, "inputs")

    assert backoff.may_try(KEY, "inputs", 0.0)
