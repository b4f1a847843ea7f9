"""Speed at a recall, read off a sweep."""

import pytest

from benchmarks.curve import Point, at_recall

SWEEP = [Point(16, 0.90, 4000.0), Point(32, 0.98, 2000.0), Point(64, 1.00, 1000.0)]


def test_speed_between_two_points_goes_straight_in_seconds_per_query():
    found = at_recall(SWEEP, 0.99)

    assert found.rate == pytest.approx(1 / 0.00075)
    assert found.reached == SWEEP[2]


def test_measured_recall_gives_its_own_speed():
    assert at_recall(SWEEP, 0.98).rate == pytest.approx(2000.0)


def test_engine_that_starts_above_the_recall_gets_its_fastest_point():
    assert at_recall(SWEEP, 0.5).rate == 4000.0


def test_recall_that_is_never_reached_has_no_speed():
    found = at_recall(SWEEP[:2], 0.99)

    assert (found.rate, found.reached) == (None, None)
