"""Sparse vectors, multivectors and datatypes: the official client against Shoal and against its local mode."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pytest
from qdrant_client import models

from tests.contract.answers import assert_same, plain
from tests.contract.conftest import Clients

COUNT = 60
DIM = 6
DISTANCES = [models.Distance.COSINE, models.Distance.DOT, models.Distance.EUCLID, models.Distance.MANHATTAN]


def same(clients: Clients, body: Callable[[Any], Any]) -> Any:
    """Run a body on both engines; assert that their answers are the same; return Shoal's."""
    found, expected = plain(body(clients.shoal)), plain(body(clients.local))
    assert_same(found, expected)
    return found


def sparse(seed: int, length: int = 8) -> models.SparseVector:
    draw = np.random.default_rng(seed)
    indices = draw.choice(40, length, replace=False)
    return models.SparseVector(
        indices=indices.tolist(), values=draw.uniform(0.1, 2.0, length).astype(np.float32).tolist()
    )


def rows(seed: int, count: int = 3) -> list[list[float]]:
    return np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32).tolist()


def payload(place: int) -> dict[str, Any]:
    return {"n": place, "group": "even" if place % 2 == 0 else "odd"}


EVEN = models.Filter(must=[models.FieldCondition(key="group", match=models.MatchValue(value="even"))])


def fill_sparse(clients: Clients, modifier: models.Modifier | None = None) -> None:
    """Points of which some lack the sparse vector and some were deleted."""
    given = [
        models.PointStruct(
            id=place, vector={"s": sparse(place, 2 + place % 9)} if place % 7 else {}, payload=payload(place)
        )
        for place in range(1, COUNT)
    ]
    for client in clients:
        client.create_collection("c", sparse_vectors_config={"s": models.SparseVectorParams(modifier=modifier)})
        client.upsert("c", given, wait=True)
        client.delete("c", [5, 6, 10], wait=True)


def fill_multi(clients: Clients, distance: models.Distance) -> None:
    params = models.VectorParams(
        size=DIM,
        distance=distance,
        multivector_config=models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM),
    )
    given = [
        models.PointStruct(id=place, vector={"m": rows(place, 1 + place % 4)}, payload=payload(place))
        for place in range(1, COUNT)
    ]
    for client in clients:
        client.create_collection("c", vectors_config={"m": params})
        client.upsert("c", given, wait=True)


def test_sparse_points_rank_by_the_product_over_shared_indices(clients: Clients) -> None:
    fill_sparse(clients)

    found = same(
        clients,
        lambda client: client.query_points(
            "c", sparse(99), using="s", limit=COUNT, with_payload=True, with_vectors=True
        ),
    )
    same(clients, lambda client: client.query_points("c", sparse(98), using="s", limit=7, offset=2, query_filter=EVEN))

    assert 0 < len(found) < COUNT


def test_sparse_threshold_and_query_by_id_agree(clients: Clients) -> None:
    fill_sparse(clients)
    scores = [hit["score"] for hit in plain(clients.local.query_points("c", sparse(99), using="s", limit=10))]
    threshold = (scores[4] + scores[5]) / 2

    bounded = same(
        clients,
        lambda client: client.query_points("c", sparse(99), using="s", limit=20, score_threshold=threshold),
    )
    by_id = same(clients, lambda client: client.query_points("c", 3, using="s", limit=9))

    assert len(bounded) == 5
    assert 3 not in [hit["id"] for hit in by_id]


def test_rare_indices_weigh_more_under_idf(clients: Clients) -> None:
    fill_sparse(clients, models.Modifier.IDF)

    found = same(clients, lambda client: client.query_points("c", sparse(99), using="s", limit=COUNT))
    filtered = same(
        clients, lambda client: client.query_points("c", sparse(99), using="s", limit=COUNT, query_filter=EVEN)
    )
    same(clients, lambda client: client.query_points("c", 8, using="s", limit=COUNT))

    scores = {hit["id"]: hit["score"] for hit in found}
    assert filtered
    assert all(scores[hit["id"]] == pytest.approx(hit["score"]) for hit in filtered), "a filter is no corpus"


def test_idf_is_counted_over_the_corpus_that_a_request_names(clients: Clients) -> None:
    fill_sparse(clients, models.Modifier.IDF)
    wide = models.SearchParams(idf=models.IdfScope.GLOBAL)
    narrow = models.SearchParams(idf=models.IdfCorpusParams(corpus=EVEN))

    found = [
        same(
            clients,
            lambda client, params=params: client.query_points(
                "c", sparse(99), using="s", limit=COUNT, search_params=params
            ),
        )
        for params in (wide, narrow)
    ]

    assert [hit["score"] for hit in found[0]] != [hit["score"] for hit in found[1]]


def test_shards_rank_by_the_frequencies_of_all_of_them(clients: Clients) -> None:
    given = [models.PointStruct(id=place, vector={"s": sparse(place, 2 + place % 9)}) for place in range(1, COUNT)]
    params = {"s": models.SparseVectorParams(modifier=models.Modifier.IDF)}
    for client, shards in zip(clients, (3, 1), strict=True):
        client.create_collection("c", sparse_vectors_config=params, shard_number=shards)
        client.upsert("c", given, wait=True)

    found = same(clients, lambda client: client.query_points("c", sparse(99), using="s", limit=COUNT))

    assert len(found) > 10


