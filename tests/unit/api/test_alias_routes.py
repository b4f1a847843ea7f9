"""Aliases over HTTP: changed in one step, listed, accepted for a name everywhere, refused as the reference does."""

import json
from typing import Any

import pytest

from services.api.validate.aliases import parse_alias_actions
from shared.errors import BadRequest
from tests.unit.api.api_under_test import Api

PLANE = {"vectors": {"size": 2, "distance": "Dot"}}


def create(alias: str, collection: str) -> dict[str, Any]:
    return {"create_alias": {"alias_name": alias, "collection_name": collection}}


def delete(alias: str) -> dict[str, Any]:
    return {"delete_alias": {"alias_name": alias}}


def rename(old: str, new: str) -> dict[str, Any]:
    return {"rename_alias": {"old_alias_name": old, "new_alias_name": new}}


async def change(api: Api, *actions: dict[str, Any]) -> Any:
    return await api.ok("POST", "/collections/aliases", {"actions": list(actions)})


async def refused(api: Api, *actions: dict[str, Any]) -> tuple[int, str]:
    return await api.error("POST", "/collections/aliases", {"actions": list(actions)})


async def listed(api: Api, path: str = "/aliases") -> dict[str, str]:
    aliases = (await api.ok("GET", path))["aliases"]
    return {each["alias_name"]: each["collection_name"] for each in aliases}


async def test_aliases_are_created_renamed_and_deleted_in_one_list_of_actions(planes: Api) -> None:
    await planes.ok("PUT", "/collections/other", PLANE)
    await change(planes, create("live", "planes"), create("test", "other"))

    assert await change(planes, delete("live"), create("live", "other"), rename("test", "tried"), delete("missing"))

    assert await listed(planes) == {"live": "other", "tried": "other"}


async def test_aliases_are_listed_by_collection_and_by_alias(planes: Api) -> None:
    await planes.ok("PUT", "/collections/other", PLANE)
    await change(planes, create("b", "planes"), create("a", "planes"), create("c", "other"))

    of_planes = await planes.ok("GET", "/collections/planes/aliases")

    assert of_planes == {
        "aliases": [
            {"alias_name": "a", "collection_name": "planes"},
            {"alias_name": "b", "collection_name": "planes"},
        ]
    }
    assert await listed(planes, "/collections/a/aliases") == {"a": "planes", "b": "planes"}


async def test_every_call_on_points_takes_an_alias(planes: Api) -> None:
    await change(planes, create("live", "planes"))
    live = "/collections/live"

    await planes.ok("PUT", f"{live}/points?wait=true", {"points": [{"id": 9, "vector": [2, 0]}]})
    await planes.ok("POST", f"{live}/points/payload?wait=true", {"points": [9], "payload": {"city": "Bonn"}})

    assert (await planes.ok("GET", f"{live}/points/9"))["payload"] == {"city": "Bonn"}
    assert (await planes.ok("POST", f"{live}/points/search", {"vector": [1, 0], "limit": 1}))[0]["id"] == 9
    queried = await planes.ok("POST", f"{live}/points/query/batch", {"searches": [{"query": [1, 0], "limit": 1}]})
    assert queried[0]["points"][0]["id"] == 9
    assert len((await planes.ok("POST", f"{live}/points/scroll", {}))["points"]) == 4
    assert await planes.ok("POST", f"{live}/points/delete?wait=true", {"points": [9]})
    assert await planes.ok("POST", "/collections/planes/points/count", {}) == {"count": 3}


async def test_calls_on_a_collection_take_an_alias(planes: Api) -> None:
    await change(planes, create("live", "planes"))

    await planes.ok("PATCH", "/collections/live", {"hnsw_config": {"m": 20}})

    assert (await planes.ok("GET", "/collections/live"))["config"]["hnsw_config"]["m"] == 20
    assert await planes.ok("GET", "/collections/live/exists") == {"exists": True}
    assert "running" in await planes.ok("GET", "/collections/live/optimizations")


async def test_deleting_an_alias_as_a_collection_deletes_nothing(planes: Api) -> None:
    await change(planes, create("live", "planes"))

    assert await planes.ok("DELETE", "/collections/live") is False

    assert await listed(planes) == {"live": "planes"}
    assert await planes.ok("POST", "/collections/live/points/count", {}) == {"count": 3}


