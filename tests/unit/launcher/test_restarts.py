"""Backoff of crashed children."""

from services.launcher.restarts import CRASHES_MAX, DELAY_MAX_S, SETTLED_S, Restarts


def test_delay_grows_with_each_quick_crash_up_to_a_bound():
    restarts = Restarts()

    delays = []
    for _ in range(CRASHES_MAX):
        restarts = restarts.after(lived_s=0.1)
        delays.append(restarts.delay_s)

    assert delays == sorted(delays)
    assert delays[0] < 0.2
    assert delays[-1] == DELAY_MAX_S
    assert restarts.given_up


def test_a_child_that_lived_long_starts_counting_anew():
    restarts = Restarts(crashes=CRASHES_MAX - 1)

    after = restarts.after(lived_s=SETTLED_S)

    assert after == Restarts(crashes=1)
    assert not after.given_up
