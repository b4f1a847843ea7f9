"""`shoal serve` as users run it: separate processes on a real Redis."""

import contextlib
import ctypes
import http.client
import os
import platform
import signal
import struct
import subprocess
import sys

import psutil
import pytest
from serving import Serving, count, create, gone, is_green, nearest, until, upsert, vectors

from services.slices import SLICE_S
from shared.errors import ShoalError

SCHED_ATTR = "=IIQiIQQQII"
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


def runs(process: psutil.Process) -> bool:
    """True for a process that has not ended; one whose end nobody has asked about yet has."""
    try:
        return process.status() != psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return False


def policy_of(pid: int) -> int:
    """How the main thread of a process is scheduled."""
    return os.sched_getscheduler(pid) & ~os.SCHED_RESET_ON_FORK


def slice_of(pid: int) -> float:
    """Seconds that the main thread of a process asked to run at a time; 0 where the kernel knows of no such thing."""
    found = ctypes.create_string_buffer(struct.calcsize(SCHED_ATTR))
    number = {"x86_64": 315, "aarch64": 275}.get(platform.machine(), -1)  # sched_getattr
    if ctypes.CDLL(None).syscall(number, pid, found, len(found), 0):
        return 0.0
    return float(struct.unpack(SCHED_ATTR, found.raw)[5] / 1e9)


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
    assert not any(runs(process) for process in family)
    with second.client() as client:
        assert count(client, "books") == 300


@pytest.mark.parametrize("victim", ["redis", "worker-1", "optimizer", "api-1", "ingest-1"])
def test_any_killed_process_comes_back_and_nothing_acknowledged_is_lost(serve, victim):
    rows = vectors(200)
    serving = serve()
    until(lambda: victim in serving.record.children)
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
    assert not any(runs(process) for process in family)


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
    assert {"worker-1", "worker-2", "api-1", "api-2", "ingest-1", "ingest-2"} <= set(serving.record.children)


def test_services_have_short_slices_and_the_quick_ones_real_time_priority_where_that_is_allowed(serve):
    serving = serve("--no-real-time")
    until(lambda: "ingest-1" in serving.record.children)
    children = {name: identity.pid for name, identity in serving.record.children.items()}
    if not slice_of(os.getpid()):
        pytest.skip("the kernel is older than 6.12")
    for name in ("worker-1", "api-1", "ingest-1"):
        until(lambda name=name: slice_of(children[name]) == SLICE_S)
        assert policy_of(children[name]) == os.SCHED_OTHER
    assert slice_of(children["optimizer"]) > SLICE_S
    assert serving.stop() == 0

    # in a process of its own: this one's scheduling is inherited by all that is started later
    urged = "from services import real_time; real_time.urge(real_time.API)"
    if subprocess.run([sys.executable, "-c", urged], capture_output=True, timeout=30, check=False).returncode:
        pytest.skip("real-time priority is not allowed here")
    serving = serve()
    until(lambda: "ingest-1" in serving.record.children)
    children = {name: identity.pid for name, identity in serving.record.children.items()}
    for name in ("worker-1", "api-1"):
        until(lambda name=name: policy_of(children[name]) == os.SCHED_RR)
    assert {policy_of(children[name]) for name in ("ingest-1", "optimizer", "redis")} == {os.SCHED_OTHER}


def test_a_killed_ingest_process_takes_no_acknowledged_write_along_and_comes_back(serve):
    rows = vectors(4000)
    serving = serve()
    until(lambda: "ingest-1" in serving.record.children)
    former = serving.record.children["ingest-1"]
    with serving.client() as client:
        create(client, "books")
        acknowledged = []
        for first in range(0, 4000, 1000):
            if first == 2000:
                os.kill(former.pid, signal.SIGKILL)
            with contextlib.suppress(ShoalError):  # its outcome is unknown
                upsert(client, "books", rows[first : first + 1000], first)
                acknowledged.append(first)
        assert {0, 1000, 3000} <= set(acknowledged)

        assert [nearest(client, "books", rows[first + 5]) for first in acknowledged] == [
            one + 5 for one in acknowledged
        ]
    until(lambda: serving.record.children.get("ingest-1", former) != former)


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