async def test_the_aliases_of_a_deleted_collection_go_with_it(planes: Api) -> None:
    await change(planes, create("live", "planes"))

    await planes.ok("DELETE", "/collections/planes")

    assert await listed(planes) == {}
    assert await planes.error("GET", "/collections/live") == (404, "Not found: Collection `live` doesn't exist!")


async def test_an_alias_may_move_to_another_collection_without_being_deleted_first(planes: Api) -> None:
    await planes.ok("PUT", "/collections/other", PLANE)
    await change(planes, create("live", "planes"))

    await change(planes, create("live", "other"))

    assert await listed(planes) == {"live": "other"}


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        (create("live", "missing"), (404, "Not found: Collection `missing` doesn't exist!")),
        (create("live", "kept"), (404, "Not found: Collection `kept` doesn't exist!")),
        (create("planes", "planes"), (409, "Wrong input: Collection `planes` already exists!")),
        (rename("missing", "live"), (404, "Not found: Alias missing does not exists!")),
        (rename("kept", "planes"), (409, "Wrong input: Collection `planes` already exists!")),
    ],
    ids=[
        "missing collection",
        "an alias as target",
        "alias named like a collection",
        "missing alias",
        "renamed to one",
    ],
)
async def test_a_refused_action_leaves_all_aliases_as_they_were(
    planes: Api, action: dict[str, Any], expected: tuple[int, str]
) -> None:
    await change(planes, create("kept", "planes"))

    answer = await refused(planes, create("early", "planes"), delete("kept"), create("kept", "planes"), action)

    assert answer == expected

    assert await listed(planes) == {"kept": "planes"}


async def test_a_collection_is_not_created_over_an_alias(planes: Api) -> None:
    await change(planes, create("live", "planes"))

    assert await planes.error("PUT", "/collections/live", PLANE) == (
        400,
        "Wrong input: Can't create collection with name live. Alias with the same name already exists",
    )


async def test_aliases_of_a_missing_collection_are_404(api: Api) -> None:
    assert await api.error("GET", "/collections/nothing/aliases") == (
        404,
        "Not found: Collection `nothing` doesn't exist!",
    )


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"actions": {}},
        {"actions": [{}]},
        {"actions": [{"drop_alias": {"alias_name": "a"}}]},
        {"actions": [{"create_alias": {"alias_name": "a"}}]},
        {"actions": [{"create_alias": {"alias_name": 7, "collection_name": "planes"}}]},
        {"actions": [{**create("a", "planes"), **delete("a")}]},
    ],
)
async def test_actions_that_do_not_parse_are_400(planes: Api, body: dict[str, Any]) -> None:
    status, text = await planes.error("POST", "/collections/aliases", body)

    assert status == 400
    assert text.startswith("Format error in JSON body: ")


@pytest.mark.parametrize("name", ["", "a/b", "x" * 256, "a?b"])
async def test_an_alias_that_no_path_could_carry_is_422(planes: Api, name: str) -> None:
    status, text = await refused(planes, create(name, "planes"))

    assert status == 422
    assert text.startswith("Validation error in JSON body: [actions[0].create_alias.alias_name: ")
    assert await listed(planes) == {}


def test_too_many_actions_are_refused() -> None:
    body = json.dumps({"actions": [delete("a")] * 1001}).encode()

    with pytest.raises(BadRequest, match="at most 1000 alias actions in one request, got 1001"):
        parse_alias_actions(body)


async def test_no_actions_change_nothing(planes: Api) -> None:
    assert await change(planes) is True


async def test_a_timeout_of_zero_is_422(planes: Api) -> None:
    status, text = await planes.error("POST", "/collections/aliases?timeout=0", {"actions": []})

    assert (status, "timeout: value 0 invalid" in text) == (422, True)


async def test_a_collection_may_be_called_aliases(api: Api) -> None:
    await api.ok("PUT", "/collections/aliases", PLANE)

    assert (await api.ok("GET", "/collections/aliases"))["points_count"] == 0
    assert await api.ok("GET", "/collections/aliases/aliases") == {"aliases": []}


async def test_without_redis_aliases_are_read_and_not_changed(planes: Api) -> None:
    await change(planes, create("live", "planes"))
    planes.shards.applies = False
    planes.redis.fake_server.connected = False

    assert await planes.ok("POST", "/collections/live/points/count", {}) == {"count": 3}
    assert await listed(planes) == {"live": "planes"}
    assert (await refused(planes, delete("live")))[0] == 503
