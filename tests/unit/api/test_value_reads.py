"""Scrolling by value and facets over HTTP, merged over the shards of a collection."""

from typing import Any

import pytest

from tests.unit.api.api_under_test import Api

C = "/collections/spread"
P = f"{C}/points"
GUIDE = "Check https://qdrant.tech/documentation/concepts/indexing/#payload-index to see which payload schemas support"


@pytest.fixture
async def spread(api: Api) -> Api:
    """Forty points over three shards, with an index of every type that serves orders and facets."""
    await api.ok("PUT", C, {"vectors": {}, "shard_number": 3})
    indexes = {"n": "integer", "f": "float", "day": "datetime", "k": "keyword", "b": "bool", "u": "uuid", "t": "text"}
    for path, kind in indexes.items():
        await api.ok("PUT", f"{C}/index", {"field_name": path, "field_schema": kind})
    await api.ok("PUT", f"{P}?wait=true", {"points": [_point(place) for place in range(40)]})
    return api


def _point(place: int) -> dict[str, Any]:
    payload: dict[str, Any] = {
        "n": [place // 4, place % 3],
        "f": place / 8,
        "day": f"2024-01-{1 + place % 28:02}",
        "k": [f"v{place % 7}", f"v{place % 5}"],
        "b": place % 3 == 0,
        "u": f"00000000-0000-0000-0000-00000000000{place % 3}",
    }
    return {"id": place, "vector": {}, "payload": payload}


async def _ordered(api: Api, order: Any, **more: Any) -> list[tuple[int, Any]]:
    body = {"order_by": order, "with_payload": False, **more}
    page = await api.ok("POST", f"{P}/scroll", body)
    assert page["next_page_offset"] is None
    return [(point["id"], point["order_value"]) for point in page["points"]]


async def test_points_of_all_shards_come_by_value_and_equal_ones_by_id(spread: Api) -> None:
    pairs = [(value, place) for place in range(40) for value in {place // 4, place % 3}]

    rising = await _ordered(spread, "n", limit=100)
    falling = await _ordered(spread, {"key": "n", "direction": "desc"}, limit=15)

    assert rising == [(place, value) for value, place in sorted(pairs)]
    assert falling == [(place, value) for value, place in sorted(pairs, key=lambda pair: (-pair[0], pair[1]))][:15]


async def test_an_order_starts_from_a_number_or_a_date(spread: Api) -> None:
    numbers = await _ordered(spread, {"key": "f", "start_from": 4.8, "direction": "asc"}, limit=3)
    dates = await _ordered(spread, {"key": "day", "start_from": "2024-01-27T00:00:00Z"})

    assert numbers == [(39, 4.875)]
    day_27 = 1_706_313_600_000_000
    assert dates == [(26, day_27), (27, day_27 + 86_400_000_000)]


async def test_an_order_keeps_what_the_filter_keeps(spread: Api) -> None:
    kept = {"must": [{"key": "n", "range": {"gte": 9}}]}

    assert [point for point, _ in await _ordered(spread, "f", filter=kept)] == [36, 37, 38, 39]


async def test_an_order_needs_a_range_index(spread: Api) -> None:
    for key in ("k", "b", "u", "t", "nowhere"):
        text = (
            f"Wrong input: No range index for `order_by` key: `{key}`. Please create one to use `order_by`. "
            f"{GUIDE} Range conditions"
        )
        assert await spread.error("POST", f"{P}/scroll", {"order_by": key}) == (400, text)


async def test_an_order_needs_the_range_part_of_an_integer_index_and_a_facet_the_lookup_part(spread: Api) -> None:
    for path, off in (("x", "range"), ("y", "lookup")):
        schema = {"type": "integer", "lookup": True, "range": True} | {off: False}
        await spread.ok("PUT", f"{C}/index", {"field_name": path, "field_schema": schema})

    assert (await spread.error("POST", f"{P}/scroll", {"order_by": "x"}))[0] == 400
    assert (await spread.error("POST", f"{C}/facet", {"key": "y"}))[0] == 400
    assert await _ordered(spread, "y") == []
    assert await spread.ok("POST", f"{C}/facet", {"key": "x"}) == {"hits": []}


async def test_an_order_takes_no_offset(spread: Api) -> None:
    status, text = await spread.error("POST", f"{P}/scroll", {"order_by": "n", "offset": 3})

    assert status == 400
    assert text.startswith("Wrong input: Cannot use an `offset` when using `order_by`")


@pytest.mark.parametrize(
    "order",
    [
        {"key": "n", "direction": "up"},
        {"key": "n", "start_from": "yesterday"},
        {"key": "n", "start_from": [1]},
        {"direction": "asc"},
        {"key": "n["},
        "n[",
        5,
        ["n"],
    ],
    ids=str,
)
async def test_an_order_that_does_not_parse_is_400(spread: Api, order: Any) -> None:
    status, text = await spread.error("POST", f"{P}/scroll", {"order_by": order})

    assert (status, text.split(":")[0]) == (400, "Format error in JSON body")


async def test_a_start_beyond_all_integers_is_a_number_or_refused(spread: Api) -> None:
    assert await _ordered(spread, {"key": "f", "start_from": 10**30}) == []

    assert (await spread.error("POST", f"{P}/scroll", {"order_by": {"key": "f", "start_from": 10**400}}))[0] == 400


async def test_counts_of_values_are_exact_over_all_shards(spread: Api) -> None:
    counts: dict[str, int] = {}
    for place in range(40):
        for value in {f"v{place % 7}", f"v{place % 5}"}:
            counts[value] = counts.get(value, 0) + 1
    ranked = sorted(counts.items(), key=lambda pair: (-pair[1], pair[0]))

    for limit in (1, 2, 3, 4, 5, 6, 7, 20):
        for exact in (True, False):
            body = {"key": "k", "limit": limit, "exact": exact}
            found = await spread.ok("POST", f"{C}/facet", body)
            assert found == {"hits": [{"value": value, "count": count} for value, count in ranked[:limit]]}


async def test_values_count_by_the_type_of_their_index(spread: Api) -> None:
    await spread.ok("PUT", f"{P}?wait=true", {"points": [{"id": 99, "vector": {}, "payload": {"b": "true", "n": "1"}}]})

    flags = await spread.ok("POST", f"{C}/facet", {"key": "b"})
    numbers = await spread.ok("POST", f"{C}/facet", {"key": "n", "limit": 1})
    ids = await spread.ok("POST", f"{C}/facet", {"key": "u", "filter": {"must": {"has_id": [0, 1, 3]}}})

    assert flags == {"hits": [{"value": False, "count": 26}, {"value": True, "count": 14}]}
    assert str(numbers) == "{'hits': [{'value': 0, 'count': 16}]}"
    assert [(hit["value"][-1], hit["count"]) for hit in ids["hits"]] == [("0", 2), ("1", 1)]


async def test_a_facet_needs_a_match_index(spread: Api) -> None:
    for key in ("f", "day", "t", "nowhere"):
        text = (
            f"Wrong input: No appropriate index for faceting: `{key}`. Please create one to facet on this field. "
            f"{GUIDE} Match conditions"
        )
        assert await spread.error("POST", f"{C}/facet", {"key": key}) == (400, text)


async def test_a_facet_of_no_values_or_without_a_key_is_refused(spread: Api) -> None:
    none = await spread.error("POST", f"{C}/facet", {"key": "k", "limit": 0})
    without = await spread.error("POST", f"{C}/facet", {"limit": 1})

    assert none == (422, "Validation error in JSON body: [facet_request.limit: value 0 invalid, must be 1 or larger]")
    assert without[0] == 400


async def test_an_index_serves_its_path_however_that_is_quoted(spread: Api) -> None:
    assert len(await _ordered(spread, '"n"', limit=5)) == 5


@pytest.mark.parametrize("key", ["x", 3, ["x", "y"], {"target": "x", "fallback": "y"}], ids=str)
async def test_no_read_finds_the_shards_of_a_key(spread: Api, key: Any) -> None:
    name = key["target"] if isinstance(key, dict) else key[0] if isinstance(key, list) else key
    bodies = {"": {"ids": [1]}, "/scroll": {}, "/count": {}, "/query": {}, "/query/batch": {"searches": [{}]}}
    for path, body in bodies.items():
        asked = body["searches"][0] if "searches" in body else body
        asked["shard_key"] = key
        assert await spread.error("POST", P + path, body) == (400, f"Wrong input: Shard key {name} not found")

    found = await spread.error("POST", f"{C}/facet", {"key": "k", "shard_key": key})
    assert found == (400, f"Wrong input: Shard key {name} not found")


async def test_strict_mode_bounds_orders_and_facets(spread: Api) -> None:
    strict = {"enabled": True, "max_query_limit": 5, "max_timeout": 3, "filter_max_conditions": 1, "read_rate_limit": 1}
    await spread.ok("PATCH", C, {"strict_mode_config": strict})
    two = {"must": [{"has_id": [1]}, {"has_id": [2]}]}

    for path, body in ((f"{P}/scroll", {"order_by": "n"}), (f"{C}/facet", {"key": "k"})):
        many = await spread.error("POST", path, body | {"limit": 6})
        slow = await spread.error("POST", f"{path}?timeout=4", body | {"limit": 5})
        wide = await spread.error("POST", path, body | {"limit": 5, "filter": two})
        assert many[1].startswith('Bad request: Limit exceeded 6 > 5 for "limit"')
        assert slow[1].startswith('Bad request: Limit exceeded 4 > 3 for "timeout"')
        assert wide[1].startswith("Bad request: Filter condition limit reached (2 > 1)")

    await spread.ok("POST", f"{C}/facet", {"key": "k", "limit": 5})
    assert (await spread.error("POST", f"{C}/facet", {"key": "k", "limit": 5}))[0] == 429
