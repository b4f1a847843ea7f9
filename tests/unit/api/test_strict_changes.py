"""Strict mode for changes of points: limits on filters, sizes and rates, with the reference's texts."""

from typing import Any

import pytest

from tests.unit.api.api_under_test import Api

C = "/collections/strict"
P = f"{C}/points"
MINUTE = {"write_rate_limit": 10}
TEN = [{"id": one, "vector": [one, 1], "payload": {"n": one}} for one in range(10)]


async def strict(api: Api, **limits: Any) -> None:
    """Create a collection with limits."""
    config = {"vectors": {"size": 2, "distance": "Dot"}, "strict_mode_config": {"enabled": True, **limits}}
    await api.ok("PUT", C, config)


def below(n: int) -> dict[str, Any]:
    return {"must": {"key": "n", "range": {"lt": n}}}


BY_FILTER = [
    ("POST", f"{P}/delete", {"filter": below(3)}),
    ("POST", f"{P}/payload", {"payload": {"a": 1}, "filter": below(3)}),
    ("PUT", f"{P}/payload", {"payload": {"a": 1}, "filter": below(3)}),
    ("POST", f"{P}/payload/delete", {"keys": ["a"], "filter": below(3)}),
    ("POST", f"{P}/payload/clear", {"filter": below(3)}),
    ("POST", f"{P}/vectors/delete", {"vector": [""], "filter": below(3)}),
    ("PUT", f"{P}/vectors", {"points": [{"id": 1, "vector": [1, 1]}], "update_filter": below(3)}),
    ("PUT", P, {"points": [{"id": 1, "vector": [1, 1]}], "update_filter": below(3)}),
    ("POST", f"{P}/batch", {"operations": [{"clear_payload": {"filter": below(3)}}]}),
]


@pytest.mark.parametrize(("method", "path", "body"), BY_FILTER)
async def test_a_write_by_a_filter_on_an_unindexed_key_is_refused_where_the_config_says_so(
    api: Api, method: str, path: str, body: dict[str, Any]
) -> None:
    await strict(api, unindexed_filtering_update=False)

    status, text = await api.error(method, path, body)

    assert status == 400
    assert text.startswith('Bad request: Index required but not found for "n" of one of the following types')


@pytest.mark.parametrize(("method", "path", "body"), BY_FILTER)
async def test_what_reads_must_not_do_unindexed_writes_may(
    api: Api, method: str, path: str, body: dict[str, Any]
) -> None:
    await strict(api, unindexed_filtering_retrieve=False)

    status, _ = await api.call(method, path, body)

    assert status == 200


async def test_filters_of_writes_have_a_limit_of_conditions(api: Api) -> None:
    await strict(api, filter_max_conditions=1)
    wanted = {"must": [below(1)["must"], below(2)["must"]]}

    refused = await api.error("POST", f"{P}/delete", {"filter": wanted})

    assert refused[0] == 400
    assert "Filter condition limit reached (2 > 1)" in refused[1]


async def test_vectors_are_updated_a_bounded_number_at_a_time(api: Api) -> None:
    await strict(api, upsert_max_batchsize=1)
    points = [{"id": one, "vector": [1, 1]} for one in (1, 2)]

    refused = await api.error("PUT", f"{P}/vectors", {"points": points})

    assert refused[0] == 400
    assert refused[1].startswith('Bad request: Limit exceeded 2 > 1 for "update limit"')


async def test_a_write_by_filter_costs_as_many_tokens_as_points_pass(api: Api) -> None:
    await strict(api)
    await api.ok("PUT", f"{P}?wait=true", {"points": TEN})
    await api.ok("PATCH", C, {"strict_mode_config": MINUTE})

    await api.ok("POST", f"{P}/payload", {"payload": {"a": 1}, "filter": below(8)})
    refused = await api.error("POST", f"{P}/payload/clear", {"filter": below(3)})
    await api.ok("POST", f"{P}/payload/clear", {"filter": below(0)})

    assert refused[0] == 429
    assert "Write rate limit exceeded: Operation requires 3 tokens but only 2.0 were available" in refused[1]


async def test_a_batch_costs_what_its_operations_cost(api: Api) -> None:
    await strict(api)
    await api.ok("PUT", f"{P}?wait=true", {"points": TEN})
    await api.ok("PATCH", C, {"strict_mode_config": MINUTE})
    operations = [
        {"update_vectors": {"points": [{"id": one, "vector": [1, 1]} for one in range(4)]}},
        {"delete_payload": {"keys": ["a"], "points": [1, 2, 3]}},
        {"delete": {"filter": below(4)}},
    ]

    refused = await api.error("POST", f"{P}/batch", {"operations": operations})

    assert refused[0] == 429
    assert "request larger than rate limiter capacity" in refused[1]


async def test_points_that_are_only_updated_are_not_counted_as_new(api: Api) -> None:
    await strict(api, max_points_count=10)
    await api.ok("PUT", f"{P}?wait=true", {"points": TEN})
    eleventh = {"points": [{"id": 99, "vector": [1, 1]}]}

    refused = await api.error("PUT", P, eleventh)
    await api.ok("PUT", f"{P}?wait=true", {**eleventh, "update_mode": "update_only"})

    assert refused == (400, "Bad request: Max points count limit of 10 reached!")
    assert await api.ok("POST", f"{P}/count", {}) == {"count": 10}
