"""Payload indexes over HTTP: what a declaration may say, what of it is shown, and when a call that waits returns."""

from typing import Any

import pytest

from services.api import payload_indexes
from tests.unit.api.api_under_test import Api

PLANES = "/collections/planes"
INDEX = f"{PLANES}/index"


async def schema(api: Api) -> dict[str, Any]:
    return dict((await api.ok("GET", PLANES))["payload_schema"])


async def test_a_bare_type_is_shown_without_parameters_and_with_its_points(planes: Api) -> None:
    planes.shards.indexed_points = {"city": 2}

    answer = await planes.ok("PUT", INDEX, {"field_name": "city", "field_schema": "keyword"})

    assert answer == {"status": "acknowledged"}
    assert await schema(planes) == {"city": {"data_type": "keyword", "points": 2}}


SHOWN = [
    ({"type": "keyword", "is_tenant": True, "prefix": True}, {}),
    ({"type": "integer", "lookup": True, "range": False, "is_principal": True}, {}),
    ({"type": "float", "is_principal": True, "on_disk": True}, {}),
    ({"type": "bool", "memory": "cold"}, {}),
    ({"type": "datetime", "is_principal": False, "memory": "pinned"}, {}),
    ({"type": "uuid", "is_tenant": True, "enable_hnsw": False}, {}),
    ({"type": "geo", "memory": "cached"}, {}),
    ({"type": "text"}, {"tokenizer": "word"}),
    (
        {
            "type": "text",
            "tokenizer": "prefix",
            "min_token_len": 2,
            "max_token_len": 9,
            "lowercase": False,
            "ascii_folding": True,
            "phrase_matching": True,
            "stopwords": {"languages": ["fr", "english", "en"], "custom": ["zu", "ab"]},
            "stemmer": {"type": "snowball", "language": "de"},
        },
        {
            "stopwords": {"languages": ["english", "french"], "custom": ["ab", "zu"]},
            "stemmer": {"type": "snowball", "language": "german"},
        },
    ),
    ({"type": "text", "stopwords": "en", "stemmer": {"type": "none"}}, {"tokenizer": "word", "stopwords": "english"}),
]


@pytest.mark.parametrize(("given", "made"), SHOWN, ids=lambda each: str(each.get("type", "")))
async def test_an_object_is_shown_with_the_parameters_that_were_given(
    planes: Api, given: dict[str, Any], made: dict[str, Any]
) -> None:
    await planes.ok("PUT", INDEX, {"field_name": "a[].b", "field_schema": given})

    assert await schema(planes) == {"a[].b": {"data_type": given["type"], "params": {**given, **made}, "points": 0}}


async def test_the_old_name_of_the_schema_and_null_parameters_are_taken(planes: Api) -> None:
    body = {"field_name": "n", "field_type": {"type": "integer", "range": None, "nested": None}}

    await planes.ok("PUT", INDEX, body)

    assert await schema(planes) == {"n": {"data_type": "integer", "params": {"type": "integer"}, "points": 0}}


async def test_the_same_index_again_changes_nothing_and_another_one_replaces_it(planes: Api) -> None:
    body = {"field_name": "n", "field_schema": "integer"}
    await planes.ok("PUT", INDEX, body)
    generation = planes.service._watcher.view.resolve("planes").generation  # type: ignore[union-attr]

    await planes.ok("PUT", INDEX, body)
    again = planes.service._watcher.view.resolve("planes").generation  # type: ignore[union-attr]
    await planes.ok("PUT", INDEX, {"field_name": "n", "field_schema": "float"})

    assert again == generation
    assert (await schema(planes))["n"]["data_type"] == "float"


async def test_a_dropped_index_is_gone_and_dropping_none_is_no_error(planes: Api) -> None:
    await planes.ok("PUT", INDEX, {"field_name": '"odd key".b[0]', "field_schema": "bool"})

    first = await planes.ok("DELETE", f"{INDEX}/%22odd%20key%22.b%5B0%5D")
    second = await planes.ok("DELETE", f"{INDEX}/nothing")

    assert first == second == {"status": "acknowledged"}
    assert await schema(planes) == {}


async def test_a_call_that_waits_returns_once_config_and_columns_are_there(planes: Api) -> None:
    planes.shards.config_generation = 2
    planes.shards.unbuilt_paths = ["other"]
    body = {"field_name": "city", "field_schema": "keyword"}

    answer = await planes.ok("PUT", f"{INDEX}?wait=true", body)

    assert answer == {"status": "completed"}


