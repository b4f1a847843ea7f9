"""What a client does all day works through the models of every official client, which refuse what they do not know."""

from typing import Any

import pytest

from tests.contract.guide.clients import JAVASCRIPT, PYTHON, Client
from tests.contract.guide.conftest import Started, name_of
from tests.contract.guide.speakers import Http, Process

KNOW_SPARSE = [client for client in (*PYTHON, *JAVASCRIPT) if not client.version.startswith("1.6.")]

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


@pytest.mark.parametrize("client", KNOW_SPARSE, ids=name_of)
def test_sparse_vectors_are_written_and_found_by_every_client_that_knows_them(
    http: Http, started: Started, client: Client
) -> None:
    process = started.of(client)
    http.ask("PUT", "/collections/c", {"sparse_vectors": {"words": {}}})
    words = [{"indices": [7, 2], "values": [1.0, 0.5]}, {"indices": [9], "values": [4.0]}]

    process.run("upsert", "c", [{"id": n, "vector": {"words": each}} for n, each in enumerate(words)])
    hits = process.run("search_sparse", "c", {"indices": [2, 5], "values": [2.0, 1.0]}, 5)

    assert [(hit["id"], hit["score"]) for hit in hits] == [(0, 1.0)], "only points that share an index are found"
    assert hits[0]["vector"] == {"words": {"indices": [2, 7], "values": [0.5, 1.0]}}


def test_points_are_written_in_columns(process: Process) -> None:
    columns = {"ids": [1, 2], "vectors": [[1.0, 0.0], [0.0, 1.0]], "payloads": [{"n": 1}, {"n": 2}]}

    assert process.run("upsert_columns", "c", columns)["status"] == "completed"

    assert [point["payload"] for point in process.run("scroll", "c", 5)] == [{"n": 1}, {"n": 2}]
