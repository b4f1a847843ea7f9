"""Large upserts are parsed and packed in pieces: the same points, the same mistakes, and others have their turn."""

import asyncio
from collections.abc import Awaitable
from typing import Any, cast

import numpy as np
import orjson
import pytest

from services.api.validate.in_turns import (
    PIECE_VALUES,
    WHOLE_BYTES,
    pack_points_in_turns,
    parse_update_vectors_in_turns,
    parse_upsert_in_turns,
)
from services.api.validate.packing import Choice, Points, pack_points, split_upsert
from services.api.validate.upserts import parse_upsert
from services.api.validate.vector_updates import parse_update_vectors
from shared.errors import Rejected
from shared.schema.collections import CollectionConfig
from shared.schema.filters import Filter, HasId, MatchAny
from shared.schema.operations import UpdateMode

DIM = 64
MAX = 10_000


def body(count: int, **changed: Any) -> bytes:
    """A body of some points; `changed` replaces fields of the one before the last."""
    points: list[dict[str, Any]] = [
        {"id": number, "vector": [number + place / 7 for place in range(DIM)], "payload": {"at": number}}
        for number in range(count)
    ]
    points[-2].update(changed)
    return orjson.dumps({"points": points})


def as_lists(points: Points) -> Points:
    """The points with vectors that can be compared: a quick parse gives arrays."""
    named = [one if isinstance(one, dict) else {"": one} for one in points.vectors]
    return points._replace(vectors=[{name: as_list(each) for name, each in one.items()} for one in named])


def as_list(vector: Any) -> Any:
    """A dense vector as a list; others as they are."""
    return vector.tolist() if isinstance(vector, np.ndarray) else vector


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"id": 3},
        {"vector": {"other": [1.0, 2.0], "words": {"indices": [1], "values": [0.5]}}},
        {"vector": [[1.0, 2.0], [3.0, 4.0]]},
        {"payload": None},
        {"payload": {"list": [{"a": 1}, {"b": "},{"}] * 9000}},
    ],
)
async def test_points_are_those_of_one_parse(changed: dict[str, Any]) -> None:
    large = body(500, **changed)
    assert len(large) > 3 * WHOLE_BYTES

    found = await parse_upsert_in_turns(large, MAX)

    assert as_lists(found) == as_lists(parse_upsert(large, MAX))


async def test_points_with_objects_in_lists_are_those_of_one_parse() -> None:
    points = [{"id": 7 + n, "vector": [1.5], "payload": {"all": [{"a": 1}, {"b": "},{"}] * 9}} for n in range(2000)]
    points.append({"id": 7, "vector": [2.5]})
    large = orjson.dumps({"points": points})

    found = await parse_upsert_in_turns(large.replace(b'{"points":[', b' { "points" : [ ', 1) + b"\n", MAX)

    assert as_lists(found) == as_lists(parse_upsert(large, MAX))


@pytest.mark.parametrize("rest", [b',"points":[]}', b',"shard_key":null}', b"}}", b"", b"]}"])
async def test_what_follows_the_list_is_told_as_by_one_parse(rest: bytes) -> None:
    large = body(500)[:-1] + rest

    found = [await told(parse_upsert_in_turns(large, MAX)), await told(asyncio.to_thread(parse_upsert, large, MAX))]

    assert found[0] == found[1]


async def told(parsing: Awaitable[Points]) -> object:
    """The points, or the mistake."""
    try:
        return as_lists(await parsing)
    except Rejected as error:
        return repr(error)


@pytest.mark.parametrize(
    "changed", [{"id": -1}, {"id": "no uuid"}, {"vector": []}, {"vector": "text"}, {"vector": None}, {"payload": 3}]
)
async def test_mistakes_are_told_as_by_one_parse(changed: dict[str, Any]) -> None:
    large = body(500, **changed)

    with pytest.raises(Rejected) as whole:
        parse_upsert(large, MAX)
    with pytest.raises(type(whole.value)) as pieces:
        await parse_upsert_in_turns(large, MAX)

    assert str(pieces.value) == str(whole.value)


async def test_other_forms_and_too_many_points_are_parsed_as_a_whole() -> None:
    given = orjson.loads(body(500))["points"]
    batch = {"ids": [each["id"] for each in given], "vectors": [each["vector"] for each in given]}

    found = await parse_upsert_in_turns(orjson.dumps({"batch": batch}), MAX)
    with pytest.raises(Rejected):
        await parse_upsert_in_turns(body(500), 499)

    assert found.ids == batch["ids"]


