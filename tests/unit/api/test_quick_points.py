"""The quick reader of usual upserts: what it reads is what the full parser reads; all else it leaves to that one."""

from typing import Any

import msgspec
import numpy as np
import orjson
import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.api.validate.packing import pack_points
from services.api.validate.quick_points import quick_points
from services.api.validate.upserts import parse_any_upsert, parse_upsert
from shared.errors import BadFormat
from shared.schema.collections import CollectionConfig, Distance, VectorParams

MAX = 100
NUMBERS = st.floats(allow_nan=False, allow_infinity=False) | st.integers(-(2**63), 2**64 - 1)
JSON = st.recursive(
    st.none() | st.booleans() | NUMBERS | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=6,
)
VECTORS = st.lists(NUMBERS, min_size=1, max_size=4) | JSON
POINTS = st.fixed_dictionaries(
    {"id": st.integers(0, 2**64 - 1) | st.uuids().map(str) | JSON},
    optional={
        "vector": VECTORS | st.dictionaries(st.text(max_size=2), VECTORS, max_size=2),
        "vectors": VECTORS,
        "payload": st.dictionaries(st.text(max_size=3), JSON, max_size=3) | JSON,
    },
)
BODIES = st.fixed_dictionaries({"points": st.lists(POINTS, max_size=3) | JSON}, optional={"batch": JSON})


@given(BODIES)
def test_a_quick_answer_is_the_full_parsers(body: dict[str, Any]) -> None:
    text = msgspec.json.encode(body)

    found = quick_points(text)

    if found is not None and found.ids:
        full = parse_any_upsert(text, MAX)
        of_last = {point_id: place for place, point_id in enumerate(found.ids)}
        places = sorted(of_last.values())
        assert full.ids == [found.ids[place] for place in places]
        assert full.payloads == [found.payloads[place] for place in places]
        assert full.vectors == [_as_lists(found.vectors[place]) for place in places]


def _as_lists(vectors: Any) -> Any:
    if isinstance(vectors, dict):
        return {name: each.tolist() for name, each in vectors.items()}
    return vectors.tolist()


def test_the_usual_body_is_read_quickly() -> None:
    first, second = b'{"id": 7, "vector": [1, 2.5], "payload": {"a": [1, {"b": "]["}]}}', b'{"id": 8, "vector": [0, 1]}'
    body = b' {"points": [ ' + first + b"," + second + b"]}"

    found = quick_points(body)

    assert found is not None
    assert found.ids == [7, 8]
    assert [vector.tolist() for vector in found.vectors if not isinstance(vector, dict)] == [[1.0, 2.5], [0.0, 1.0]]
    assert found.payloads == [b'{"a":[1,{"b":"]["}]}', b""]


@pytest.mark.parametrize(
    "point",
    [
        b'"id":1,"vector":[1,[2]]',
        b'"id":1,"vector":[[1,2]]',
        b'"id":1,"vector":[1,true]',
        b'"id":1,"vector":[1,null]',
        b'"id":1,"vector":[]',
        b'"id":1,"vector":{"a":[1],"a":[2]}',
        b'"id":1,"vector":{"a":{"indices":[1],"values":[1]}}',
        b'"id":1,"id":2,"vector":[1]',
        b'"id":1.5,"vector":[1]',
        b'"id":true,"vector":[1]',
        b'"id":1,"vector":[1e999]',
        b'"id":1,"vectors":[1]',
        b'"id":1',
        b'"id":1,"vector":[1],"payload":[]',
        b'"id":1,"vector":[1],"other":1',
    ],
)
def test_what_is_not_usual_is_left_to_the_full_parser(point: bytes) -> None:
    body = b'{"points":[{' + point + b"}]}"

    found = quick_points(body)

    assert found is None


@pytest.mark.parametrize("rest", [b',"shard_key":1', b',"update_filter":{}', b',"points":[]'])
def test_a_body_with_more_than_points_is_left_to_the_full_parser(rest: bytes) -> None:
    body = b'{"points":[{"id":1,"vector":[1]}]' + rest + b"}"

    found = quick_points(body)

    assert found is None


def test_arrays_are_packed_as_lists_are() -> None:
    config = CollectionConfig(vectors={"": VectorParams(size=3, distance=Distance.COSINE)})
    rows = np.random.default_rng(5).normal(size=(20, 3)).tolist()
    body = orjson.dumps({"points": [{"id": place, "vector": row} for place, row in enumerate(rows)]})

    packed = pack_points(parse_upsert(body, MAX), config)

    full = pack_points(parse_any_upsert(body, MAX), config)
    assert packed.slots[""].arrays()["vectors"].tobytes() == full.slots[""].arrays()["vectors"].tobytes()


def test_a_value_beyond_float32_is_refused_from_arrays_too() -> None:
    config = CollectionConfig(vectors={"": VectorParams(size=1, distance=Distance.DOT)})
    points = parse_upsert(b'{"points":[{"id":1,"vector":[1e39]}]}', MAX)

    with pytest.raises(BadFormat, match="finite float32"):
        pack_points(points, config)
