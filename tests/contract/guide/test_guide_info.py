"""The guide's "Collection info": fields in the shape of the client that asks, and what the sentences say of them."""

from typing import Any

import pytest

from tests.contract.guide.clients import Client
from tests.contract.guide.speakers import Http, Process

PRINTED: dict[str, Any] = {
    "params": {
        "vectors": {"size": 384, "distance": "Cosine"},
        "shard_number": 1,
        "replication_factor": 1,
        "write_consistency_factor": 1,
        "on_disk_payload": False,
    },
    "hnsw_config": {"m": 16, "ef_construct": 100, "full_scan_threshold": 10000, "max_indexing_threads": 0},
    "optimizer_config": {
        "deleted_threshold": 0.2,
        "vacuum_min_vector_number": 1000,
        "default_segment_number": 0,
        "max_segment_size": None,
        "memmap_threshold": None,
        "indexing_threshold": 20000,
        "flush_interval_sec": 5,
        "max_optimization_threads": 1,
    },
    "wal_config": {"wal_capacity_mb": 32, "wal_segments_ahead": 0},
}
"""The config of the guide's answer, as it prints it."""

OLD_FIELDS = {
    "status",
    "optimizer_status",
    "vectors_count",
    "indexed_vectors_count",
    "points_count",
    "segments_count",
    "config",
    "payload_schema",
}


@pytest.fixture
def two_vectors(http: Http) -> Http:
    """A server with a collection `c` of 3 points and 5 vectors."""
    vector = {"size": 2, "distance": "Dot"}
    http.ask("PUT", "/collections/c", {"vectors": {"a": vector, "b": vector}})
    points = [{"id": n, "vector": {"a": [n, 1]} | ({"b": [1, n]} if n < 3 else {})} for n in (1, 2, 3)]
    http.ask("PUT", "/collections/c/points?wait=true", {"points": points})
    return http


def test_the_printed_answer_is_that_of_a_client_of_its_time(http: Http, shoal_url: str) -> None:
    asked = {
        "vectors": PRINTED["params"]["vectors"],
        "on_disk_payload": False,
        "optimizers_config": {"indexing_threshold": 20000},
    }
    http.ask("PUT", "/collections/c", asked)

    shown = Http(shoal_url, user_agent="python-httpx/0.24.0").run("info", "c")

    assert shown.keys() == OLD_FIELDS
    assert (shown["status"], shown["optimizer_status"], shown["payload_schema"]) == ("green", "ok", {})
    for section, printed in PRINTED.items():
        found = shown["config"][section]
        assert {name: found.get(name) for name in printed} == printed


def test_plain_http_sees_what_today_s_reference_shows(two_vectors: Http) -> None:
    shown = two_vectors.run("info", "c")

    assert "vectors_count" not in shown
    assert shown["update_queue"] == {"length": 0}
    assert shown["points_count"] == 3


def test_the_number_of_vectors_is_not_that_of_points_when_points_have_several(
    two_vectors: Http, shoal_url: str
) -> None:
    shown = Http(shoal_url, user_agent="qdrant-js").run("info", "c")

    assert (shown["points_count"], shown["vectors_count"]) == (3, 5)


def test_every_client_reads_the_info_through_its_own_models(
    two_vectors: Http, client_process: tuple[Client, Process]
) -> None:
    client, process = client_process

    shown = process.run("info", "c")

    assert (shown["status"], shown["optimizer_status"]) == ("green", "ok")
    assert (shown["points_count"], shown["indexed_vectors_count"]) == (3, 0)
    assert shown["segments_count"] >= 1
    assert shown["config"]["params"]["vectors"]["b"]["size"] == 2
    assert shown.get("vectors_count") == (5 if client.era == "1.7" else None)
    assert (shown.get("update_queue") is None) == (client.era == "1.7")


def test_strict_clients_read_the_info_of_a_collection_that_uses_everything(
    http: Http, client_process: tuple[Client, Process]
) -> None:
    client, process = client_process
    http.ask(
        "PUT",
        "/collections/all",
        {
            "vectors": {
                "plain": {"size": 4, "distance": "Euclid" if client.version.startswith("1.6.") else "Manhattan"},
                "rows": {"size": 4, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}},
                "half": {"size": 4, "distance": "Dot", "datatype": "float16", "on_disk": True},
            },
            "hnsw_config": {"payload_m": 8},
            "quantization_config": {"binary": {"always_ram": True}},
            "strict_mode_config": {"enabled": True, "max_query_limit": 100},
            "metadata": {"owner": "tests"},
        },
    )

    shown = process.run("info", "all")

    assert shown["config"]["params"]["vectors"]["half"]["on_disk"] is True
    assert shown["config"]["quantization_config"]["binary"]["always_ram"] is True


def test_a_small_collection_is_green_with_nothing_in_the_index(two_vectors: Http) -> None:
    shown = two_vectors.run("info", "c")

    assert (shown["status"], shown["indexed_vectors_count"]) == ("green", 0)
