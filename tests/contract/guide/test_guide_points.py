"""What a client does all day works through the models of every official client, which refuse what they do not know."""

from typing import Any

import pytest

from tests.contract.guide.clients import Client
from tests.contract.guide.speakers import Http, Process

POINTS: list[dict[str, Any]] = [
    {"id": 1, "vector": [1.0, 0.0], "payload": {"city": "Ulm"}},
    {"id": 2, "vector": [0.25, 0.5], "payload": {"city": "Rom"}},
    {"id": "00000000-0000-0000-0000-000000000003", "vector": [0.0, 1.0], "payload": {}},
]


@pytest.fixture
def process(http: Http, client_process: tuple[Client, Process]) -> Process:
    """A client of a server that has an empty collection `c`."""
    http.ask("PUT", "/collections/c", {"vectors": {"size": 2, "distance": "Dot"}})
    return client_process[1]


def test_points_written_by_any_client_are_found_with_score_payload_and_vector(process: Process) -> None:
    written = process.run("upsert", "c", POINTS)

    hits = process.run("search", "c", [1.0, 0.0], 2)
    assert written["status"] == "completed"
    assert isinstance(written["operation_id"], int)
    assert [(hit["id"], hit["score"]) for hit in hits] == [(1, 1.0), (2, 0.25)]
    assert hits[1]["vector"] == [0.25, 0.5]


def test_points_are_read_by_id_page_and_number(process: Process) -> None:
    process.run("upsert", "c", POINTS)

    assert process.run("count", "c") == 3
    assert [point["id"] for point in process.run("scroll", "c", 2)] == [1, 2]
    (third,) = process.run("retrieve", "c", [POINTS[2]["id"]])
    assert (third["id"], third["vector"]) == (POINTS[2]["id"], [0.0, 1.0])


def test_payload_is_set_and_points_are_deleted(process: Process) -> None:
    process.run("upsert", "c", POINTS)

    assert process.run("set_payload", "c", {"river": "Donau"}, [1])["status"] == "completed"
    assert process.run("delete_points", "c", [2])["status"] == "completed"

    assert [(point["id"], point["payload"]) for point in process.run("scroll", "c", 5)] == [
        (1, {"city": "Ulm", "river": "Donau"}),
        (POINTS[2]["id"], {}),
    ]


def test_a_write_that_logs_nothing_is_an_answer_that_every_client_reads(process: Process) -> None:
    process.run("upsert", "c", POINTS)

    assert process.run("delete_nothing", "c")["status"] == "completed"

    assert process.run("count", "c") == 3
