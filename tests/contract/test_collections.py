"""Collections through the official client: create, info, change, list, delete, and the errors that it raises."""

from typing import Any

import pytest
from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse

from tests.contract.samples import DIM, points

ONE = models.VectorParams(size=DIM, distance=models.Distance.COSINE)


def test_info_shows_what_was_asked_for_and_defaults(client: Any) -> None:
    client.create_collection(
        "c",
        vectors_config=ONE,
        hnsw_config=models.HnswConfigDiff(m=24),
        optimizers_config=models.OptimizersConfigDiff(indexing_threshold=77),
    )
    client.upsert("c", points(count=10), wait=True)

    info = client.get_collection("c")

    assert info.status == models.CollectionStatus.GREEN
    assert info.optimizer_status == models.OptimizersStatusOneOf.OK
    assert (info.points_count, info.indexed_vectors_count) == (10, 0)
    assert info.segments_count >= 1
    assert info.config.params.vectors == ONE
    assert (info.config.hnsw_config.m, info.config.hnsw_config.ef_construct) == (24, 100)
    assert info.config.optimizer_config.indexing_threshold == 77
    assert info.update_queue.length == 0


def test_config_changes_in_place(client: Any) -> None:
    client.create_collection("c", vectors_config=ONE)

    client.update_collection("c", optimizers_config=models.OptimizersConfigDiff(indexing_threshold=5))
    client.update_collection("c", hnsw_config=models.HnswConfigDiff(ef_construct=40))

    config = client.get_collection("c").config
    assert (config.optimizer_config.indexing_threshold, config.hnsw_config.ef_construct) == (5, 40)
    assert client.upsert("c", points(count=3), wait=True).status == models.UpdateStatus.COMPLETED


def test_collections_are_listed_and_deleted(client: Any) -> None:
    for name in ("b", "a", "ünïcode name"):
        client.create_collection(name, vectors_config=ONE)

    assert [each.name for each in client.get_collections().collections] == ["a", "b", "ünïcode name"]
    assert client.collection_exists("ünïcode name")
    assert client.delete_collection("ünïcode name")
    assert not client.collection_exists("ünïcode name")


def test_deleted_and_created_again_is_empty(client: Any) -> None:
    client.create_collection("c", vectors_config=ONE)
    client.upsert("c", points(), wait=True)

    client.delete_collection("c")
    client.create_collection("c", vectors_config=models.VectorParams(size=2, distance=models.Distance.DOT))

    assert client.count("c").count == 0
    client.upsert("c", [models.PointStruct(id=1, vector=[1, 2])], wait=True)
    assert client.retrieve("c", [1], with_vectors=True)[0].vector == [1.0, 2.0]


@pytest.mark.parametrize(
    ("status", "call"),
    [
        (404, lambda client: client.get_collection("none")),
        (404, lambda client: client.count("none")),
        (409, lambda client: client.create_collection("c", vectors_config=ONE)),
        (400, lambda client: client.upsert("c", [models.PointStruct(id=1, vector=[1.0])], wait=True)),
        (400, lambda client: client.query_points("c", [1.0] * DIM, using="no")),
        (404, lambda client: client.query_points("c", 12345)),
        (404, lambda client: client.set_payload("c", {"a": 1}, points=[12345], wait=True)),
        (422, lambda client: client.query_points("c", [1.0] * DIM, limit=0)),
    ],
)
def test_errors_have_the_reference_s_status(client: Any, status: int, call: Any) -> None:
    client.create_collection("c", vectors_config=ONE)

    with pytest.raises(UnexpectedResponse) as caught:
        call(client)

    assert caught.value.status_code == status


def test_several_shards_answer_as_one(client: Any) -> None:
    client.create_collection("one", vectors_config=ONE)
    client.create_collection("many", vectors_config=ONE, shard_number=3)
    for name in ("one", "many"):
        client.upsert(name, points(), wait=True)

    found = [
        client.query_points(name, points()[0].vector, limit=20, with_payload=True).points for name in ("one", "many")
    ]
    pages = [client.scroll(name, limit=30) for name in ("one", "many")]

    assert [(hit.id, hit.score, hit.payload) for hit in found[0]] == [
        (hit.id, hit.score, hit.payload) for hit in found[1]
    ]
    assert pages[0] == pages[1]