@pytest.mark.parametrize("distance", DISTANCES)
def test_multivectors_rank_by_the_sum_of_best_matches(clients: Clients, distance: models.Distance) -> None:
    fill_multi(clients, distance)

    same(
        clients,
        lambda client: client.query_points("c", rows(99, 2), using="m", limit=20, with_payload=True, with_vectors=True),
    )
    same(clients, lambda client: client.query_points("c", rows(98, 5), using="m", limit=9, query_filter=EVEN))


def test_one_dense_vector_asks_a_multivector_slot_as_its_only_row(clients: Clients) -> None:
    fill_multi(clients, models.Distance.DOT)

    found = clients.shoal.query_points("c", rows(97, 1)[0], using="m", limit=9)

    assert plain(found) == same(clients, lambda client: client.query_points("c", rows(97, 1), using="m", limit=9))


@pytest.mark.parametrize("distance", DISTANCES)
def test_multivector_threshold_offset_and_query_by_id_agree(clients: Clients, distance: models.Distance) -> None:
    fill_multi(clients, distance)
    scores = [hit["score"] for hit in plain(clients.local.query_points("c", rows(99), using="m", limit=10))]
    threshold = (scores[6] + scores[7]) / 2

    bounded = same(
        clients,
        lambda client: client.query_points("c", rows(99), using="m", limit=20, offset=2, score_threshold=threshold),
    )
    by_id = same(clients, lambda client: client.query_points("c", 11, using="m", limit=9))

    assert len(bounded) == 5
    assert 11 not in [hit["id"] for hit in by_id]


def test_dense_sparse_and_multivectors_live_in_one_point(clients: Clients) -> None:
    given = [
        models.PointStruct(
            id=place,
            vector={"d": rows(place, 1)[0]}
            | ({"s": sparse(place)} if place % 2 else {})
            | ({"m": rows(place, 2)} if place % 3 else {}),
        )
        for place in range(1, COUNT)
    ]
    for client in clients:
        client.create_collection(
            "c",
            vectors_config={
                "d": models.VectorParams(size=DIM, distance=models.Distance.COSINE),
                "m": models.VectorParams(
                    size=DIM,
                    distance=models.Distance.DOT,
                    multivector_config=models.MultiVectorConfig(comparator=models.MultiVectorComparator.MAX_SIM),
                ),
            },
            sparse_vectors_config={"s": models.SparseVectorParams()},
        )
        client.upsert("c", given, wait=True)

    requests = [
        models.QueryRequest(query=rows(99, 1)[0], using="d", limit=9, with_vector=True),
        models.QueryRequest(query=sparse(99), using="s", limit=COUNT, with_vector=["m", "s"]),
        models.QueryRequest(query=rows(99, 2), using="m", limit=COUNT, with_vector=["d"]),
    ]
    found = [plain(each) for each in clients.shoal.query_batch_points("c", requests)]
    expected = [plain(each) for each in clients.local.query_batch_points("c", requests)]

    assert_same(found, expected)
    same(clients, lambda client: client.retrieve("c", [1, 2, 3, 6], with_vectors=True))
    same(clients, lambda client: client.scroll("c", limit=COUNT, with_vectors=["s"])[0])


@pytest.mark.parametrize("distance", DISTANCES)
def test_float16_vectors_score_like_float32_ones_to_their_precision(
    clients: Clients, distance: models.Distance
) -> None:
    given = [models.PointStruct(id=place, vector=rows(place, 1)[0]) for place in range(1, COUNT)]
    for client in clients:
        params = models.VectorParams(size=DIM, distance=distance, datatype=models.Datatype.FLOAT16)
        client.create_collection("c", vectors_config=params)
        client.upsert("c", given, wait=True)

    found, expected = (
        plain(client.query_points("c", rows(99, 1)[0], limit=COUNT, with_vectors=True)) for client in clients
    )

    scores = {hit["id"]: hit["score"] for hit in expected}
    assert [hit["score"] for hit in found] == pytest.approx([scores[hit["id"]] for hit in found], abs=6e-3)
    stored = np.array([hit["vector"] for hit in found], np.float32)
    assert (stored == stored.astype(np.float16)).all()


@pytest.mark.parametrize("distance", DISTANCES)
def test_whole_numbers_in_uint8_vectors_score_exactly(clients: Clients, distance: models.Distance) -> None:
    draw = np.random.default_rng(4)
    given = [
        models.PointStruct(id=place, vector=draw.integers(0, 256, DIM).astype(float).tolist())
        for place in range(1, COUNT)
    ]
    query = draw.integers(0, 256, DIM).astype(float).tolist()
    for client in clients:
        params = models.VectorParams(size=DIM, distance=distance, datatype=models.Datatype.UINT8)
        client.create_collection("c", vectors_config=params)
        client.upsert("c", given, wait=True)

    found, expected = (plain(client.query_points("c", query, limit=COUNT)) for client in clients)
    stored = clients.shoal.retrieve("c", [1], with_vectors=True)

    scores = {hit["id"]: hit["score"] for hit in expected}
    assert len(found) == COUNT - 1
    assert [hit["score"] for hit in found] == pytest.approx([scores[hit["id"]] for hit in found])
    assert [hit["score"] for hit in found] == pytest.approx([hit["score"] for hit in expected])
    assert stored[0].vector == given[0].vector
