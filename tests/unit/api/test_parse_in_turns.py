"""Large upserts are parsed in pieces: the same points, the same mistakes, and others have their turn."""

import asyncio
from typing import Any

import orjson
import pytest

from services.api.validate.in_turns import WHOLE_BYTES, parse_upsert_in_turns
from services.api.validate.upserts import parse_upsert
from shared.errors import Rejected

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


@pytest.mark.parametrize(
    "changed",
    [
        {},
        {"id": 3},
        {"vector": {"other": [1.0, 2.0], "words": {"indices": [1], "values": [0.5]}}},
        {"vector": [[1.0, 2.0], [3.0, 4.0]]},
        {"payload": None},
    ],
)
async def test_points_are_those_of_one_parse(changed: dict[str, Any]) -> None:
    large = body(500, **changed)
    assert len(large) > 3 * WHOLE_BYTES

    found = await parse_upsert_in_turns(large, MAX)

    assert found == parse_upsert(large, MAX)


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
    with pytest.raises(Rejected):
        await parse_upsert_in_turns(orjson.dumps({"points": given, "shard_key": "a"}), MAX)

    assert found.ids == batch["ids"]


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
