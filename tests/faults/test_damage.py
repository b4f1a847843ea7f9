"""A bit flips in a sealed segment: its collection turns red and serves the rest, others are untouched, repair works."""

import random
from pathlib import Path

import pytest

from tests.faults.history import DIM, create, vector_of
from tests.faults.service import Connection, ServiceUnderFaults

POINTS = 2000
BATCH = 250


def load(connection: Connection, name: str) -> None:
    for first in range(0, POINTS, BATCH):
        points = [
            {"id": one, "vector": vector_of(one, 1), "payload": {"written": 1}} for one in range(first, first + BATCH)
        ]
        assert connection.ask("PUT", f"/collections/{name}/points?wait=true", {"points": points}).is_ok


def status(connection: Connection, name: str) -> str:
    return str(connection.ask("GET", f"/collections/{name}").result["status"])


def indexed(connection: Connection, name: str) -> int:
    info = connection.ask("GET", f"/collections/{name}").result
    return int(info.get("indexed_vectors_count") or 0) if info["status"] == "green" else 0


def flip(path: Path, chance: random.Random) -> None:
    """Turn one bit of a file over. Doing it again repairs it."""
    content = bytearray(path.read_bytes())
    content[chance.randrange(len(content))] ^= 1 << chance.randrange(8)
    path.write_bytes(content)


@pytest.mark.timeout(600)
def test_flipped_bit_turns_its_collection_red_and_no_other(service: ServiceUnderFaults, chance: random.Random) -> None:
    connection = service.connection()
    for name in ("broken", "whole"):
        create(connection, name)
        load(connection, name)
        service.until(120, f"{name} to have a graph", lambda name=name: indexed(connection, name) > 0)  # type: ignore[misc]
    late = {"points": [{"id": 10**6, "vector": vector_of(1, 1), "payload": {"written": 1}}]}
    assert connection.ask("PUT", "/collections/broken/points?wait=true", late).is_ok
    service.stop()
    victim, original = _damage(service, connection, chance)

    service.launch()
    service.until(240, "the service to answer", lambda: connection.ask("GET", "/collections").is_ok)
    service.until(120, "broken to be red", lambda: connection.ask("GET", "/collections/broken").is_ok)

    assert status(connection, "broken") == "red"
    assert connection.ask("POST", "/collections/broken/points", {"ids": [10**6]}).result
    assert connection.ask("PUT", "/collections/broken/points?wait=true", late).status == 503
    assert connection.ask("POST", "/collections/whole/points/count", {"exact": True}).result["count"] == POINTS
    assert connection.ask("PUT", "/collections/whole/points?wait=true", late).is_ok
    assert status(connection, "whole") == "green"

    service.stop()
    victim.write_bytes(original)
    service.start()
    connection = service.connection()
    assert status(connection, "broken") == "green"
    assert connection.ask("POST", "/collections/broken/points/count", {"exact": True}).result["count"] == POINTS + 1
    found = connection.ask("POST", "/collections/broken/points/query", {"query": vector_of(7, 1), "limit": 1})
    assert found.result["points"][0]["id"] == 7


def _damage(service: ServiceUnderFaults, connection: Connection, chance: random.Random) -> tuple[Path, bytes]:
    """Flip a bit in a random array of the collection that came first; gives the file and its content before."""
    directories = sorted((service.data_dir / "collections").iterdir(), key=lambda path: path.stat().st_ctime)
    first = min(directories, key=lambda path: min(one.stat().st_mtime for one in path.rglob("*.npy")))
    files = sorted(path for path in first.glob("0/segments/b*/*.npy") if path.stat().st_size > DIM)
    victim = chance.choice(files)
    original = victim.read_bytes()
    flip(victim, chance)
    return victim, original
