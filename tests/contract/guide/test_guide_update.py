"""The guide's "Update collection parameters": every example and every sentence that claims something."""

import pytest

from tests.contract.guide.http_examples import ON_DISK_NAMED, ON_DISK_UNNAMED, HttpExample
from tests.contract.guide.speakers import Http, Refused, Speaker, awaited

DIM = 64


def config_of(http: Http, name: str) -> dict:
    return http.ask("GET", f"/collections/{name}")["config"]


def without_last_comma(body: str) -> str:
    head, comma, tail = body.rpartition(",")
    assert comma
    assert tail.strip() == "}"
    return head + tail


def load(http: Http, name: str, count: int) -> None:
    points = [
        {"id": n, "vector": [float((n * (place + 3)) % 97) - 48 for place in range(DIM)]} for n in range(1, count + 1)
    ]
    http.ask("PUT", f"/collections/{name}/points?wait=true", {"points": points})


def test_the_indexing_threshold_is_changed(http: Http, speaker: Speaker) -> None:
    http.ask("PUT", "/collections/c", {"vectors": {"size": 2, "distance": "Dot"}})

    assert speaker.run("lower_indexing_threshold", "c") is True

    assert config_of(http, "c")["optimizer_config"]["indexing_threshold"] == 10000


def test_indexing_is_off_during_the_upload_and_builds_the_graph_right_after_it_is_enabled(http: Http) -> None:
    http.ask(
        "PUT",
        "/collections/c",
        {"vectors": {"size": DIM, "distance": "Euclid"}, "optimizers_config": {"indexing_threshold": 0}},
    )
    load(http, "c", 1000)
    loaded = http.ask("GET", "/collections/c")
    assert (loaded["status"], loaded["indexed_vectors_count"]) == ("green", 0)

    http.ask("PATCH", "/collections/c", {"optimizers_config": {"indexing_threshold": 100}})

    assert http.ask("GET", "/collections/c")["status"] == "yellow"
    indexed = awaited(http, "c", lambda info: info["status"] == "green")
    assert indexed["indexed_vectors_count"] == 1000


def test_hnsw_and_quantization_are_updated_for_the_collection_and_one_vector(http: Http, speaker: Speaker) -> None:
    vector = {"size": 4, "distance": "Dot"}
    http.ask("PUT", "/collections/c", {"vectors": {"my_vector": vector, "other": vector}})

    assert speaker.run("update_vector_parameters", "c") is True

    config = config_of(http, "c")
    assert config["params"]["vectors"] == {
        "my_vector": {
            **vector,
            "hnsw_config": {"m": 32, "ef_construct": 123},
            "quantization_config": {"product": {"compression": "x32", "always_ram": True}},
            "on_disk": True,
        },
        "other": vector,
    }
    assert (config["hnsw_config"]["ef_construct"], config["hnsw_config"]["m"]) == (123, 16)
    assert config["quantization_config"]["scalar"]["quantile"] == 0.8


@pytest.mark.parametrize(
    ("vectors", "body"),
    [
        ({"size": 4, "distance": "Dot"}, ON_DISK_UNNAMED),
        ({"my_vector": {"size": 4, "distance": "Dot"}}, ON_DISK_NAMED),
    ],
    ids=["unnamed", "named"],
)
def test_vectors_are_put_on_disk_by_name_and_a_trailing_comma_is_no_json(http: Http, vectors: dict, body: str) -> None:
    http.ask("PUT", "/collections/c", {"vectors": vectors})

    with pytest.raises(Refused) as refused:
        http.send(HttpExample("PATCH", "/collections/c", body))
    assert http.send(HttpExample("PATCH", "/collections/c", without_last_comma(body))) is True

    assert refused.value.status == 400
    assert "Format error in JSON body" in refused.value.text
    shown = config_of(http, "c")["params"]["vectors"]
    assert shown.get("my_vector", shown)["on_disk"] is True


def test_a_vector_that_the_collection_does_not_have_is_refused(http: Http) -> None:
    http.ask("PUT", "/collections/c", {"vectors": {"size": 4, "distance": "Dot"}})

    with pytest.raises(Refused) as refused:
        http.ask("PATCH", "/collections/c", {"vectors": {"my_vector": {"on_disk": True}}})

    assert refused.value.status == 400
    assert "Not existing vector name error: my_vector" in refused.value.text


def test_params_of_the_collection_are_updated(http: Http) -> None:
    http.ask("PUT", "/collections/c", {"vectors": {"size": 4, "distance": "Dot"}})

    http.ask("PATCH", "/collections/c", {"params": {"write_consistency_factor": 2, "on_disk_payload": False}})

    params = config_of(http, "c")["params"]
    assert (params["write_consistency_factor"], params["on_disk_payload"]) == (2, False)


def test_segments_are_rebuilt_in_the_background_to_match_updated_parameters(http: Http) -> None:
    http.ask(
        "PUT",
        "/collections/c",
        {"vectors": {"size": DIM, "distance": "Euclid"}, "optimizers_config": {"indexing_threshold": 100}},
    )
    load(http, "c", 1000)
    awaited(http, "c", lambda info: info["indexed_vectors_count"] == 1000 and info["status"] == "green")

    http.ask("PATCH", "/collections/c", {"hnsw_config": {"m": 32}})

    assert http.ask("GET", "/collections/c")["status"] == "yellow"
    rebuilt = awaited(http, "c", lambda info: info["status"] == "green")
    assert rebuilt["indexed_vectors_count"] == 1000
    finished = http.ask("GET", "/collections/c/optimizations?with=completed")["completed"]
    assert len(finished) == 2
