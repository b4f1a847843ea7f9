"""Kill -9 in the middle of operations that a filter makes long: in the end each was applied once, whole, in its order.

Each phase is one acknowledged batch of operations on up to 24,000 points, applied in steps that reads see. The kill
comes when a count shows between a quarter and a half of what the operation that is watched changes; where the machine
let that time pass, all begins again with new points. Segments are small: where rows are written again, some are sealed
by then, which asks for a checkpoint in the middle of the operation.
Colours move in a ring: an operation that is lost, repeated or out of its order leaves other counts behind.
"""

from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest

from shared.store.manifest import ManifestStore
from tests.faults.service import Connection, ServiceUnderFaults

NAME = "long"
POINTS = 24_000
MOST = 20_000
"""Points that are red in the beginning, and blue once the colours have moved: five of six."""
LOADED = 4_000
SETTLED_S = 60.0
TRIES = 8
"""A look takes a few milliseconds, the operation fifty or more: a busy machine may stop whoever looks for longer."""
SEGMENT_ROWS = 2048

Filter = dict[str, Any]
ALL: Filter = {}
FAR, NEAR = ({"must": [{"has_vector": name}]} for name in ("far", "near"))
NOT_FAR = {"must_not": [{"has_vector": "far"}]}


def having(key: str, value: str) -> Filter:
    return {"must": [{"key": key, "match": {"value": value}}]}


RED, GREEN, BLUE = (having("at.colour", colour) for colour in ("red", "green", "blue"))
SEEN = having("at.seen", "yes")


class Phase(NamedTuple):
    """Operations, and what shows of them.

    watched    the place of the operation to be interrupted; `changed` finds the points that it has changed,
               from `before` to `after` of them
    counts     what is found in the end
    """

    operations: list[dict[str, Any]]
    watched: int
    changed: Filter
    before: int
    after: int
    counts: list[tuple[Filter, int]]


def setting(wanted: Filter, payload: dict[str, str]) -> dict[str, Any]:
    return {"set_payload": {"key": "at", "payload": payload, "filter": wanted}}


def removing(slot: str, wanted: Filter) -> dict[str, Any]:
    return {"delete_vectors": {"vector": [slot], "filter": wanted}}


MOVE = [setting(RED, {"colour": "green"}), setting(BLUE, {"colour": "red"}), setting(GREEN, {"colour": "blue"})]
REPLACE = {
    "update_vectors": {
        "points": [{"id": point_id, "vector": {"far": [float(point_id), 1.0]}} for point_id in range(POINTS)],
        "update_filter": BLUE,
    }
}
PHASES = [
    Phase(MOVE, 0, GREEN, 0, MOST, [(RED, POINTS - MOST), (GREEN, 0), (BLUE, MOST)]),
    Phase(
        [removing("far", BLUE), setting(FAR, {"seen": "yes"})],
        *(0, NOT_FAR, 0, MOST),
        [(NOT_FAR, MOST), (SEEN, POINTS - MOST), (NEAR, POINTS)],
    ),
    Phase(
        [REPLACE, removing("near", SEEN), setting(FAR, {"seen": "yes"})],
        *(0, FAR, POINTS - MOST, POINTS),
        [(FAR, POINTS), (NEAR, MOST), (SEEN, POINTS)],
    ),
]


@pytest.fixture
def service(tmp_path: Path) -> Iterator[ServiceUnderFaults]:
    """A service that seals segments early."""
    options = ("--appendable-rows", str(SEGMENT_ROWS))
    service = ServiceUnderFaults(tmp_path / "data", tmp_path / "serve.log", *options)
    try:
        service.start()
        yield service
    finally:
        service.end()


@pytest.mark.timeout(300)
@pytest.mark.parametrize("role", ["worker", "redis", "api"])
def test_long_operations_that_a_kill_interrupts_are_applied_once_and_in_order(
    role: str, service: ServiceUnderFaults
) -> None:
    connection = service.connection()

    assert any(goes_through(role, service, connection) for _ in range(TRIES)), "every kill would have come too late"

    if role != "worker":
        service.kill("worker")
        service.wait_until_serving()
    assert contents(connection) == {point_id: expected(point_id) for point_id in range(POINTS)}