async def test_what_chooses_among_the_points_is_read_behind_and_before_a_long_list() -> None:
    given = orjson.loads(body(500))["points"]
    chosen = {
        "update_filter": {"must": [{"key": "a", "match": {"any": ["x}]", "y"]}}]},
        "update_mode": "insert_only",
        "shard_key": ["a"],
    }

    behind = await parse_upsert_in_turns(orjson.dumps({"points": given, **chosen}), MAX)
    before = await parse_upsert_in_turns(orjson.dumps({**chosen, "points": given}), MAX)

    wanted = Filter(must=[MatchAny("a", ["x}]", "y"])])
    assert behind.choice == before.choice == (wanted, UpdateMode.INSERT_ONLY, ["a"])
    assert behind.ids == before.ids == [each["id"] for each in given]


async def test_others_have_turns_while_a_large_body_is_parsed() -> None:
    turns = 0

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(count_turns())
    await parse_upsert_in_turns(body(1000), MAX)
    other.cancel()

    assert turns >= len(body(1000)) // 2**17


MIXED = CollectionConfig.model_validate(
    {
        "vectors": {
            "": {"size": DIM, "distance": "Cosine"},
            "some": {"size": 2, "distance": "Dot"},
            "many": {"size": 3, "distance": "Euclid", "multivector_config": {"comparator": "max_sim"}},
        },
        "sparse_vectors": {"words": {}},
        "shard_number": 3,
    }
)


def mixed_points(count: int) -> Points:
    """Points of which each carries other slots."""
    given: list[Any] = [
        [0.5] * DIM,
        {"": [1.0] * DIM, "some": [1.0, 2.0]},
        {"words": {"indices": [9, 4], "values": [0.5, 0.25]}},
        {"many": [[1.0, 2.0, 3.0], [4.0, 5.0, 6.0]], "": [2.0] * DIM},
    ]
    points = [{"id": place, "vector": given[place * 4 // count], "payload": {"at": place}} for place in range(count)]
    return parse_upsert(orjson.dumps({"points": points}), MAX)


@pytest.mark.parametrize("choice", [Choice(), Choice(Filter(must=[HasId([3])]), UpdateMode.UPDATE_ONLY)])
async def test_points_packed_in_turns_give_the_operations_of_one_packing(choice: Choice) -> None:
    points = mixed_points(1200)._replace(choice=choice)

    found = await pack_points_in_turns(points, MIXED)

    assert len(points.ids) * DIM > 3 * PIECE_VALUES
    assert split_upsert(found, 3) == split_upsert(pack_points(points, MIXED), 3)
    assert (found.ids, found.layout, found.choice) == (points.ids, pack_points(points, MIXED).layout, choice)


@pytest.mark.parametrize("wrong", [[1.0] * (DIM + 1), {"none": [1.0]}, {"words": [1.0]}])
async def test_a_mistake_while_packing_is_told_as_of_one_packing(wrong: Any) -> None:
    points = mixed_points(1200)
    points.vectors[-2] = wrong
    points.vectors[600] = {"another": [1.0]}

    with pytest.raises(Rejected) as whole:
        pack_points(points, MIXED)
    with pytest.raises(type(whole.value)) as pieces:
        await pack_points_in_turns(points, MIXED)

    assert str(pieces.value) == str(whole.value)


async def test_others_have_turns_while_many_points_are_packed() -> None:
    turns = 0
    points = parse_upsert(body(2000), MAX)

    async def count_turns() -> None:
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0)

    other = asyncio.create_task(count_turns())
    await pack_points_in_turns(points, CollectionConfig.model_validate({"vectors": {"": MIXED.vectors[""]}}))
    other.cancel()

    assert turns >= len(points.ids) * DIM // PIECE_VALUES


async def test_a_large_vector_update_is_parsed_in_turns_and_joins_the_vectors_of_a_point() -> None:
    points = [{"id": one, "vector": {"a": [float(one)] * DIM}} for one in range(600)]
    points += [{"id": 3, "vector": {"b": [1.0] * DIM}}, {"id": 4, "vector": {"a": [2.0] * DIM}}]
    raw = orjson.dumps({"points": points, "update_filter": {"must": {"has_id": [3]}}})

    found = await parse_update_vectors_in_turns(raw, MAX)
    whole = parse_update_vectors(raw, MAX)

    assert len(raw) > WHOLE_BYTES
    assert found.ids == whole.ids == list(range(600))
    assert found.choice == whole.choice == Choice(Filter(must=[HasId([3])]))
    plain = [{name: list(row) for name, row in cast("dict[str, Any]", named).items()} for named in found.vectors]
    assert plain == whole.vectors
    assert plain[3:5] == [{"a": [3.0] * DIM, "b": [1.0] * DIM}, {"a": [2.0] * DIM}]