async def test_a_call_whose_time_is_over_before_the_columns_are_there_says_so(planes: Api) -> None:
    planes.shards.config_generation = 2
    planes.shards.unbuilt_paths = ["city"]
    body = {"field_name": "city", "field_schema": "keyword"}

    answer = await planes.ok("PUT", f"{INDEX}?wait=true&timeout=0", body)

    assert answer == {"status": "wait_timeout"}


async def test_a_client_of_the_guides_time_gets_an_operation_id(planes: Api) -> None:
    headers = {"User-Agent": "python-httpx/0.26"}

    answer = await planes.ok("PUT", INDEX, {"field_name": "u", "field_schema": "uuid"}, headers)

    assert answer == {"operation_id": 0, "status": "acknowledged"}
    info = await planes.ok("GET", PLANES, headers=headers)
    assert info["payload_schema"] == {"u": {"data_type": "keyword", "points": 0}}


REFUSED = [
    ({"field_name": "a"}, 400, "Bad request: Can't auto-detect field type, please specify `field_schema`"),
    ({"field_name": "a", "field_schema": None}, 400, "Bad request: Can't auto-detect field type"),
    ({"field_schema": "keyword"}, 400, "missing required field `field_name`"),
    ({"field_name": "a..b", "field_schema": "keyword"}, 400, "invalid payload path"),
    ({"field_name": "", "field_schema": "keyword"}, 400, "invalid payload path"),
    ({"field_name": "a", "field_schema": "word"}, 400, "unknown variant 'word'"),
    ({"field_name": "a", "field_schema": 3}, 400, "expected the name of a type"),
    ({"field_name": "a", "field_schema": {}}, 400, "missing field `type`"),
    ({"field_name": "a", "field_schema": {"type": ["x"]}}, 400, "unknown variant"),
    ({"field_name": "a", "field_schema": "bool", "field_type": "bool"}, 400, "duplicate field"),
    ({"field_name": "a", "field_schema": {"type": "integer", "is_tenant": True}}, 400, "is_tenant"),
    ({"field_name": "a", "field_schema": {"type": "keyword", "memory": "warm"}}, 400, "warm"),
    ({"field_name": "a", "field_schema": {"type": "keyword", "on_disk": 1}}, 400, "bool"),
    ({"field_name": "a", "field_schema": {"type": "keyword", "nested": "b"}}, 400, "`field_schema.nested`"),
    ({"field_name": "a", "field_schema": {"type": "text", "scoring": True}}, 400, "`field_schema.scoring`"),
    ({"field_name": "a", "field_schema": {"type": "text", "tokenizer": "code"}}, 400, "tokenizer `code`"),
    ({"field_name": "a", "field_schema": {"type": "text", "tokenizer": "words"}}, 400, "unknown variant `words`"),
    ({"field_name": "a", "field_schema": {"type": "text", "min_token_len": -1}}, 400, "min_token_len"),
    ({"field_name": "a", "field_schema": {"type": "text", "stopwords": "klingon"}}, 400, "klingon"),
    ({"field_name": "a", "field_schema": {"type": "text", "stopwords": {"words": []}}}, 400, "words"),
    ({"field_name": "a", "field_schema": {"type": "text", "stemmer": {"type": "porter"}}}, 400, "porter"),
    ({"field_name": "a", "field_schema": {"type": "text", "stemmer": {"type": "snowball"}}}, 400, "`language`"),
    (
        {"field_name": "a", "field_schema": {"type": "text", "stemmer": {"type": "snowball", "language": "basque"}}},
        400,
        "unknown variant `basque`",
    ),
    (
        {"field_name": "a", "field_schema": {"type": "integer", "lookup": False, "range": False}},
        422,
        "field_schema: the 'lookup' and 'range' capabilities can't be both disabled",
    ),
]


@pytest.mark.parametrize(("body", "status", "text"), REFUSED)
async def test_what_is_no_index_is_refused_and_nothing_is_declared(
    planes: Api, body: dict[str, Any], status: int, text: str
) -> None:
    refusal = await planes.error("PUT", INDEX, body)

    assert refusal[0] == status
    assert text in refusal[1]
    assert await schema(planes) == {}


