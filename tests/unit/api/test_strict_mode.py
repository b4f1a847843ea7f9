"""Strict mode over HTTP: every limit refuses with the reference's text, and only while it is enabled."""

from typing import Any

import pytest

from shared.schema.queries import SegmentSummary
from shared.schema.segments import SlotFigures
from tests.unit.api.api_under_test import Api

VECTORS = {
    "vectors": {
        "a": {"size": 2, "distance": "Dot"},
        "multi": {"size": 2, "distance": "Dot", "multivector_config": {"comparator": "max_sim"}},
        "flat": {"size": 2, "distance": "Dot", "hnsw_config": {"m": 0}},
    },
    "sparse_vectors": {"sparse": {}},
}
POINT = {"id": 1, "vector": {"a": [1, 0]}, "payload": {"city": "Ulm"}}


async def strict(api: Api, **limits: Any) -> None:
    """Create a collection with limits."""
    await api.ok("PUT", "/collections/strict", {**VECTORS, "strict_mode_config": {"enabled": True, **limits}})


def query(**given: Any) -> tuple[str, str, dict[str, Any]]:
    return "POST", "/collections/strict/points/query", {"query": [1, 0], "using": "a", **given}


def upsert(*points: dict[str, Any]) -> tuple[str, str, dict[str, Any]]:
    return "PUT", "/collections/strict/points?wait=true", {"points": list(points) or [POINT]}


def city(*values: str) -> dict[str, Any]:
    return {"filter": {"must": [{"key": "city", "match": {"any": list(values)}}]}}


REFUSED: list[tuple[dict[str, Any], tuple[str, str, dict[str, Any]], str]] = [
    (
        {"max_query_limit": 15},
        query(limit=30),
        'Limit exceeded 30 > 15 for "limit". Help: Reduce the "limit" parameter to or below 15.',
    ),
    (
        {"max_query_limit": 1},
        ("POST", "/collections/strict/points/scroll", {"limit": 2}),
        'Limit exceeded 2 > 1 for "limit"',
    ),
    (
        {"max_timeout": 5},
        ("POST", "/collections/strict/points/scroll?timeout=6", {}),
        'Limit exceeded 6 > 5 for "timeout"',
    ),
    (
        {"max_timeout": 5},
        ("PUT", "/collections/strict/points?timeout=6", {"points": [POINT]}),
        'Limit exceeded 6 > 5 for "timeout"',
    ),
    ({"search_max_hnsw_ef": 9}, query(params={"hnsw_ef": 10}), 'Limit exceeded 10 > 9 for "hnsw_ef"'),
    (
        {"search_max_oversampling": 1.5},
        query(params={"quantization": {"oversampling": 2.25}}),
        'Limit exceeded 2.25 > 1.5 for "oversampling"',
    ),
    ({"search_allow_exact": False}, query(params={"exact": True}), "Exact search disabled!. Help: Set exact=false."),
    (
        {"search_allow_exact": False},
        query(using="flat"),
        "Request is forbidden on 'flat' because global vector indexing is disabled (hnsw_config.m = 0)",
    ),
    (
        {"search_max_batchsize": 1},
        ("POST", "/collections/strict/points/query/batch", {"searches": [{"query": 1, "using": "a"}] * 2}),
        'Limit exceeded 2 > 1 for "search batch size"',
    ),
    ({"filter_max_conditions": 0}, query(**city("Ulm")), "Filter condition limit reached (1 > 0)"),
    ({"condition_max_size": 1}, query(**city("Ulm", "Rom")), "Condition size limit reached (2 > 1)"),
    (
        {"unindexed_filtering_retrieve": False},
        query(**city("Ulm")),
        'Index required but not found for "city" of one of the following types: [keyword]',
    ),
    (
        {"unindexed_filtering_retrieve": False},
        ("POST", "/collections/strict/points/count", {"filter": {"should": [{"key": "n", "match": {"value": 1}}]}}),
        'Index required but not found for "n" of one of the following types: [integer]',
    ),
    ({"upsert_max_batchsize": 1}, upsert(POINT, {**POINT, "id": 2}), 'Limit exceeded 2 > 1 for "upsert limit"'),
    (
        {"sparse_config": {"sparse": {"max_length": 1}}},
        upsert({"id": 1, "vector": {"sparse": {"indices": [1, 2], "values": [1, 2]}}}),
        "Sparse vector 'sparse' has a limit of 1 indices",
    ),
    (
        {"multivector_config": {"multi": {"max_vectors": 1}}},
        upsert({"id": 1, "vector": {"multi": [[1, 2], [3, 4]]}}),
        "Multivector 'multi' has a limit of 1 vectors, but 2 were provided!",
    ),
]


