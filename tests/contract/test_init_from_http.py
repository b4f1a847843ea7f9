"""`init_from` over REST. Today's clients have dropped it, so it is sent as plain HTTP; they read what came of it."""

import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest
from qdrant_client import models

AGENT = {"User-Agent": "curl/8"}
"""httpx by its own name gets the shape of clients of 1.7."""
SIZE = {"size": 4, "distance": "Dot"}


class Http:
    """Plain requests to the server that a client speaks to."""

    def __init__(self, client: httpx.Client) -> None:
        self._http = client

    def send(self, method: str, path: str, body: object = None) -> tuple[int, Any]:
        answer = self._http.request(method, path, json=body)
        return answer.status_code, answer.json()

    def ok(self, method: str, path: str, body: object = None) -> Any:
        status, answer = self.send(method, path, body)
        assert status == 200, answer
        return answer["result"]

    def settled(self, name: str) -> dict[str, Any]:
        """Wait until a collection's points are taken over; return its info."""
        until = time.monotonic() + 20
        while (info := self.ok("GET", f"/collections/{name}"))["init_from"]["status"] != "done":
            assert info["status"] == "yellow", info
            assert info["warnings"], info
            assert time.monotonic() < until, info
        return dict(info)


@pytest.fixture
def http(shoal_url: str) -> Iterator[Http]:
    with httpx.Client(base_url=shoal_url, trust_env=False, timeout=30, headers=AGENT) as client:
        yield Http(client)


def fill(client: Any, name: str = "source", count: int = 50) -> None:
    client.create_collection(name, models.VectorParams(size=4, distance=models.Distance.DOT))
    points = [models.PointStruct(id=one, vector=[one, 1, 0, -1], payload={"n": one}) for one in range(1, count + 1)]
    client.upsert(name, points, wait=True)


def test_a_collection_begins_with_the_points_of_another(client: Any, http: Http) -> None:
    fill(client)

    assert http.ok("PUT", "/collections/copy", {"vectors": SIZE, "init_from": {"collection": "source"}}) is True
    client.upsert("source", [models.PointStruct(id=99, vector=[9, 9, 9, 9])], wait=True)
    info = http.settled("copy")

    assert info["points_count"] == 50
    assert info["init_from"]["collection"] == "source"
    assert info["init_from"]["positions"] == [1]
    assert client.get_collection("copy").status == "green"
    found = client.query_points("copy", [1, 0, 0, 0], limit=3, with_payload=True).points
    assert [(point.id, point.payload) for point in found] == [(50, {"n": 50}), (49, {"n": 49}), (48, {"n": 48})]


def test_every_other_setting_may_differ_and_the_copy_goes_its_own_way(client: Any, http: Http) -> None:
    fill(client)
    body = {
        "vectors": {**SIZE, "on_disk": True, "hnsw_config": {"m": 8}},
        "shard_number": 3,
        "hnsw_config": {"m": 0},
        "init_from": {"collection": "source"},
    }

    http.ok("PUT", "/collections/copy", body)
    http.settled("copy")
    client.delete("copy", [1, 2], wait=True)
    client.upsert("copy", [models.PointStruct(id=77, vector=[1, 1, 1, 1])], wait=True)

    assert (client.count("copy").count, client.count("source").count) == (49, 50)


def test_the_source_may_be_an_alias_and_may_be_deleted_at_once(client: Any, http: Http) -> None:
    fill(client)
    client.update_collection_aliases(
        [
            models.CreateAliasOperation(
                create_alias=models.CreateAlias(collection_name="source", alias_name="production")
            )
        ]
    )

    http.ok("PUT", "/collections/copy", {"vectors": SIZE, "init_from": {"collection": "production"}})
    client.delete_collection("source")
    http.settled("copy")

    assert client.count("copy").count == 50


@pytest.mark.parametrize(
    ("vectors", "text"),
    [
        ({"size": 8, "distance": "Dot"}, "the unnamed vector: expected size 4, got 8"),
        ({"size": 4, "distance": "Cosine"}, "the unnamed vector: expected distance Dot, got Cosine"),
        ({"image": SIZE}, "the unnamed vector: it is missing here"),
        ({**SIZE, "multivector_config": {"comparator": "max_sim"}}, "expected a dense vector, got a multi one"),
    ],
)
def test_other_sizes_and_distances_are_refused(client: Any, http: Http, vectors: dict[str, Any], text: str) -> None:
    fill(client)

    status, answer = http.send("PUT", "/collections/copy", {"vectors": vectors, "init_from": {"collection": "source"}})

    assert status == 400
    assert text in answer["status"]["error"]
    assert "not compatible with collection `source`" in answer["status"]["error"]
    assert not client.collection_exists("copy")


