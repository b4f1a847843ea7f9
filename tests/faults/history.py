"""What clients did and were told, and what may therefore be found.

Each writer owns its points, does one thing at a time and waits for the answer. For every point the history holds the
states that it may be in: one after an acknowledged write, one more after a write whose outcome is unknown.
"""

import random
import threading
from typing import Any, NamedTuple

from tests.faults.service import Connection, ServiceUnderFaults

DIM = 16
POINTS_PER_WRITER = 400
CHUNK = 200
SURELY_REFUSED = (400, 404, 409, 422, 429, 507)
"""Answers that say the operation was not taken. Every other failure leaves its outcome open."""


class State(NamedTuple):
    """One point: the number of the upsert that wrote it, and of the last set_payload since then (0 for none)."""

    written: int
    edited: int = 0


GONE = None
Known = set[State | None]


def vector_of(point_id: int, written: int) -> list[float]:
    """Return the vector that upsert `written` gave a point: small integers, exact in float32."""
    chance = random.Random(point_id * 1_000_003 + written)
    return [float(chance.randrange(-50, 50)) for _ in range(DIM)]


class History:
    """The states that each point may be in. Used by one writer, read when it rests."""

    def __init__(self) -> None:
        self.known: dict[int, Known] = {}
        self.acknowledged = 0
        self.unknown = 0
        self.refused = 0

    def states(self, point_id: int) -> Known:
        return self.known.setdefault(point_id, {GONE})

    def record(self, changes: dict[int, Known], status: int) -> None:
        """Take the outcome of an operation that would bring the points into these states."""
        if 200 <= status < 300:
            self.acknowledged += 1
            self.known.update(changes)
        elif status in SURELY_REFUSED:
            self.refused += 1
        else:
            self.unknown += 1
            for point_id, states in changes.items():
                self.known[point_id] = self.states(point_id) | states


class Writer:
    """Upserts, deletes and edits its own points until it is told to rest."""

    def __init__(
        self,
        number: int,
        connection: Connection,
        name: str,
        chance: random.Random,
        history: History,
        count_from: int = 0,
    ) -> None:
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._failure: BaseException | None = None
        self.history = history
        self._first = number * 1_000_000
        self._connection = connection
        self._path = f"/collections/{name}/points"
        self._chance = chance
        self._resting = threading.Event()
        self._count = count_from

    def start(self) -> None:
        self._thread.start()

    def rest(self) -> None:
        """Finish the operation in flight and stop."""
        self._resting.set()
        self._thread.join(120)
        assert not self._thread.is_alive(), "a writer waits for an answer that does not come"
        if self._failure is not None:
            raise self._failure

    def _run(self) -> None:
        try:
            while not self._resting.is_set():
                self._step()
        except BaseException as error:
            self._failure = error

    def _step(self) -> None:
        self._count += 1
        wait = self._chance.choice(("true", "false"))
        ids = [self._first + self._chance.randrange(POINTS_PER_WRITER) for _ in range(self._chance.randrange(1, 20))]
        ids = sorted(set(ids))
        deed = self._chance.random()
        present = [point_id for point_id in ids if GONE not in self.history.states(point_id)]
        if deed < 0.2:
            self._delete(ids, wait)
        elif deed < 0.4 and present:
            self._edit(present, wait)
        else:
            self._upsert(ids, wait)

    def _upsert(self, ids: list[int], wait: str) -> None:
        count = self._count
        points = [{"id": one, "vector": vector_of(one, count), "payload": {"written": count}} for one in ids]
        answer = self._connection.ask("PUT", f"{self._path}?wait={wait}", {"points": points})
        self.history.record({one: {State(count)} for one in ids}, answer.status)
        self._breathe(answer.status)

    def _delete(self, ids: list[int], wait: str) -> None:
        answer = self._connection.ask("POST", f"{self._path}/delete?wait={wait}", {"points": ids})
        self.history.record({one: {GONE} for one in ids}, answer.status)
        self._breathe(answer.status)

    def _edit(self, ids: list[int], wait: str) -> None:
        body = {"payload": {"edited": self._count}, "points": ids}
        answer = self._connection.ask("POST", f"{self._path}/payload?wait={wait}", body)
        changes: dict[int, Known] = {
            one: {state._replace(edited=self._count) for state in self.history.states(one) if state is not None}
            for one in ids
        }
        self.history.record(changes, answer.status)
        self._breathe(answer.status)

    def _breathe(self, status: int) -> None:
        """Do not hammer a service that is away."""
        if not 200 <= status < 300:
            self._resting.wait(0.05)


def create(connection: Connection, name: str) -> None:
    """Make the collection, with a threshold so low that graphs are built and swapped in all the time."""
    optimizers = {"indexing_threshold": 10, "flush_interval_sec": 1}
    body = {"vectors": {"size": DIM, "distance": "Euclid"}, "optimizers_config": optimizers}
    assert connection.ask("PUT", f"/collections/{name}", body).is_ok


def check(service: ServiceUnderFaults, name: str, histories: list[History]) -> int:
    """Compare every point with the history; what was open is settled by what is found. Gives the number of points."""
    connection = service.connection()
    found = everything(connection, name)
    for history in histories:
        for point_id, states in history.known.items():
            state = found.get(point_id, GONE)
            assert state in states, f"point {point_id}: found {state}, expected one of {states}"
            history.known[point_id] = {state}
    expected = {point_id for history in histories for point_id, states in history.known.items() if states != {GONE}}
    assert set(found) == expected, f"points that nobody wrote: {sorted(set(found) - expected)[:10]}"
    count = connection.ask("POST", f"/collections/{name}/points/count", {"exact": True}).result["count"]
    assert count == len(expected)
    return len(expected)


def everything(connection: Connection, name: str) -> dict[int, State | None]:
    """Scroll through the collection; each point must come once, with the vector of the upsert in its payload."""
    found: dict[int, State | None] = {}
    offset: Any = None
    while True:
        body = {"limit": CHUNK, "offset": offset, "with_payload": True, "with_vector": True}
        page = connection.ask("POST", f"/collections/{name}/points/scroll", body).result
        for point in page["points"]:
            point_id, payload = point["id"], point["payload"]
            assert point_id not in found, f"point {point_id} came twice"
            assert point["vector"] == vector_of(point_id, payload["written"]), f"point {point_id} has a wrong vector"
            found[point_id] = State(payload["written"], payload.get("edited", 0))
        offset = page["next_page_offset"]
        if offset is None:
            return found
