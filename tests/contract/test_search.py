"""Searching: the official client against Shoal and against its local mode, for all distances and filters."""

from collections.abc import Callable
from typing import Any

import httpx
import pytest
from qdrant_client import models

from tests.contract.answers import assert_same, plain
from tests.contract.conftest import Clients
from tests.contract.samples import DIM, FILTERS, point_id, points, vector

DISTANCES = [models.Distance.COSINE, models.Distance.DOT, models.Distance.EUCLID, models.Distance.MANHATTAN]
QUERY = vector(4242)


def same(clients: Clients, body: Callable[[Any], Any]) -> Any:
    """Run a body on both engines; assert that their answers are the same; return Shoal's."""
    found, expected = plain(body(clients.shoal)), plain(body(clients.local))
    assert_same(found, expected)
    return found


def fill(clients: Clients, distance: models.Distance) -> None:
    for client in clients:
        client.create_collection("c", vectors_config=models.VectorParams(size=DIM, distance=distance))
        client.upsert("c", points(), wait=True)


@pytest.mark.parametrize("distance", DISTANCES)
def test_nearest_points_and_scores_agree(clients: Clients, distance: models.Distance) -> None:
    fill(clients, distance)

    found = same(
        clients, lambda client: client.query_points("c", QUERY, limit=15, with_payload=True, with_vectors=True)
    )

    assert len(found) == 15


@pytest.mark.parametrize("name", FILTERS)
def test_filtered_search_agrees(clients: Clients, name: str) -> None:
    fill(clients, models.Distance.COSINE)

    same(clients, lambda client: client.query_points("c", QUERY, query_filter=FILTERS[name], limit=20))


@pytest.mark.parametrize("distance", DISTANCES)
def test_threshold_and_offset_agree(clients: Clients, distance: models.Distance) -> None:
    fill(clients, distance)
    scores = [hit["score"] for hit in plain(clients.local.query_points("c", QUERY, limit=12))]
    threshold = (scores[7] + scores[8]) / 2

    def body(client: Any) -> Any:
        return client.query_points("c", QUERY, limit=10, offset=3, score_threshold=threshold)

    assert len(same(clients, body)) == 5


@pytest.mark.parametrize("distance", DISTANCES)
def test_query_by_id_agrees_and_leaves_the_point_out(clients: Clients, distance: models.Distance) -> None:
    fill(clients, distance)

    for wanted in (point_id(3), point_id(4)):
        found = same(clients, lambda client, wanted=wanted: client.query_points("c", wanted, limit=9))
        assert wanted not in [hit["id"] for hit in found]


def test_batches_answer_in_order(clients: Clients) -> None:
    fill(clients, models.Distance.DOT)
    requests = [
        models.QueryRequest(query=vector(seed), limit=3, filter=FILTERS[name], with_payload=["n"])
        for seed, name in ((1, "none"), (2, "range"), (3, "nothing"))
    ]

    same(clients, lambda client: client.query_batch_points("c", requests))


@pytest.mark.filterwarnings("ignore:Local mode performs exact")
def test_exact_and_approximate_search_agree_on_small_data(clients: Clients) -> None:
    fill(clients, models.Distance.EUCLID)
    params = models.SearchParams(exact=True, hnsw_ef=64)

    same(clients, lambda client: client.query_points("c", QUERY, limit=10, search_params=params))


def test_named_vectors_are_searched_by_name(clients: Clients) -> None:
    config = {
        "a": models.VectorParams(size=3, distance=models.Distance.MANHATTAN),
        "b": models.VectorParams(size=2, distance=models.Distance.COSINE),
    }
    given = [
        models.PointStruct(id=place, vector={"a": vector(place, 3)} | ({"b": vector(-place, 2)} if place % 2 else {}))
        for place in range(1, 30)
    ]
    for client in clients:
        client.create_collection("c", vectors_config=config)
        client.upsert("c", given, wait=True)

    same(clients, lambda client: client.query_points("c", vector(5, 3), using="a", limit=8, with_vectors=["a"]))
    assert len(same(clients, lambda client: client.query_points("c", vector(5, 2), using="b", limit=50))) == 15


def test_absent_query_lists_points_by_id(clients: Clients) -> None:
    fill(clients, models.Distance.DOT)

    found = clients.shoal.query_points("c", limit=5, offset=2, with_payload=False).points
    listed, _ = clients.local.scroll("c", limit=7)

    assert [hit.id for hit in found] == [record.id for record in listed[2:]]
    assert {hit.score for hit in found} == {1.0}


def test_old_search_route_gives_what_the_query_gives(client: Any, shoal_url: str) -> None:
    client.create_collection("c", vectors_config={"v": models.VectorParams(size=DIM, distance=models.Distance.COSINE)})
    given = [models.PointStruct(id=point.id, vector={"v": point.vector}, payload=point.payload) for point in points()]
    client.upsert("c", given, wait=True)
    body = {"vector": {"name": "v", "vector": QUERY}, "limit": 5, "with_payload": True}

    old = httpx.post(f"{shoal_url}/collections/c/points/search", json=body, trust_env=False).json()["result"]

    new = client.query_points("c", QUERY, using="v", limit=5, with_payload=True).points
    assert [(hit["id"], hit["payload"]) for hit in old] == [(hit.id, hit.payload) for hit in new]
    assert [hit["score"] for hit in old] == pytest.approx([hit.score for hit in new])