def test_a_source_that_does_not_exist_is_not_found(client: Any, http: Http) -> None:
    status, answer = http.send("PUT", "/collections/copy", {"vectors": SIZE, "init_from": {"collection": "nothing"}})

    assert (status, answer["status"]["error"]) == (404, "Not found: Collection `nothing` doesn't exist!")
    assert not client.collection_exists("copy")


def test_null_begins_with_nothing_and_a_broken_one_does_not_parse(client: Any, http: Http) -> None:
    assert http.ok("PUT", "/collections/empty", {"vectors": SIZE, "init_from": None}) is True

    status, answer = http.send("PUT", "/collections/copy", {"vectors": SIZE, "init_from": "source"})

    assert status == 400
    assert answer["status"]["error"].startswith("Format error in JSON body")


@pytest.mark.parametrize("shards", [1, 2])
def test_every_kind_of_vector_comes_along(client: Any, http: Http, shards: int) -> None:
    vectors = {
        "text": {"size": 2, "distance": "Cosine"},
        "bytes": {"size": 2, "distance": "Cosine", "datatype": "uint8"},
        "words": {"size": 2, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}},
    }
    body = {"vectors": vectors, "sparse_vectors": {"terms": {}}}
    http.ok("PUT", "/collections/source", body)
    points = [
        {"id": 1, "vector": {"text": [3, 4], "bytes": [7, 200], "words": [[1, 2], [3, 4]]}, "payload": {"a": 1}},
        {"id": 2, "vector": {"words": [[5, 6]], "terms": {"indices": [7, 3], "values": [0.5, 2]}}},
        {"id": 3, "vector": {"terms": {"indices": [], "values": []}}},
        {"id": 4, "vector": {}},
    ]
    http.ok("PUT", "/collections/source/points?wait=true", {"points": points})

    http.ok("PUT", "/collections/copy", {**body, "shard_number": shards, "init_from": {"collection": "source"}})
    http.settled("copy")

    wanted = {"ids": [1, 2, 3, 4], "with_payload": True, "with_vector": True}
    theirs, ours = (http.ok("POST", f"/collections/{name}/points", wanted) for name in ("source", "copy"))
    assert ours == theirs


def test_types_of_elements_may_change_but_not_where_that_loses_the_vector(client: Any, http: Http) -> None:
    http.ok("PUT", "/collections/source", {"vectors": {"size": 2, "distance": "Cosine"}})
    http.ok("PUT", "/collections/source/points?wait=true", {"points": [{"id": 1, "vector": [3, 4]}]})

    half = {"vectors": {"size": 2, "distance": "Cosine", "datatype": "float16"}, "init_from": {"collection": "source"}}
    http.ok("PUT", "/collections/half", half)
    http.settled("half")
    small = {"vectors": {"size": 2, "distance": "Cosine", "datatype": "uint8"}, "init_from": {"collection": "source"}}
    status, answer = http.send("PUT", "/collections/small", small)

    vector = http.ok("POST", "/collections/half/points", {"ids": [1], "with_vector": True})[0]["vector"]
    assert vector == pytest.approx([0.6, 0.8], abs=1e-3)
    assert status == 400
    assert "not supported yet by Shoal" in answer["status"]["error"]


def test_a_built_graph_comes_along(client: Any, http: Http) -> None:
    optimizers = {"indexing_threshold": 10, "default_segment_number": 1}
    vectors = {"size": 16, "distance": "Dot"}
    http.ok("PUT", "/collections/source", {"vectors": vectors, "optimizers_config": optimizers})
    points = [{"id": one, "vector": [(one * place) % 97 for place in range(1, 17)]} for one in range(1, 2001)]
    http.ok("PUT", "/collections/source/points?wait=true", {"points": points})
    until = time.monotonic() + 60
    while (info := http.ok("GET", "/collections/source"))["indexed_vectors_count"] < 2000 or info["status"] != "green":
        assert time.monotonic() < until, info
        time.sleep(0.05)

    body = {"vectors": vectors, "optimizers_config": optimizers, "init_from": {"collection": "source"}}
    http.ok("PUT", "/collections/copy", body)
    info = http.settled("copy")

    assert (info["points_count"], info["indexed_vectors_count"]) == (2000, 2000)
    wanted = {"query": points[4]["vector"], "limit": 10, "with_vector": True}
    theirs, ours = (http.ok("POST", f"/collections/{name}/points/query", wanted) for name in ("source", "copy"))
    assert ours == theirs
