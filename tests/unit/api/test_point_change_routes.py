"""Routes that change points over HTTP: what the log gets, in which order, and what the client is told."""

from typing import Any

import pytest

from shared.coordination.catalog import Catalog
from shared.log.position import ShardKey
from shared.schema.filters import Filter, MatchAny
from shared.schema.operations import (
    ClearPayload,
    Delete,
    DeletePayload,
    DeleteVectors,
    Operation,
    OverwritePayload,
    SetPayload,
    UpdateMode,
    UpdateVectors,
    Upsert,
    decode_operation,
)
from shared.schema.points import shard_of
from tests.unit.api.api_under_test import Api

P = "/collections/planes/points"
SHARDED = "/collections/sharded/points"
ULM = {"must": {"key": "city", "match": {"value": "Ulm"}}}
IS_ULM = Filter(must=[MatchAny("city", ["Ulm"])])


async def logged(api: Api, name: str, shard: int = 0) -> list[Operation]:
    """Return the operations of a shard's log."""
    record = (await Catalog(api.redis).load()).resolve(name)
    assert record is not None
    key = ShardKey(record.uuid, shard)
    entries = await api.shards.wal.read({key: 0}, 1000, 0)
    return [decode_operation(entry.operation) for entry in entries.get(key, [])]


@pytest.mark.parametrize(
    ("method", "path", "body", "operation"),
    [
        ("POST", "delete", {"filter": ULM}, Delete([], IS_ULM)),
        ("POST", "delete", {"filter": {}}, Delete([], Filter())),
        ("POST", "delete", {"points": [1, 1, 2], "filter": ULM}, Delete([1, 2])),
        ("POST", "payload", {"payload": {"a": 1}, "filter": ULM, "key": "b"}, SetPayload([], b'{"a":1}', IS_ULM, "b")),
        ("POST", "payload", {"payload": {}, "points": [1]}, SetPayload([1], b"{}")),
        ("PUT", "payload", {"payload": {"a": None}, "points": [1], "key": "b"}, OverwritePayload([1], b'{"a":null}')),
        ("PUT", "payload", {"payload": {}, "filter": ULM}, OverwritePayload([], b"", IS_ULM)),
        ("POST", "payload/delete", {"keys": ["a", "b[0].c", "a"], "points": [2]}, DeletePayload([2], ["a", "b[0].c"])),
        ("POST", "payload/delete", {"keys": ["a"], "filter": ULM}, DeletePayload([], ["a"], IS_ULM)),
        ("POST", "payload/clear", {"points": [2]}, ClearPayload([2])),
        ("POST", "payload/clear", {"filter": ULM}, ClearPayload([], IS_ULM)),
        ("POST", "vectors/delete", {"vector": ["", ""], "points": [2]}, DeleteVectors([2], [""])),
        ("POST", "vectors/delete", {"vectors": [""], "filter": ULM}, DeleteVectors([], [""], IS_ULM)),
    ],
)  # fmt: skip
async def test_a_body_becomes_one_operation(
    planes: Api, method: str, path: str, body: dict[str, Any], operation: Operation
) -> None:
    before = await logged(planes, "planes")

    result = await planes.ok(method, f"{P}/{path}?wait=true", body)

    assert (await logged(planes, "planes"))[len(before) :] == [operation]
    assert result == {"operation_id": len(before), "status": "completed"}


async def test_an_upsert_carries_its_mode_and_its_filter(planes: Api) -> None:
    points = [{"id": 1, "vector": [0, 1]}, {"id": 8, "vector": [0, 1], "payload": {"new": 1}}]
    body = {"points": points, "update_mode": "update_only", "update_filter": ULM}

    await planes.ok("PUT", f"{P}?wait=true", body)

    *_, written = await logged(planes, "planes")
    assert isinstance(written, Upsert)
    assert (written.mode, written.update_filter) == (UpdateMode.UPDATE_ONLY, IS_ULM)
    assert await planes.ok("POST", P, {"ids": [1, 8], "with_vector": True}) == [
        {"id": 1, "payload": {}, "vector": [0.0, 1.0]}
    ]


async def test_vectors_of_a_point_that_comes_twice_are_joined_in_one_operation(planes: Api) -> None:
    points = [{"id": 1, "vector": [0, 1]}, {"id": 2, "vectors": {"": [2, 0]}}, {"id": 1, "vector": {"": [3, 1]}}]

    await planes.ok("PUT", f"{P}/vectors?wait=true", {"points": points, "update_filter": {"must": []}})

    *_, written = await logged(planes, "planes")
    assert isinstance(written, UpdateVectors)
    assert (written.ids, written.update_filter) == ([1, 2], None)
    found = await planes.ok("POST", P, {"ids": [1, 2], "with_vector": True, "with_payload": ["city"]})
    assert found == [
        {"id": 1, "payload": {"city": "Ulm"}, "vector": [3.0, 1.0]},
        {"id": 2, "payload": {"city": "Rom"}, "vector": [2.0, 0.0]},
    ]