async def test_a_path_that_is_none_and_a_collection_that_is_none_are_refused(planes: Api) -> None:
    no_path = await planes.error("DELETE", f"{INDEX}/a..b")
    no_collection = await planes.error("PUT", "/collections/x/index", {"field_name": "a", "field_schema": "bool"})

    assert no_path[0] == 400
    assert no_path[1].startswith("Deserialize error in path parameters: ")
    assert no_collection == (404, "Not found: Collection `x` doesn't exist!")


async def test_strict_mode_bounds_the_number_of_indexes_and_not_the_same_one_again(planes: Api) -> None:
    strict = {"strict_mode_config": {"enabled": True, "max_payload_index_count": 1, "max_timeout": 5}}
    await planes.ok("PATCH", PLANES, strict)
    await planes.ok("PUT", INDEX, {"field_name": "a", "field_schema": "bool"})

    refused = await planes.error("PUT", INDEX, {"field_name": "b", "field_schema": "bool"})
    replaced = await planes.ok("PUT", INDEX, {"field_name": "a", "field_schema": "keyword"})
    too_long = await planes.error("DELETE", f"{INDEX}/a?timeout=6")

    assert refused == (
        400,
        "Bad request: Collection already has the maximum number of payload indices (1). "
        "Help: Please delete an existing index before creating a new one.",
    )
    assert replaced == {"status": "acknowledged"}
    assert too_long[0] == 400
    assert 'Limit exceeded 6 > 5 for "timeout"' in too_long[1]


async def test_indexes_take_a_bounded_place_in_the_config(planes: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    words = [f"word{number:04d}" for number in range(1000)]
    body = {"field_name": "a", "field_schema": {"type": "text", "stopwords": {"custom": words}}}
    await planes.ok("PUT", INDEX, body)
    monkeypatch.setattr(payload_indexes, "INDEXES_BYTES_MAX", 15_000)

    refused = await planes.error("PUT", INDEX, {**body, "field_name": "b"})
    monkeypatch.setattr(payload_indexes, "INDEXES_MAX", 1)
    too_many = await planes.error("PUT", INDEX, {"field_name": "c", "field_schema": "bool"})

    assert refused[0] == too_many[0] == 400
    assert "at most 15000 are taken" in refused[1]
    assert "at most 1 payload indexes" in too_many[1]


async def test_a_change_of_the_collection_keeps_its_indexes(planes: Api) -> None:
    await planes.ok("PUT", INDEX, {"field_name": "a", "field_schema": "bool"})

    await planes.ok("PATCH", PLANES, {"hnsw_config": {"m": 8}})

    assert list(await schema(planes)) == ["a"]


async def test_columns_that_are_not_built_turn_the_collection_yellow(planes: Api) -> None:
    await planes.ok("PUT", INDEX, {"field_name": "a", "field_schema": "bool"})
    planes.shards.config_generation = 2
    planes.shards.unbuilt_paths = ["a"]

    info = await planes.ok("GET", PLANES)

    assert info["status"] == "yellow"
    assert "builds 1 columns of the payload indexes `a`" in info["warnings"][0]["message"]


async def test_an_index_whose_wish_has_no_effect_is_warned_of(planes: Api) -> None:
    tenant = {"type": "keyword", "is_tenant": True}
    await planes.ok("PUT", INDEX, {"field_name": "a", "field_schema": tenant})
    without = planes.headers.get("X-Shoal-Warning")

    await planes.ok("PUT", INDEX, {"field_name": '"ü\nb"', "field_schema": tenant})

    assert without is None
    assert planes.headers["X-Shoal-Warning"].endswith('the rows of a segment lie by `"\\xfc\\nb"`')
    info = await planes.ok("GET", PLANES)
    assert "is_tenant of the payload index `a` has no effect" in info["warnings"][-1]["message"]


async def test_a_collection_that_begins_with_another_has_its_indexes(planes: Api) -> None:
    await planes.ok("PUT", INDEX, {"field_name": "a", "field_schema": "bool"})
    body = {"vectors": {"size": 2, "distance": "Dot"}, "init_from": {"collection": "planes"}}

    await planes.ok("PUT", "/collections/copy?timeout=1", body)

    record = planes.service._watcher.view.resolve("copy")  # type: ignore[union-attr]
    assert record is not None
    assert list(record.config.payload_indexes) == ["a"]