def goes_through(role: str, service: ServiceUnderFaults, connection: Connection) -> bool:
    """Go through all phases on new points; gives whether each kill could come in the middle of its operation."""
    load(service, connection)
    for phase in PHASES:
        position = send(connection, phase)
        if not is_caught_in_the_middle(connection, phase):
            return False
        service.kill(role)
        is_late = role == "worker" and checkpoint(service) >= position
        settle(service, connection)

        assert [count(connection, wanted) for wanted, _ in phase.counts] == [number for _, number in phase.counts]
        assert count(connection, ALL) == POINTS
        if is_late:
            return False
    return True


def load(service: ServiceUnderFaults, connection: Connection) -> None:
    """Begin anew, and give every sixth point the colour blue, the others red."""
    connection.ask("DELETE", f"/collections/{NAME}")
    service.until(SETTLED_S, "the files of the try before to go", lambda: not any(stored(service)))
    slots = {name: {"size": 2, "distance": "Euclid"} for name in ("near", "far")}
    config = {"vectors": slots, "optimizers_config": {"flush_interval_sec": 1}}
    assert connection.ask("PUT", f"/collections/{NAME}", config).is_ok
    for first in range(0, POINTS, LOADED):
        points = [
            {
                "id": point_id,
                "vector": {"near": [float(point_id), 0.0], "far": [0.0, 0.0]},
                "payload": {"n": point_id, "at": {"colour": "red" if point_id % 6 else "blue"}},
            }
            for point_id in range(first, first + LOADED)
        ]
        assert connection.ask("PUT", f"/collections/{NAME}/points?wait=true", {"points": points}).is_ok


def expected(point_id: int) -> tuple[Any, Any]:
    """Return the vectors and the payload of a point after all phases."""
    if point_id % 6:
        vectors = {"near": [float(point_id), 0.0], "far": [float(point_id), 1.0]}
        return vectors, {"n": point_id, "at": {"colour": "blue", "seen": "yes"}}
    return {"far": [0.0, 0.0]}, {"n": point_id, "at": {"colour": "red", "seen": "yes"}}


def send(connection: Connection, phase: Phase) -> int:
    """Have a phase's operations acknowledged, not applied. Return the position of the one that is watched."""
    body = {"operations": phase.operations}
    told = connection.ask("POST", f"/collections/{NAME}/points/batch?wait=false", body).result
    assert [one["status"] for one in told] == ["acknowledged"] * len(phase.operations)
    return int(told[phase.watched]["operation_id"]) + 1


def is_caught_in_the_middle(connection: Connection, phase: Phase) -> bool:
    """Return once the watched operation has changed a quarter of its points: whether it is not half done."""
    whole = phase.after - phase.before
    while (changed := count(connection, phase.changed) - phase.before) < whole // 4:
        pass
    return changed < whole // 2


def checkpoint(service: ServiceUnderFaults) -> int:
    """Return the checkpoint of the only shard there is."""
    [collection] = stored(service)
    manifest = ManifestStore(collection / "0").newest()
    return manifest.checkpoint if manifest else 0


def stored(service: ServiceUnderFaults) -> Iterator[Path]:
    """Iterate over the directories of collections."""
    return (service.data_dir / "collections").iterdir()


def settle(service: ServiceUnderFaults, connection: Connection) -> None:
    """Return when all is up again and everything that was acknowledged is applied: a later write is."""
    service.wait_until_serving()
    path, body = f"/collections/{NAME}/points/payload?wait=true", {"payload": {"n": 0}, "points": [0]}

    def is_completed() -> bool:
        answer = connection.ask("POST", path, body)
        return answer.is_ok and answer.result["status"] == "completed"

    service.until(SETTLED_S, "the log to be applied", is_completed)


def count(connection: Connection, wanted: Filter) -> int:
    body = {"filter": wanted, "exact": True}
    return int(connection.ask("POST", f"/collections/{NAME}/points/count", body).result["count"])


def contents(connection: Connection) -> dict[int, tuple[Any, Any]]:
    """Return vectors and payload of all points; each comes once."""
    found: dict[int, tuple[Any, Any]] = {}
    offset: Any = None
    while True:
        body = {"limit": LOADED, "offset": offset, "with_payload": True, "with_vector": True}
        page = connection.ask("POST", f"/collections/{NAME}/points/scroll", body).result
        for point in page["points"]:
            assert point["id"] not in found, f"point {point['id']} came twice"
            found[point["id"]] = (point["vector"], point["payload"])
        offset = page["next_page_offset"]
        if offset is None:
            return found
