"""The guide's "Create a collection" and "Delete collection": every example and every sentence that claims something."""

import math
from typing import Any

import pytest

from tests.contract.guide.clients import Client
from tests.contract.guide.conftest import SPEAKERS, Started, name_of
from tests.contract.guide.speakers import Http, Refused, Speaker, awaited

HAVE_INIT_FROM = [each for each in SPEAKERS if each is None or each.era == "1.7"]
"""The newest clients have dropped it: there it is sent as plain HTTP."""


def params_of(http: Http, name: str) -> Any:
    return http.ask("GET", f"/collections/{name}")["config"]["params"]


def upsert(http: Http, name: str, *points: dict[str, Any]) -> None:
    http.ask("PUT", f"/collections/{name}/points?wait=true", {"points": list(points)})


def stored(http: Http, name: str, point_id: int) -> Any:
    return http.ask("GET", f"/collections/{name}/points/{point_id}")["vector"]


def test_a_collection_is_created_with_a_size_and_a_distance(http: Http, speaker: Speaker) -> None:
    assert speaker.run("create", "star_charts") is True

    printed = 300 if speaker is http else 100
    assert params_of(http, "star_charts")["vectors"] == {"size": printed, "distance": "Cosine"}
    assert http.ask("GET", "/collections/star_charts")["status"] == "green"


def test_a_taken_name_is_refused_with_409(http: Http, speaker: Speaker) -> None:
    speaker.run("create", "star_charts")

    with pytest.raises(Refused) as refused:
        speaker.run("create", "star_charts")

    assert refused.value.status == 409
    assert "Wrong input: Collection `star_charts` already exists!" in refused.value.text


def test_each_named_vector_has_its_distance_and_size(http: Http, speaker: Speaker) -> None:
    assert speaker.run("create_with_two_vectors", "photos") is True

    assert params_of(http, "photos")["vectors"] == {
        "image": {"size": 4, "distance": "Dot"},
        "text": {"size": 8, "distance": "Cosine"},
    }


def test_one_record_holds_multiple_vectors_told_apart_by_name(http: Http) -> None:
    http.run("create_with_two_vectors", "photos")

    upsert(http, "photos", {"id": 1, "vector": {"image": [1, 2, 3, 4], "text": [0, 0, 0, 0, 0, 0, 3, 4]}})
    upsert(http, "photos", {"id": 2, "vector": {"image": [4, 3, 2, 1]}})

    assert stored(http, "photos", 1)["image"] == [1.0, 2.0, 3.0, 4.0]
    hits = http.ask(
        "POST", "/collections/photos/points/search", {"vector": {"name": "image", "vector": [1, 0, 0, 0]}, "limit": 2}
    )
    assert [(hit["id"], hit["score"]) for hit in hits] == [(2, 4.0), (1, 1.0)]


def test_vectors_are_automatically_normalised_under_cosine(http: Http) -> None:
    http.ask("PUT", "/collections/c", {"vectors": {"size": 2, "distance": "Cosine"}})

    upsert(http, "c", {"id": 1, "vector": [3, 4]})

    assert stored(http, "c", 1) == pytest.approx([0.6, 0.8], abs=1e-6)


@pytest.mark.parametrize(
    ("distance", "score"), [("Dot", 11.0), ("Cosine", 11 / math.sqrt(5 * 25)), ("Euclid", math.sqrt(8))]
)
def test_the_metrics_of_the_guide_measure_what_they_say(http: Http, distance: str, score: float) -> None:
    http.ask("PUT", "/collections/c", {"vectors": {"size": 2, "distance": distance}})
    upsert(http, "c", {"id": 1, "vector": [3, 4]})

    (hit,) = http.ask("POST", "/collections/c/points/search", {"vector": [1, 2], "limit": 1})

    assert hit["score"] == pytest.approx(score, rel=1e-6)


