"""Kill -9 of api or optimizer while a collection begins with points of another: it holds what that one held at the cut.

The source is written all the time. Answers tell the position of each write, and the copy tells that of its cut: what is
at or before it must have come along, the rest must not.
"""

import os
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import pytest

from tests.faults.history import DIM, State, create, everything, vector_of
from tests.faults.service import Answer, Connection, ServiceUnderFaults

SOURCE = "source"
POINTS = 20_000
LOADED = 4_000
DONE_S = 60.0
SHARED, CARRIED = 1, 2
"""Shards of a copy. As many as the source has: its segments are linked; more: its points are read and written anew."""


class Written(NamedTuple):
    """A write that was answered: the point is there afterwards, or is not."""

    position: int
    point_id: int
    is_there: bool


class Writer:
    """Deletes points of the source and adds others, one at a time, and notes positions."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._resting = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self.written: list[Written] = []
        self.unknown: set[int] = set()
        """Points of writes that got no answer: each is there, or is not."""

    def start(self) -> None:
        self._thread.start()

    def rest(self) -> None:
        """Finish the write in flight and stop."""
        self._resting.set()
        self._thread.join(120)
        assert not self._thread.is_alive(), "the writer waits for an answer that does not come"

    def _run(self) -> None:
        path = f"/collections/{SOURCE}/points"
        for number in range(POINTS):
            if self._resting.is_set():
                return
            new = POINTS + number
            point = {"id": new, "vector": vector_of(new, 1), "payload": {"written": 1}}
            self._note(new, self._connection.ask("PUT", f"{path}?wait=false", {"points": [point]}), is_there=True)
            body = {"points": [number]}
            self._note(number, self._connection.ask("POST", f"{path}/delete?wait=false", body), is_there=False)

    def _note(self, point_id: int, answer: Answer, *, is_there: bool) -> None:
        if answer.is_ok:
            self.written.append(Written(answer.result["operation_id"] + 1, point_id, is_there))
        else:
            self.unknown.add(point_id)
            self._resting.wait(0.05)


@pytest.fixture
def connection(service: ServiceUnderFaults) -> Connection:
    """A client of a service that holds the source."""
    connection = service.connection()
    create(connection, SOURCE)
    for first in range(0, POINTS, LOADED):
        ids = range(first, first + LOADED)
        points = [{"id": one, "vector": vector_of(one, 1), "payload": {"written": 1}} for one in ids]
        assert connection.ask("PUT", f"/collections/{SOURCE}/points?wait=true", {"points": points}).is_ok
    return connection


@pytest.mark.timeout(300)
def test_a_copy_is_made_though_the_api_is_killed_before_the_cut(
    service: ServiceUnderFaults, connection: Connection
) -> None:
    answers: list[Answer] = []
    creating = threading.Thread(target=lambda: answers.append(begin(service.connection(), "copy", CARRIED)))
    with writing(service) as writer:
        with held_still(service, "worker"):
            creating.start()
            service.until(30, "the copy to be registered", lambda: "copy" in names(connection))

            service.kill("api")

        creating.join(120)
        service.wait_until_serving()
        cut = finished(service, connection, "copy")

    assert [answer.status for answer in answers] == [0]
    check(connection, "copy", cut, writer)


@pytest.mark.timeout(300)
def test_a_copy_is_finished_though_the_api_is_killed_while_points_are_taken_over(
    service: ServiceUnderFaults, connection: Connection
) -> None:
    with writing(service) as writer:
        assert begin(connection, "copy", CARRIED).is_ok
        wait_for_the_middle(connection, "copy")

        service.kill("api")

        service.wait_until_serving()
        cut = finished(service, connection, "copy")

    check(connection, "copy", cut, writer)


@pytest.mark.timeout(300)
def test_copies_are_finished_though_the_optimizer_is_killed_in_a_job_on_their_source(
    service: ServiceUnderFaults, connection: Connection
) -> None:
    service.until(60, "a job on the source", lambda: running(connection) > 0)
    with writing(service) as writer:
        assert begin(connection, "linked", SHARED).is_ok
        assert begin(connection, "carried", CARRIED).is_ok
        wait_for_the_middle(connection, "carried")
        jobs = running(connection)

        service.kill("optimizer")

        cuts = {name: finished(service, connection, name) for name in ("linked", "carried")}

    assert jobs > 0
    assert writer.unknown == set()
    for name, cut in cuts.items():
        check(connection, name, cut, writer)


@contextmanager
def writing(service: ServiceUnderFaults) -> Iterator[Writer]:
    """Write to the source, from some time before the body until its end."""
    writer = Writer(service.connection())
    writer.start()
    try:
        service.until(30, "writes", lambda: len(writer.written) > 10)
        yield writer
    finally:
        writer.rest()


@contextmanager
def held_still(service: ServiceUnderFaults, role: str) -> Iterator[None]:
    """Stop a process from doing anything: what needs it waits."""
    pid = service.pid_of(role)
    assert pid is not None
    os.kill(pid, signal.SIGSTOP)
    try:
        yield
    finally:
        os.kill(pid, signal.SIGCONT)


def begin(connection: Connection, name: str, shards: int) -> Answer:
    vectors = {"size": DIM, "distance": "Euclid"}
    body = {"vectors": vectors, "shard_number": shards, "init_from": {"collection": SOURCE}}
    return connection.ask("PUT", f"/collections/{name}", body)


def names(connection: Connection) -> list[str]:
    return [one["name"] for one in connection.ask("GET", "/collections").result["collections"]]


def running(connection: Connection) -> int:
    return len(connection.ask("GET", f"/collections/{SOURCE}/optimizations").result["running"])


def progress(connection: Connection, name: str) -> dict[str, Any]:
    answer = connection.ask("GET", f"/collections/{name}")
    return dict(answer.result["init_from"]) if answer.is_ok else {"status": "unknown"}


def wait_for_the_middle(connection: Connection, name: str) -> None:
    """Return while some points are taken over, and others are not."""
    while (told := progress(connection, name))["points_done"] == 0 and told["status"] != "done":
        pass
    assert told["status"] == "running", told
    assert told["points_done"] < told["points_total"], told


def finished(service: ServiceUnderFaults, connection: Connection, name: str) -> int:
    """Wait until a copy is made; return the position of its cut."""
    service.until(DONE_S, f"{name} to be made", lambda: progress(connection, name)["status"] == "done")
    [cut] = progress(connection, name)["positions"]
    return int(cut)


def check(connection: Connection, name: str, cut: int, writer: Writer) -> None:
    """Compare a copy with what the source held at the cut."""
    expected = dict.fromkeys(range(POINTS), State(1))
    before = [one for one in writer.written if one.position <= cut]
    for one in before:
        if one.is_there:
            expected[one.point_id] = State(1)
        else:
            del expected[one.point_id]
    found = everything(connection, name)
    count = connection.ask("POST", f"/collections/{name}/points/count", {"exact": True}).result["count"]

    assert 0 < len(before) < len(writer.written), "no write before the cut, or none behind it"
    assert count == len(found)
    assert {one: state for one, state in found.items() if one not in writer.unknown} == {
        one: state for one, state in expected.items() if one not in writer.unknown
    }
