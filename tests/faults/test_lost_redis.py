"""Redis comes back older or empty while the data directory is whole: nothing that was published is lost."""

import random
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.faults.history import History, Writer, check, create
from tests.faults.service import ServiceUnderFaults

NAME = "forgetful"
LOADED = 60


def load(service: ServiceUnderFaults, chance: random.Random, history: History, count_from: int) -> None:
    """Write until enough was acknowledged."""
    seed = random.Random(chance.randrange(2**32))
    writer = Writer(0, service.connection(), NAME, seed, history, count_from)
    before = history.acknowledged
    writer.start()
    service.until(60, "writes to be taken", lambda: history.acknowledged - before >= LOADED)
    writer.rest()


@pytest.mark.timeout(600)
def test_older_redis_loses_nothing_that_was_published(
    service: ServiceUnderFaults, chance: random.Random, tmp_path: Path
) -> None:
    create(service.connection(), NAME)
    history = History()
    load(service, chance, history, 0)
    service.stop()
    shutil.copytree(service.data_dir / "redis", tmp_path / "older")
    service.start()
    load(service, chance, history, 10**6)
    service.stop()

    _replace_redis(service, tmp_path / "older")
    service.start()

    check(service, NAME, [history])
    load(service, chance, history, 2 * 10**6)
    service.kill("worker")
    service.wait_until_serving()
    check(service, NAME, [history])


@pytest.mark.timeout(600)
def test_empty_redis_is_refused_and_adopts_what_is_on_disk(service: ServiceUnderFaults, chance: random.Random) -> None:
    create(service.connection(), NAME)
    history = History()
    load(service, chance, history, 0)
    service.stop()

    _replace_redis(service, None)
    service.launch()
    refused = service.wait_for_exit(120)
    words = service.last_words()
    adopting = [sys.executable, "-m", "services.cli", "check", str(service.data_dir), "--adopt"]
    adopted = subprocess.run(adopting, capture_output=True, text=True, timeout=120, check=False)
    service.start()

    assert refused != 0
    assert "--adopt" in words
    assert "registered 1 collections" in adopted.stdout, adopted.stdout + adopted.stderr
    check(service, NAME, [history])
    load(service, chance, history, 10**6)
    check(service, NAME, [history])


def _replace_redis(service: ServiceUnderFaults, older: Path | None) -> None:
    directory = service.data_dir / "redis"
    shutil.rmtree(directory)
    if older is not None:
        shutil.copytree(older, directory)