def test_vectors_of_one_collection_have_one_dimensionality(http: Http) -> None:
    http.ask("PUT", "/collections/c", {"vectors": {"size": 2, "distance": "Dot"}})

    with pytest.raises(Refused) as refused:
        upsert(http, "c", {"id": 1, "vector": [1, 2, 3]})

    assert refused.value.status == 400
    assert "Vector dimension error: expected dim: 2, got 3" in refused.value.text


def test_a_collection_can_be_created_without_any_vector_storage(http: Http) -> None:
    http.ask("PUT", "/collections/notes", {"vectors": {}})

    upsert(http, "notes", {"id": 1, "vector": {}, "payload": {"text": "plain"}})

    assert http.ask("POST", "/collections/notes/points/count", {}) == {"count": 1}
    assert http.ask("GET", "/collections/notes/points/1")["payload"] == {"text": "plain"}


def test_every_optional_parameter_of_the_guide_is_kept(http: Http) -> None:
    given = {
        "vectors": {"size": 4, "distance": "Dot"},
        "hnsw_config": {"m": 24},
        "wal_config": {"wal_capacity_mb": 8},
        "optimizers_config": {"deleted_threshold": 0.5},
        "shard_number": 2,
        "on_disk_payload": True,
        "quantization_config": {"scalar": {"type": "int8"}},
    }

    http.ask("PUT", "/collections/c", given)

    config = http.ask("GET", "/collections/c")["config"]
    assert config["hnsw_config"]["m"] == 24
    assert config["wal_config"]["wal_capacity_mb"] == 8
    assert config["optimizer_config"]["deleted_threshold"] == 0.5
    assert config["params"]["shard_number"] == 2
    assert config["params"]["on_disk_payload"] is True
    assert config["quantization_config"] == {"scalar": {"type": "int8"}}


def test_each_named_vector_may_deviate_from_the_collection(http: Http) -> None:
    deviating = {
        "size": 4,
        "distance": "Dot",
        "hnsw_config": {"m": 8},
        "quantization_config": {"binary": {"always_ram": True}},
        "on_disk": True,
    }

    http.ask("PUT", "/collections/c", {"vectors": {"a": deviating, "b": {"size": 4, "distance": "Dot"}}})

    assert params_of(http, "c")["vectors"] == {"a": deviating, "b": {"size": 4, "distance": "Dot"}}


@pytest.mark.parametrize("client", HAVE_INIT_FROM, ids=name_of)
def test_a_collection_is_initialised_from_another_one(http: Http, started: Started, client: Client | None) -> None:
    speaker = http if client is None else started.of(client)
    http.ask("PUT", "/collections/old", {"vectors": {"size": 100, "distance": "Cosine"}})
    upsert(http, "old", *({"id": n, "vector": [1] * n + [0] * (100 - n), "payload": {"n": n}} for n in range(1, 21)))

    assert speaker.run("create_from", "new", "old") is True

    awaited(http, "new", lambda info: info["status"] == "green" and info["points_count"] == 20)
    assert stored(http, "new", 7) == stored(http, "old", 7)
    assert http.ask("GET", "/collections/new/points/7")["payload"] == {"n": 7}


@pytest.mark.parametrize("other", [{"size": 99, "distance": "Cosine"}, {"size": 100, "distance": "Dot"}])
def test_vectors_must_have_the_same_size_and_distance_as_those_that_they_come_from(
    http: Http, other: dict[str, Any]
) -> None:
    http.ask("PUT", "/collections/old", {"vectors": other})

    with pytest.raises(Refused) as refused:
        http.run("create_from", "new", "old")

    assert refused.value.status == 400
    assert http.ask("GET", "/collections/new/exists") == {"exists": False}


def test_a_deleted_collection_is_gone(http: Http, speaker: Speaker) -> None:
    http.ask("PUT", "/collections/c", {"vectors": {"size": 2, "distance": "Dot"}})

    assert speaker.run("delete", "c") is True

    assert http.ask("GET", "/collections/c/exists") == {"exists": False}
    assert speaker.run("all_collections") == {"collections": []}
