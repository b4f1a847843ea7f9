"""`shoal serve` as users run it: separate processes on a real Redis."""

import http.client
import os
import signal
import subprocess
import sys

import psutil
import pytest
from serving import Serving, count, create, gone, is_green, nearest, until, upsert, vectors

from shared.errors import ShoalError

INDEX_SOON = {"optimizers_config": {"indexing_threshold": 10}}


def retried(client, attempt, seconds: float = 60.0):
    """The answer, once the service gives one again: 503 is for trying again."""
    answers = []

    def tried() -> bool:
        try:
            answers.append(attempt(client))
        except (ShoalError, OSError, http.client.HTTPException):
            return False
        return True

    until(tried, seconds)
    return answers[0]


def test_points_are_found_and_the_collection_gets_its_graph(serve):
    rows = vectors(2000)
    with serve().client() as client:
        create(client, "books", **INDEX_SOON)
        upsert(client, "books", rows)

        until(lambda: is_green(client, "books", 2000), 120)

        assert [nearest(client, "books", rows[row]) for row in (0, 777, 1999)] == [0, 777, 1999]


def test_a_restart_keeps_everything(serve):
    rows = vectors(500)
    first = serve()
    with first.client() as client:
        create(client, "books")
        upsert(client, "books", rows)
    assert first.stop() == 0

    with serve().client() as client:
        assert count(client, "books") == 500
        assert nearest(client, "books", rows[321]) == 321


def test_a_killed_launcher_takes_its_children_along_and_the_next_one_has_every_acknowledged_point(serve):
    rows = vectors(300)
    first = serve()
    with first.client() as client:
        create(client, "books")
        upsert(client, "books", rows)
    record, family = first.record, first.descendants()

    first.stop(signal.SIGKILL)
    second = serve()

    assert gone(record)
    assert not psutil.wait_procs(family, timeout=10)[1]
    with second.client() as client:
        assert count(client, "books") == 300


@pytest.mark.parametrize("victim", ["redis", "worker-1", "optimizer", "api-1"])
def test_any_killed_process_comes_back_and_nothing_acknowledged_is_lost(serve, victim):
    rows = vectors(200)
    serving = serve()
    with serving.client() as client:
        create(client, "books")
        upsert(client, "books", rows[:100])

    os.kill(serving.record.children[victim].pid, signal.SIGKILL)

    def write(_: object) -> None:
        with serving.client() as client:
            upsert(client, "books", rows[100:], first=100)

    def read(_: object) -> int:
        with serving.client() as client:
            return count(client, "books")

    retried(None, write)
    assert retried(None, read) == 200


@pytest.mark.parametrize("signum", [signal.SIGTERM, signal.SIGINT])
def test_a_stop_leaves_no_process(serve, signum):
    serving = serve()
    with serving.client() as client:
        create(client, "books", **INDEX_SOON)
        upsert(client, "books", vectors(1000))
    record, family = serving.record, serving.descendants()
    assert len(family) >= 4

    code = serving.stop(signum)

    assert code == 0
    assert gone(record)
    assert not any(process.is_running() for process in family)


def test_two_workers_and_two_api_processes_serve_one_port(serve):
    rows = vectors(400)
    serving = serve("--workers", "2", "--api", "2")
    with serving.client() as client:
        for number in range(4):
            create(client, f"books-{number}")
            upsert(client, f"books-{number}", rows)

    found = []
    for number in range(4):
        with serving.client() as client:
            found.append(nearest(client, f"books-{number}", rows[number]))

    assert found == [0, 1, 2, 3]
    assert {"worker-1", "worker-2", "api-1", "api-2"} <= set(serving.record.children)


def test_a_single_process_serves_and_keeps_its_data(serve):
    rows = vectors(300)
    first = serve("--single-process")
    with first.client() as client:
        create(client, "books")
        upsert(client, "books", rows)
    commands = [" ".join(process.cmdline()) for process in first.descendants()]
    assert not any(service in command for service in ("services.api", "services.worker") for command in commands)
    assert first.stop() == 0

    with serve("--single-process").client() as client:
        assert count(client, "books") == 300


def test_the_ballast_lies_in_the_directory_while_it_is_wanted(serve):
    first = serve("--single-process", "--ballast-mb", "2")
    ballast = first.data_dir / "ballast"

    size = ballast.stat().st_size
    first.stop()
    serve("--single-process", "--ballast-mb", "0")

    assert size == 2 * 2**20
    assert not ballast.exists()


def test_memory_keeps_nothing_and_says_so(serve):
    serving = serve("--memory")
    with serving.client() as client:
        create(client, "books")
        upsert(client, "books", vectors(100))
        assert count(client, "books") == 100
    held = [file.path for file in psutil.Process(serving.process.pid).open_files() if "shoal-memory-" in file.path]

    assert serving.stop() == 0

    assert "nothing is kept" in serving.log_path.read_text()
    assert not any(os.path.exists(path) for path in held)  # noqa: PTH110  # paths of another process
    assert not serving.data_dir.exists()


def test_a_second_serve_on_the_same_directory_is_refused_and_names_the_first(serve):
    serving = serve()

    second = subprocess.run(
        [sys.executable, "-m", "services.cli", "serve", "--data-dir", str(serving.data_dir), "--port", "0"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )

    assert second.returncode == 1
    assert f"pid {serving.process.pid}" in second.stderr


def test_the_stop_command_stops_it_and_says_so(serve):
    serving = serve()

    stopped = subprocess.run(
        [sys.executable, "-m", "services.cli", "stop", "--data-dir", str(serving.data_dir)],
        capture_output=True,
        text=True,
        timeout=90,
        check=True,
    )

    assert "stopped" in stopped.stdout
    assert serving.process.wait(5) == 0


def test_check_finds_a_healthy_directory_well_and_a_damaged_one_damaged(serve):
    serving = serve()
    with serving.client() as client:
        create(client, "books", **INDEX_SOON)
        upsert(client, "books", vectors(1000))
        until(lambda: is_green(client, "books", 1000), 120)
    assert serving.stop() == 0
    command = [sys.executable, "-m", "services.cli", "check", str(serving.data_dir)]

    healthy = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)
    victim = max(serving.data_dir.glob("collections/*/*/segments/*/*.npy"), key=lambda path: path.stat().st_size)
    victim.chmod(0o644)
    content = bytearray(victim.read_bytes())
    content[len(content) // 2] ^= 1
    victim.write_bytes(content)
    damaged = subprocess.run(command, capture_output=True, text=True, timeout=90, check=False)

    assert (healthy.returncode, "all is well" in healthy.stdout) == (0, True), healthy.stdout + healthy.stderr
    assert damaged.returncode == 1
    assert victim.parent.name in damaged.stdout or victim.name in damaged.stdout


def test_a_lost_redis_is_adopted_and_serves_what_the_segments_hold(serve: type[Serving]):
    rows = vectors(600)
    first = serve()
    with first.client() as client:
        create(client, "books")
        upsert(client, "books", rows)
    assert first.stop() == 0
    for path in sorted((first.data_dir / "redis").rglob("*"), reverse=True):
        path.rmdir() if path.is_dir() else path.unlink()

    adopted = subprocess.run(
        [sys.executable, "-m", "services.cli", "check", str(first.data_dir), "--adopt"],
        capture_output=True,
        text=True,
        timeout=90,
        check=False,
    )

    assert adopted.returncode in (0, 1), adopted.stderr
    serving = serve()
    with serving.client() as client:
        assert retried(client, lambda one: count(one, "books")) == 600
        retried(client, lambda one: upsert(one, "books", vectors(10, seed=2), first=600))
        assert count(client, "books") == 610
