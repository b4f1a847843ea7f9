"""Parsing of hot bodies: vectors, payloads, upserts, filters, held against plain models by random examples."""

import json
import math
import struct
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.api.validate import packing
from services.api.validate.filters import FilterLimits, WireFilter, parse_filter
from services.api.validate.packing import pack_points, split_upsert
from services.api.validate.payloads import DEPTH_MAX, payload_text
from services.api.validate.upserts import parse_upsert
from services.api.validate.vectors import pack_vector, unit_rows, unit_vector
from shared.errors import BadFormat, BadInput, BadRequest, TooLarge
from shared.schema.collections import CollectionConfig
from shared.schema.filters import Filter, HasId, IsEmpty, MatchAny, MatchExcept, Range
from shared.schema.points import shard_of

LIMITS = FilterLimits(conditions_max=50, depth_max=5)
float32s = st.floats(width=32, allow_nan=False, allow_infinity=False)


def config(distance: str = "Dot", **dims: int) -> CollectionConfig:
    vectors = {name.replace("unnamed", ""): {"size": dim, "distance": distance} for name, dim in dims.items()}
    return CollectionConfig.model_validate({"vectors": vectors})


def narrow(wire: Any) -> Filter | None:
    return parse_filter(msgspec.convert(wire, WireFilter), LIMITS)


@given(st.lists(float32s, min_size=1, max_size=8))
def test_float32_values_are_packed_without_loss(values: list[float]) -> None:
    assert list(struct.unpack(f"<{len(values)}f", pack_vector(values, "", len(values)))) == values


@given(st.floats(allow_nan=False, allow_infinity=False).filter(lambda value: abs(value) > 3.5e38))
def test_values_beyond_float32_are_refused(value: float) -> None:
    with pytest.raises(BadFormat):
        pack_vector([value], "", 1)


def test_wrong_dimension_names_the_vector() -> None:
    with pytest.raises(BadInput, match="expected dim: 3, got 2 for vector 'v'"):
        pack_vector([1.0, 2.0], "v", 3)


@given(st.lists(st.floats(-(2.0**100), 2.0**100, width=32), min_size=2, max_size=16))
def test_rows_and_queries_are_normalised_alike_to_unit_length(values: list[float]) -> None:
    row = np.asarray([values], np.float32)

    unit = unit_rows(row)[0]

    length = math.sqrt(float(unit.astype(np.float64) @ unit.astype(np.float64)))
    assert length == pytest.approx(1.0 if row.any() else 0.0, abs=1e-6)
    np.testing.assert_allclose(np.frombuffer(unit_vector(row.tobytes()), "<f4"), unit, rtol=1e-6)


def test_unit_and_zero_vectors_stay_what_they_are() -> None:
    rows = np.asarray([[0.6, 0.8], [0, 0]], np.float32)

    assert unit_rows(rows).tobytes() == rows.tobytes()
    assert unit_vector(pack_vector([0.0, 0.0], "", 2)) == bytes(8)


numbers = st.integers(-(2**63), 2**64 - 1) | st.floats(allow_nan=False, allow_infinity=False)
json_values = st.recursive(
    st.none() | st.booleans() | numbers | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=10,
)


@given(st.dictionaries(st.text(), json_values, max_size=4))
def test_payload_text_means_what_the_payload_meant(payload: dict[str, Any]) -> None:
    try:
        text = payload_text(payload)
    except BadFormat:
        assert "\\ud" in json.dumps(payload)  # a lone surrogate is no text
        return
    assert json.loads(text or b"{}") == payload


def test_integers_beyond_64_bits_become_floats() -> None:
    assert json.loads(payload_text({"a": [2**70, 2**64 - 1, "99999999999999999999999"]})) == {
        "a": [float(2**70), 2**64 - 1, "99999999999999999999999"]
    }


def test_payload_that_nests_too_deep_is_refused() -> None:
    deep: dict[str, Any] = {}
    for _ in range(DEPTH_MAX - 1):
        deep = {"a": deep}

    assert payload_text(deep)
    with pytest.raises(BadFormat, match="nests deeper"):
        payload_text({"a": deep})


