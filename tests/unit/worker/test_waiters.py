"""Waiting for positions: in order, bounded, and told why it is in vain."""

import asyncio

import pytest

from services.worker.waiters import Waiters
from shared.errors import ShardUnavailable, TimedOut
from shared.schema.operations import Outcome


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_only_those_whose_position_passed_are_woken() -> None:
    waiters = Waiters(10, 10)
    tasks = {position: asyncio.create_task(waiters.wait(position, 0, 5.0)) for position in (3, 1, 2)}
    await settle()

    waiters.passed(2)
    await settle()

    assert {position: task.done() for position, task in tasks.items()} == {3: False, 1: True, 2: True}
    waiters.passed(3)
    await tasks[3]


async def test_a_position_that_has_passed_is_not_waited_for() -> None:
    await Waiters(1, 1).wait(5, 5, 0.0)


async def test_waiting_ends_at_its_deadline() -> None:
    with pytest.raises(TimedOut, match="position 5"):
        await Waiters(1, 1).wait(5, 0, 0.01)


async def test_more_waiters_than_allowed_are_refused_and_those_that_gave_up_make_room() -> None:
    waiters = Waiters(1, 10)
    first = asyncio.create_task(waiters.wait(1, 0, 5.0))
    await settle()

    with pytest.raises(ShardUnavailable, match="most allowed"):
        await waiters.wait(2, 0, 5.0)
    first.cancel()
    await settle()
    second = asyncio.create_task(waiters.wait(2, 0, 5.0))
    await settle()

    assert not second.done()
    waiters.passed(2)
    await second


async def test_a_failure_is_told_to_all_until_it_is_over() -> None:
    waiters = Waiters(10, 10)
    waiting = asyncio.create_task(waiters.wait(1, 0, 5.0))
    await settle()

    waiters.fail("segment is quarantined")
    with pytest.raises(ShardUnavailable, match="quarantined"):
        await waiting
    with pytest.raises(ShardUnavailable, match="quarantined"):
        await waiters.wait(1, 0, 5.0)
    waiters.fail("")
    again = asyncio.create_task(waiters.wait(1, 0, 5.0))
    await settle()

    assert not again.done()
    waiters.passed(1)
    await again


def test_outcomes_that_say_something_are_kept_within_bounds() -> None:
    waiters = Waiters(1, 2)

    for position in range(1, 5):
        waiters.note(Outcome(position, [] if position == 2 else [position * 10]))

    assert [waiters.outcome(position).missing for position in range(1, 5)] == [[], [], [30], [40]]
