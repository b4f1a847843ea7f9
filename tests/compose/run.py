"""`make compose-test`: docker-compose.yml for real, from build to teardown.

Where no docker daemon answers but a container engine lies beside the project (../shared/tools/compose/engine), that one
is started. Steps: up --wait · load and search the sample through the published port · kill the worker and see it
recover with every point · scale to two workers · stop and start again: the volumes keep everything · down.
"""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from services.demo import steps
from services.demo.rest import RestClient
from services.demo.sample import SHIPPED, load_sample
from shared.errors import ShoalError

PROJECT = Path(__file__).resolve().parents[2]
ENGINE = PROJECT.parent / "shared" / "tools" / "compose" / "engine"
PORT = "7633"
POINTS = 4000
CALM_S = 120.0


def main() -> int:
    """Runs all steps; the containers are taken down whatever happens."""
    environment = {**os.environ, "SHOAL_PORT": PORT, "COMPOSE_PROJECT_NAME": "shoal-test", **_engine_environment()}
    compose = Compose(environment)
    try:
        _test(compose)
    except BaseException:
        compose("logs", "--tail", "40")
        raise
    finally:
        compose("down", "--volumes", "--timeout", "40")
    say("1 passed, 0 failed")
    return 0


class Compose:
    """Runs `docker compose` in the project."""

    def __init__(self, environment: dict[str, str]) -> None:
        self._environment = environment

    def __call__(self, *arguments: str) -> str:
        done = subprocess.run(
            ["docker", "compose", *arguments], cwd=PROJECT, env=self._environment, check=True, stdout=subprocess.PIPE
        )
        return done.stdout.decode()


def _test(compose: Compose) -> None:
    step("building and starting", lambda: compose("up", "--detach", "--build", "--wait", "--wait-timeout", "300"))
    sample = load_sample(SHIPPED)
    sample = sample._replace(vectors=sample.vectors[:POINTS], payloads=sample.payloads[:POINTS])
    with RestClient(f"http://127.0.0.1:{PORT}") as client:
        step("loading the sample", lambda: _load(client, sample))
        step("waiting for the index", lambda: list(steps.wait_until_green(client, POINTS, 600)))
        measured = steps.measure(client, sample, steps.CASES[0])
        say(f"recall {measured.recall:.3f}, p50 {measured.p50_ms:.2f} ms")
        assert measured.recall >= 0.9, measured
    step("killing the worker", lambda: compose("kill", "--signal", "KILL", "worker"))
    compose("up", "--detach", "--wait", "--wait-timeout", "120")
    step("waiting for its recovery", lambda: until(lambda: _count() == POINTS))
    step("scaling to two workers", lambda: compose("up", "--detach", "--scale", "worker=2", "--wait"))
    until(lambda: _count() == POINTS)
    for number in range(4):
        _create_small(f"small-{number}")
    step("stopping everything", lambda: compose("stop", "--timeout", "40"))
    step("starting again", lambda: compose("up", "--detach", "--scale", "worker=2", "--wait", "--wait-timeout", "300"))
    until(lambda: _count() == POINTS and all(_count(f"small-{number}") == 10 for number in range(4)))


def _load(client: RestClient, sample: Any) -> None:
    steps.create(client, sample.vectors.shape[1])
    *_, last = steps.load(client, sample)
    assert last.done == POINTS


def _count(name: str = steps.NAME) -> int:
    with RestClient(f"http://127.0.0.1:{PORT}") as client:
        return int(client.ask("POST", f"/collections/{name}/points/count", {"exact": True})["count"])


def _create_small(name: str) -> None:
    def made() -> bool:
        with RestClient(f"http://127.0.0.1:{PORT}") as client:
            points = [{"id": number, "vector": [1.0, float(number)]} for number in range(10)]
            if not client.ask("GET", f"/collections/{name}/exists")["exists"]:
                client.ask("PUT", f"/collections/{name}", {"vectors": {"size": 2, "distance": "Dot"}})
            client.ask("PUT", f"/collections/{name}/points?wait=true", {"points": points})
        return True

    until(made)


def until(holds: Callable[[], bool]) -> None:
    """Waits; errors of a service that is coming back are waited out too."""
    deadline = time.monotonic() + CALM_S
    while True:
        try:
            if holds():
                return
            problem: object = "not yet"
        except (ShoalError, OSError) as error:
            problem = error
        assert time.monotonic() < deadline, problem
        time.sleep(0.2)


def step(title: str, act: Callable[[], object]) -> None:
    """Says what is done and how long it took."""
    began = time.monotonic()
    act()
    say(f"{title}: {time.monotonic() - began:.1f} s")


def say(text: str) -> None:
    """A line for the person who watches."""
    sys.stdout.write(f"compose-test: {text}\n")
    sys.stdout.flush()


def _engine_environment() -> dict[str, str]:
    """Nothing where docker answers; else that of the engine beside the project, started when needed."""
    if shutil.which("docker") and subprocess.run(["docker", "info"], capture_output=True, check=False).returncode == 0:
        return {}
    if not ENGINE.exists():
        raise SystemExit("compose-test needs docker with the compose plugin, and no daemon answers")
    step("starting a container engine", lambda: subprocess.run([ENGINE, "up"], check=True, stdout=subprocess.DEVNULL))
    shown = subprocess.run([ENGINE, "env"], check=True, capture_output=True, text=True).stdout
    return dict(pair.split("=", 1) for pair in shown.split() if "=" in pair)


if __name__ == "__main__":
    sys.exit(main())