@settings(max_examples=60)
@given(
    st.lists(
        st.tuples(st.integers(0, 12), st.lists(float32s, min_size=2, max_size=2), st.booleans(), st.booleans()),
        min_size=1,
        max_size=30,
    ),
    st.integers(1, 4),
)
def test_operations_hold_the_last_of_each_point_in_its_shard(drawn: list[Any], shard_number: int) -> None:
    points = [
        {"id": point_id, "vector": ({"a": values} if has_a else {}) | ({"b": values[:1]} if has_b else {})}
        for point_id, values, has_a, has_b in drawn
    ]
    expected = {point["id"]: point["vector"] for point in points}

    packed = pack_points(parse_upsert(json.dumps({"points": points}).encode(), 100), config(a=2, b=1))
    parts = split_upsert(packed, shard_number)

    found: dict[Any, Any] = {}
    for shard, operations in parts.items():
        for operation in operations:
            rows = {name: iter(np.frombuffer(s.rows, "<f4").reshape(-1, s.dim)) for name, s in operation.slots.items()}
            for place, point_id in enumerate(operation.ids):
                assert point_id not in found
                assert shard_of(point_id, shard_number) == shard
                found[point_id] = {
                    name: next(rows[name]).tolist()
                    for name, slot in operation.slots.items()
                    if not slot.present or slot.present[place]
                }
            assert all(next(left, None) is None for left in rows.values())
    assert found == expected


def test_large_upsert_becomes_several_operations_that_hold_every_point_once() -> None:
    count, dim = 300, 4096
    points = [{"id": each, "vector": [0.5] * dim, "payload": {"n": each}} for each in range(count)]

    packed = pack_points(parse_upsert(json.dumps({"points": points}).encode(), count), config(unnamed=dim))
    operations = split_upsert(packed, 1)[0]

    assert len(operations) == 10
    assert [point_id for operation in operations for point_id in operation.ids] == list(range(count))
    assert max(len(operation.slots[""].rows) for operation in operations) <= packing.OPERATION_BYTES


def test_more_points_than_the_limit_are_refused() -> None:
    body = json.dumps({"points": [{"id": each, "vector": [1]} for each in range(3)]}).encode()

    with pytest.raises(TooLarge):
        parse_upsert(body, 2)


def test_every_condition_is_narrowed() -> None:
    wire = {
        "must": {"key": "a.b[0]", "match": {"value": True}},
        "should": [
            {"key": "a", "match": {"any": []}},
            {"key": "a", "match": {"except": ["x"]}},
            {"key": "a", "range": {"gt": 1, "lte": 2.5}},
            {"has_id": [1, "00000000-0000-0000-0000-000000000002"]},
            {"is_empty": {"key": "a"}},
            {"key": "a", "is_empty": True},
        ],
        "must_not": [{"key": "a", "is_empty": False}, {"must": [{"has_id": []}]}, {}],
    }

    assert narrow(wire) == Filter(
        must=[MatchAny("a.b[0]", [True])],
        should=[
            MatchAny("a", []),
            MatchExcept("a", ["x"]),
            Range("a", gt=1.0, lte=2.5),
            HasId([1, (2).to_bytes(16, "big")]),
            IsEmpty("a"),
            IsEmpty("a"),
        ],
        must_not=[Filter(must_not=[IsEmpty("a")]), Filter(must=[HasId([])]), Filter()],
    )


def test_empty_filter_keeps_everything_and_a_field_with_two_tests_needs_one() -> None:
    assert narrow({}) is None
    assert narrow({"must": []}) is None
    both = narrow({"must": [{"key": "a", "match": {"value": 1}, "range": {"lt": 0}}]})
    assert both == Filter(must=[Filter(should=[MatchAny("a", [1]), Range("a", lt=0.0)])])


def test_filter_is_bounded_in_depth_and_in_conditions() -> None:
    deep: dict[str, Any] = {"must": {"has_id": [1]}}
    for _ in range(LIMITS.depth_max):
        deep = {"must": [deep]}

    with pytest.raises(BadRequest, match="nesting limit"):
        narrow(deep)
    with pytest.raises(BadRequest, match=r"condition limit reached \(51 > 50\)"):
        narrow({"must": [{"has_id": [1]}] * 51})


@pytest.mark.parametrize(
    "condition",
    [
        {"match": {"value": 1}},
        {"key": "a", "has_id": [1]},
        {"has_id": [1], "must": []},
        {"key": "a", "match": {}},
        {"key": "a", "match": {"value": 2**63}},
        {"key": "", "match": {"value": 1}},
        {"key": "a b", "match": {"value": 1}},
        {"has_id": [-1]},
    ],
    ids=str,
)
def test_condition_that_is_none_is_refused(condition: Any) -> None:
    with pytest.raises(BadFormat):
        narrow({"must": [condition]})
