"""Search routes over HTTP: both families, their batches, signs, thresholds and points as queries."""

import pytest

from shared.schema.collections import Distance
from tests.unit.api.api_under_test import Api

UUID = "00000000-0000-0000-0000-000000000003"
P = "/collections/planes/points"


async def test_search_and_query_give_the_same_points_in_their_own_shapes(planes: Api) -> None:
    searched = await planes.ok("POST", f"{P}/search", {"vector": [1, 0.5], "limit": 2, "with_payload": True})
    queried = await planes.ok("POST", f"{P}/query", {"query": [1, 0.5], "limit": 2, "with_payload": True})

    assert queried == {"points": searched}
    assert searched[0] == {"id": 1, "version": 1, "score": 1.0, "payload": {"city": "Ulm", "n": 1}}
    assert searched[1]["score"] == 0.575


async def test_hits_carry_neither_payload_nor_vector_unless_asked(planes: Api) -> None:
    hits = await planes.ok("POST", f"{P}/search", {"vector": [1, 0], "limit": 1})

    assert hits == [{"id": 1, "version": 1, "score": 1.0}]


async def test_batches_are_one_call_to_the_shard_and_may_be_empty(planes: Api) -> None:
    before = len(planes.shards.requests)
    searches = [{"vector": [1, 0], "limit": 1}, {"vector": [0, 1], "limit": 1}]

    found = await planes.ok("POST", f"{P}/search/batch", {"searches": searches})

    assert [hits[0]["id"] for hits in found] == [1, 2]
    assert len(planes.shards.requests) == before + 1
    assert await planes.ok("POST", f"{P}/query/batch", {"searches": []}) == []


async def test_query_by_id_uses_that_points_vector_and_leaves_it_out(planes: Api) -> None:
    found = await planes.ok("POST", f"{P}/query", {"query": 1, "limit": 5})
    nested = await planes.ok("POST", f"{P}/query", {"query": {"nearest": 1}, "filter": {"must": {"has_id": [2, 1]}}})

    assert [hit["id"] for hit in found["points"]] == [UUID, 2]
    assert [hit["id"] for hit in nested["points"]] == [2]


async def test_query_by_a_missing_id_is_404(planes: Api) -> None:
    assert await planes.error("POST", f"{P}/query", {"query": 99}) == (404, "Not found: No point with id 99 found")


async def test_absent_query_lists_points_by_id_with_score_one_and_version_zero(planes: Api) -> None:
    found = await planes.ok("POST", f"{P}/query", {"limit": 1, "offset": 1})

    assert found == {"points": [{"id": 2, "version": 0, "score": 1.0}]}


async def test_offset_skips_the_best(planes: Api) -> None:
    found = await planes.ok("POST", f"{P}/search", {"vector": [1, 0], "limit": 1, "offset": 1})

    assert [hit["id"] for hit in found] == [UUID]


async def test_threshold_keeps_scores_above_it_for_similarities(planes: Api) -> None:
    found = await planes.ok("POST", f"{P}/search", {"vector": [1, 0], "limit": 9, "score_threshold": 0.5})

    assert [hit["id"] for hit in found] == [1]


@pytest.mark.parametrize("distance", [Distance.EUCLID, Distance.MANHATTAN])
async def test_distances_are_shown_positive_and_the_threshold_keeps_the_nearer(api: Api, distance: Distance) -> None:
    api.shards.distances[""] = distance
    await api.ok("PUT", "/collections/d", {"vectors": {"size": 1, "distance": distance.value}})
    points = [{"id": each, "vector": [each]} for each in (1, 2, 3, 4)]
    await api.ok("PUT", "/collections/d/points?wait=true", {"points": points})

    found = await api.ok("POST", "/collections/d/points/search", {"vector": [1], "limit": 9, "score_threshold": 2})

    assert [(hit["id"], hit["score"]) for hit in found] == [(1, 0.0), (2, 1.0)]


async def test_named_vectors_are_reached_by_using_and_by_the_old_form(api: Api) -> None:
    params = {"size": 2, "distance": "Dot"}
    await api.ok("PUT", "/collections/n", {"vectors": {"a": params, "b": {"size": 1, "distance": "Dot"}}})
    points = [{"id": 1, "vector": {"a": [1, 0]}}, {"id": 2, "vector": {"a": [0, 1], "b": [3]}}]
    await api.ok("PUT", "/collections/n/points?wait=true", {"points": points})

    old = await api.ok("POST", "/collections/n/points/search", {"vector": {"name": "a", "vector": [0, 2]}, "limit": 1})
    new = await api.ok("POST", "/collections/n/points/query", {"query": [1], "using": "b", "with_vector": ["b"]})

    assert [(hit["id"], hit["score"]) for hit in old] == [(2, 2.0)]
    assert new["points"] == [{"id": 2, "version": 1, "score": 3.0, "vector": {"b": [3.0]}}]
    missing = await api.error("POST", "/collections/n/points/query", {"query": 1, "using": "b"})
    assert missing == (404, 'Not found: Vector with name "b" for point not found')


async def test_cosine_normalises_points_and_queries_alike(api: Api) -> None:
    await api.ok("PUT", "/collections/c", {"vectors": {"size": 2, "distance": "Cosine"}})
    points = [{"id": 1, "vector": [3, 4]}, {"id": 2, "vector": [0, 0]}]
    await api.ok("PUT", "/collections/c/points?wait=true", {"points": points})

    found = await api.ok("POST", "/collections/c/points/search", {"vector": [30, 40], "limit": 2, "with_vectors": True})

    assert found[0]["vector"] == [0.6, 0.8]
    assert found[0]["score"] == pytest.approx(1.0)
    assert found[1]["vector"] == [0.0, 0.0]


async def test_params_reach_the_shard(planes: Api) -> None:
    params = {"hnsw_ef": 77, "exact": True, "indexed_only": True}

    await planes.ok("POST", f"{P}/search", {"vector": [1, 0], "limit": 1, "params": params})

    sent = planes.shards.requests[-1].read.searches[0].params
    assert (sent.hnsw_ef, sent.exact, sent.indexed_only) == (77, True, True)
