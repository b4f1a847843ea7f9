"""Kill -9 of every process, at random times, under load: what was acknowledged is there, once."""

import random
import time

import pytest

from tests.faults.history import History, Writer, check, create
from tests.faults.service import ServiceUnderFaults

WRITERS = 3
ROLES = ("api", "worker", "optimizer", "redis", "launcher")
NAME = "suffering"
OUTCOMES = ("acknowledged", "unknown", "refused")


@pytest.mark.timeout(0)
def test_acknowledged_operations_survive_kills(service: ServiceUnderFaults, chance: random.Random, rounds: int) -> None:
    create(service.connection(), NAME)
    histories = [History() for _ in range(WRITERS)]
    for round_ in range(rounds):
        victims = _victims(chance, round_, rounds)
        writers = [
            Writer(number, service.connection(), NAME, random.Random(chance.randrange(2**32)), history, round_ * 10**6)
            for number, history in enumerate(histories)
        ]
        _suffer(service, chance, writers, victims)
        points = check(service, NAME, histories)
        told = ", ".join(f"{sum(getattr(one, kind) for one in histories)} {kind}" for kind in OUTCOMES)
        print(f"round {round_ + 1}: killed {', '.join(victims)}; {points} points; {told}")  # noqa: T201


def _suffer(service: ServiceUnderFaults, chance: random.Random, writers: list[Writer], victims: list[str]) -> None:
    """Write while the victims die; return when all is up again and nothing is in flight."""
    for writer in writers:
        writer.start()
    for role in victims:
        time.sleep(chance.uniform(0.3, 2.0))
        service.kill(role)
        if role == "launcher":
            service.launch()
    service.wait_until_serving()
    time.sleep(chance.uniform(0.2, 1.0))
    for writer in writers:
        writer.rest()
    service.wait_until_serving()


def _victims(chance: random.Random, round_: int, rounds: int) -> list[str]:
    """A single round kills each once; many rounds kill one or two at a time."""
    if rounds == 1:
        return chance.sample(ROLES, len(ROLES))
    return [ROLES[round_ % len(ROLES)], *chance.sample(ROLES, chance.randrange(2))]
