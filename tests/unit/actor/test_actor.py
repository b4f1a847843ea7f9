"""Mailbox, actor and supervisor: bounds, order, clean stops, restarts that end."""

import asyncio

import pytest

from shared.actor.actor import Actor
from shared.actor.mailbox import Mailbox, MailboxClosed
from shared.actor.supervisor import RestartPolicy, Supervisor


class Recorder(Actor[int]):
    """Notes numbers; crashes at negative ones."""

    def __init__(self, size: int = 4) -> None:
        super().__init__("recorder", size)
        self.seen: list[int] = []

    async def handle(self, message: int) -> None:
        if message < 0:
            raise ValueError(message)
        self.seen.append(message)


class InstantClock:
    """Sleeps take one tick; time moves by what was slept."""

    def __init__(self) -> None:
        self.time = 0.0
        self.slept: list[float] = []

    def now(self) -> float:
        return self.time

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        self.time += seconds
        await asyncio.sleep(0)


async def settle() -> None:
    for _ in range(20):
        await asyncio.sleep(0)


async def test_a_full_mailbox_makes_senders_wait_in_order() -> None:
    mailbox: Mailbox[int] = Mailbox(2)
    senders = [asyncio.create_task(mailbox.put(number)) for number in range(5)]
    await settle()
    waiting = sum(not sender.done() for sender in senders)

    taken = [await mailbox.get() for _ in range(5)]

    assert (waiting, taken) == (3, [0, 1, 2, 3, 4])


async def test_a_sender_that_gives_up_passes_its_turn_on() -> None:
    mailbox: Mailbox[int] = Mailbox(1)
    await mailbox.put(0)
    first, second = asyncio.create_task(mailbox.put(1)), asyncio.create_task(mailbox.put(2))
    await settle()

    await mailbox.get()
    first.cancel()
    await settle()

    assert second.done()
    assert await mailbox.get() == 2


async def test_a_closed_mailbox_gives_what_it_holds_and_takes_nothing() -> None:
    mailbox: Mailbox[int] = Mailbox(2)
    await mailbox.put(1)

    mailbox.close()

    assert not mailbox.offer(2)
    assert await mailbox.get() == 1
    with pytest.raises(MailboxClosed):
        await mailbox.get()


async def test_stopping_an_actor_lets_it_finish_its_mailbox() -> None:
    actor = Recorder()
    actor.start()
    for number in range(3):
        await actor.mailbox.put(number)

    await actor.stop()

    assert actor.seen == [0, 1, 2]
    assert not actor.is_running


async def test_a_crashed_actor_is_started_again_with_growing_pauses() -> None:
    clock, failures = InstantClock(), []
    supervisor = Supervisor(lambda name, error: failures.append(name), clock)
    actor = Recorder(8)
    supervisor.start(actor)

    for message in (1, -1, 2, -1, 3):
        await actor.mailbox.put(message)
    await settle()

    assert actor.seen == [1, 2, 3]
    assert clock.slept == [0.1, 0.2]
    assert failures == []
    await supervisor.stop_all()


async def test_too_many_crashes_fail_the_service_once() -> None:
    failures: list[str] = []
    supervisor = Supervisor(lambda name, error: failures.append(f"{name}: {error}"), InstantClock())
    actor = Recorder(8)
    supervisor.start(actor, RestartPolicy(restarts_max=2))

    for _ in range(4):
        await actor.mailbox.put(-1)
    await settle()

    assert failures == ["recorder: -1"]
    assert not actor.is_running
    await supervisor.stop_all()