@pytest.mark.parametrize(("limits", "request_", "text"), REFUSED, ids=[next(iter(case[0])) for case in REFUSED])
async def test_a_limit_refuses_by_name(
    api: Api, limits: dict[str, Any], request_: tuple[str, str, dict[str, Any]], text: str
) -> None:
    await strict(api, **limits)

    status, error = await api.error(*request_)

    assert status == 400
    assert error.startswith(f"Bad request: {text}")


@pytest.mark.parametrize(("limits", "request_", "text"), REFUSED, ids=[next(iter(case[0])) for case in REFUSED])
async def test_nothing_is_refused_while_strict_mode_is_off(
    api: Api, limits: dict[str, Any], request_: tuple[str, str, dict[str, Any]], text: str
) -> None:
    await strict(api, **limits)
    await api.ok("PATCH", "/collections/strict", {"strict_mode_config": {"enabled": False}})

    status, answer = await api.call(*request_)

    assert text not in str(answer["status"])
    assert status != 429


async def test_points_may_be_replaced_but_not_added_at_the_limit(api: Api) -> None:
    await strict(api, max_points_count=2)
    await api.ok(*upsert(POINT, {**POINT, "id": 2}))

    await api.ok(*upsert(POINT))
    status, error = await api.error(*upsert(POINT, {**POINT, "id": 3}))

    assert (status, error) == (400, "Bad request: Max points count limit of 2 reached!")


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        ("max_collection_vector_size_bytes", "Max vector storage size limit of 0.5MB reached!"),
        ("max_collection_payload_size_bytes", "Max payload storage size limit of 0.5MB reached!"),
    ],
)
async def test_a_full_collection_takes_no_more_bytes_until_there_is_room(api: Api, limit: str, text: str) -> None:
    await strict(api, **{limit: 2**19})
    full = SegmentSummary("s", "sealed", 1, 1, 1, 2**19, slots={"a": SlotFigures(1, 2**19)}, payload_bytes=2**19)

    api.shards.segments = [full]
    status, error = await api.error(*upsert())
    api.shards.segments = []
    await api.ok(*upsert())

    assert (status, error) == (400, f"Bad request: {text}")


async def test_reads_beyond_the_rate_get_429_with_the_time_to_wait(api: Api) -> None:
    await strict(api, read_rate_limit=4)
    await api.ok(*query(limit=1))
    await api.ok("POST", "/collections/strict/points/scroll", {"limit": 1, **city("Ulm")})

    status, error = await api.error("POST", "/collections/strict/points", {"ids": [1, 2]})

    assert (status, api.headers["Retry-After"]) == (429, "15")
    assert error == (
        "Rate limiting exceeded: Read rate limit exceeded: Operation requires 2 tokens but only 1.0 were available. "
        "Retry after 15s"
    )


async def test_a_write_that_no_waiting_helps_gets_429_without_a_time(api: Api) -> None:
    await strict(api, write_rate_limit=1)

    status, error = await api.error(*upsert(POINT, {**POINT, "id": 2}))

    assert status == 429
    assert "Retry-After" not in api.headers
    assert error == (
        "Rate limiting exceeded: Write rate limit exceeded, request larger than rate limiter capacity, "
        "please try to split your request"
    )