@pytest.mark.parametrize(
    ("method", "path", "body"),
    [
        ("PUT", "vectors", {"points": [{"id": 1, "vector": [0, 1]}, {"id": 7, "vector": [0, 1]}]}),
        ("POST", "vectors/delete", {"vector": [""], "points": [1, 7]}),
        ("PUT", "payload", {"payload": {"a": 1}, "points": [1, 7]}),
        ("POST", "payload/delete", {"keys": ["a"], "points": [1, 7]}),
        ("POST", "payload/clear", {"points": [1, 7]}),
    ],
)
async def test_missing_points_are_404_only_when_waited_for(
    planes: Api, method: str, path: str, body: dict[str, Any]
) -> None:
    waited = await planes.error(method, f"{P}/{path}?wait=true", body)

    unwaited = await planes.ok(method, f"{P}/{path}", body)

    assert waited == (404, "Not found: No point with id 7 found")
    assert unwaited["status"] == "acknowledged"


async def test_vectors_are_deleted_by_filter_and_by_id_with_one_append(planes: Api) -> None:
    before = len(await logged(planes, "planes"))

    result = await planes.ok("POST", f"{P}/vectors/delete?wait=true", {"vector": [""], "points": [2], "filter": ULM})

    assert (await logged(planes, "planes"))[before:] == [DeleteVectors([], [""], IS_ULM), DeleteVectors([2], [""])]
    assert result == {"operation_id": before + 1, "status": "completed"}


async def test_an_operation_by_filter_goes_to_every_shard_and_one_by_ids_where_they_live(api: Api) -> None:
    await api.ok("PUT", "/collections/sharded", {"vectors": {"size": 1, "distance": "Dot"}, "shard_number": 3})
    ids = [one for one in range(20) if shard_of(one, 3) != 2]

    await api.ok("POST", f"{SHARDED}/payload?wait=true", {"payload": {"a": 1}, "filter": {}})
    await api.ok("POST", f"{SHARDED}/delete?wait=true", {"points": ids})

    logs = [await logged(api, "sharded", shard) for shard in range(3)]
    assert [log[0] for log in logs] == [SetPayload([], b'{"a":1}', Filter())] * 3
    assert [len(log) for log in logs] == [2, 2, 1]
    assert sorted(one for log in logs for each in log[1:] if isinstance(each, Delete) for one in each.ids) == ids


async def test_a_batch_is_applied_in_order_and_answers_for_each_operation(planes: Api) -> None:
    before = len(await logged(planes, "planes"))
    operations = [
        {"upsert": {"points": [{"id": 9, "vector": [1, 1], "payload": {"a": 1}}]}},
        {"set_payload": {"payload": {"b": 2}, "points": [9]}},
        {"delete_payload": {"keys": ["a"], "filter": {"must": {"has_id": [9]}}}},
        {"update_vectors": {"points": [{"id": 9, "vector": [2, 2]}]}},
        {"delete": {"points": []}},
        {"overwrite_payload": {"payload": {"c": 3}, "points": [1]}},
        {"clear_payload": {"points": [2]}},
        {"delete_vectors": {"vector": [""], "points": [1]}},
    ]

    results = await planes.ok("POST", f"{P}/batch?wait=true", {"operations": operations})

    assert results == [
        {"operation_id": before + place, "status": "completed"} if place is not None else {"status": "completed"}
        for place in [0, 1, 2, 3, None, 4, 5, 6]
    ]
    assert await planes.ok("POST", P, {"ids": [9, 1, 2], "with_vector": True}) == [
        {"id": 9, "payload": {"b": 2}, "vector": [2.0, 2.0]},
        {"id": 1, "payload": {"c": 3}, "vector": {}},
        {"id": 2, "payload": {}, "vector": [0.0, 1.0]},
    ]


async def test_one_wrong_operation_refuses_a_whole_batch_and_nothing_is_logged(planes: Api) -> None:
    before = await logged(planes, "planes")
    operations = [{"delete": {"points": [1]}}, {"upsert": {"points": [{"id": 1, "vector": [1, 2, 3]}]}}]

    refused = await planes.error("POST", f"{P}/batch", {"operations": operations})

    assert refused == (400, "Wrong input: Vector dimension error: expected dim: 2, got 3")
    assert await logged(planes, "planes") == before


async def test_a_batch_tells_of_missing_points_and_goes_on(planes: Api) -> None:
    operations = [{"set_payload": {"payload": {"a": 1}, "points": [7]}}, {"delete": {"points": [1]}}]

    refused = await planes.error("POST", f"{P}/batch?wait=true", {"operations": operations})

    assert refused == (404, "Not found: No point with id 7 found")
    assert await planes.ok("POST", P, {"ids": [1]}) == []


async def test_an_empty_batch_does_nothing(planes: Api) -> None:
    before = await logged(planes, "planes")

    results = await planes.ok("POST", f"{P}/batch?wait=true", {"operations": []})

    assert (results, await logged(planes, "planes")) == ([], before)
