"""Options and fixtures of the fault tests. `make faults` runs ten rounds; without options one short round runs."""

import random
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.service import ServiceUnderFaults


def pytest_addoption(parser: pytest.Parser) -> None:
    parser.addoption("--fault-rounds", type=int, default=1, help="rounds of kills")
    parser.addoption("--fault-seed", type=int, default=0, help="seed of a run to repeat; 0 takes a new one")


@pytest.fixture
def rounds(request: pytest.FixtureRequest) -> int:
    return int(request.config.getoption("--fault-rounds", default=1))


@pytest.fixture
def chance(request: pytest.FixtureRequest) -> random.Random:
    """Random numbers whose seed is printed, so that a failure can be repeated."""
    seed = int(request.config.getoption("--fault-seed", default=0)) or time.time_ns() % 2**32
    print(f"\nrepeat with: pytest {request.node.nodeid} --fault-seed {seed}")  # noqa: T201  # for the person who repeats
    return random.Random(seed)


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ServiceUnderFaults]:
    """A `shoal serve` on an empty directory."""
    service = ServiceUnderFaults(tmp_path / "data", tmp_path / "serve.log")
    try:
        service.start()
        yield service
    finally:
        service.end()
