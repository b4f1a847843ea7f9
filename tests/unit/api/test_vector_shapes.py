"""Vectors of an upsert in every shape of the reference: what is taken, what becomes of it, and what is refused how."""

from typing import Any

import orjson
import pytest

from services.api.validate.given import FLATTENED_MAX
from services.api.validate.packing import OPERATION_BYTES, pack_points, split_upsert
from services.api.validate.upserts import parse_upsert
from shared.errors import BadFormat, BadInput, BadRequest, Invalid
from shared.schema.collections import SparseVectorParams
from shared.schema.operations import Upsert
from shared.schema.slots import Distance
from tests.builders import config
from tests.kinds import MIXED, read, shown, slot, written
from tests.unit.worker.shard_log import apply_all, new_state

MANY = config(vectors={"": slot(2, Distance.DOT, multi=True)})
WORDS = {"indices": [7, 2], "values": [0.5, 1]}


def parsed(body: Any) -> Any:
    return parse_upsert(orjson.dumps(body), 1000)


def test_a_list_of_lists_is_a_multivector_of_the_unnamed_slot() -> None:
    operation = written(MANY, [{"id": 1, "vector": [[1, 2], [3, 4]]}, {"id": 2, "vector": [[5, 6]]}])

    state = new_state(MANY)
    apply_all(state, operation)

    assert read(state.segments(), MANY, [1, 2]) == {1: [[1.0, 2.0], [3.0, 4.0]], 2: [[5.0, 6.0]]}


def test_a_plain_list_is_a_multivector_of_one_row() -> None:
    state = new_state(MANY)

    apply_all(state, written(MANY, [{"id": 1, "vector": [1, 2]}]))

    assert read(state.segments(), MANY, [1]) == {1: [[1.0, 2.0]]}


def test_batch_form_takes_every_shape() -> None:
    vectors = {"many": [[[1, 0, 0], [0, 3, 0]], [0, 1, 0]], "words": [WORDS, {"indices": [], "values": []}]}
    points = parsed({"batch": {"ids": [1, 2], "vectors": vectors}})
    state = new_state(MIXED)

    apply_all(state, *split_upsert(pack_points(points, MIXED), 1)[0])

    assert read(state.segments(), MIXED, [1, 2]) == {
        1: {"many": [[1.0, 0.0, 0.0], [0.0, 1.0, 0.0]], "words": {"indices": [2, 7], "values": [1.0, 0.5]}},
        2: {"many": [[0.0, 1.0, 0.0]], "words": {"indices": [], "values": []}},
    }


def test_bytes_are_truncated_toward_zero_and_held_within_their_range() -> None:
    state = new_state(MIXED)

    apply_all(state, written(MIXED, [{"id": 1, "vector": {"bytes": [1.99, -0.7, 300.5], "many bytes": [[255, 256]]}}]))

    assert read(state.segments(), MIXED, [1]) == {1: {"bytes": [1.0, 0.0, 255.0], "many bytes": [[255.0, 255.0]]}}


def test_an_upsert_is_divided_over_shards_and_operations_with_every_kind_of_slot() -> None:
    given = config(vectors={"many": slot(64, Distance.DOT, multi=True)}, sparse_vectors={"words": SparseVectorParams()})
    points = [
        {"id": one, "vector": {"many": [[float(one)] * 64] * 100} if one % 3 else {"words": WORDS}}
        for one in range(150)
    ]
    packed = pack_points(parsed({"points": points}), given)

    parts = split_upsert(packed, 3)

    seen: dict[int, Any] = {}
    for operations in parts.values():
        state = new_state(given)
        apply_all(state, *operations)
        seen |= read(state.segments(), given, range(150))
    assert seen == {point["id"]: shown(point, given) for point in points}
    assert max(len(operations) for operations in parts.values()) > 1
    assert all(_bytes(one) < 1.1 * OPERATION_BYTES for operations in parts.values() for one in operations)


BROKEN = [
    ([], Invalid, "points[0].vector: dense vector must not be empty"),
    ({"many": []}, Invalid, "points[0].vector.?: dense vector must not be empty"),
    ({"many": [[1, 2, 3], []]}, Invalid, "points[0].vector.?.data: all vectors must be non-empty"),
    (
        {"many": [[1, 2], [1, 2, 3]]},
        Invalid,
        "points[0].vector.?.data: all vectors must have the same dimension, found vector with dimension 3",
    ),
    ([[1], []], Invalid, "points[0].vector.data: all vectors must be non-empty"),
    ([[0.0] * 1024] * (FLATTENED_MAX // 1024), Invalid, "a multivector must have fewer than 1048576 elements"),
    (
        {"words": {"indices": [1, 2], "values": [1]}},
        Invalid,
        "points[0].vector.?.values: Validation error: must be the same length as indices [{}]",
    ),
    (
        {"words": {"indices": [1, 1], "values": [1, 2]}},
        Invalid,
        "points[0].vector.?.indices: Validation error: must be unique [{}]",
    ),
    ({"words": {"indices": [-1], "values": [1]}}, BadFormat, "Expected `int` >= 0"),
    ({"words": {"indices": [2**32], "values": [1]}}, BadFormat, "Expected `int` <= 4294967295"),
    ({"words": {"indices": [1]}}, BadFormat, "missing required field `values`"),
    ([1, [2]], BadFormat, "a vector holds both numbers and lists"),
    ([[2], 1], BadFormat, "a vector holds both numbers and lists"),
    ({"a": {"text": "x", "model": "m"}}, BadRequest, "inference of `text` (`points[0].vector.a`)"),
    ({"image": "x", "model": "m"}, BadRequest, "inference of `image` (`points[0].vector`)"),
    ([1, "2"], BadFormat, "Expected `float | array`, got `str`"),
]


@pytest.mark.parametrize(("vector", "error", "text"), BROKEN)
def test_a_vector_that_no_slot_takes_is_refused_before_any_collection_is_looked_at(
    vector: Any, error: type[Exception], text: str
) -> None:
    with pytest.raises(error) as refusal:
        parsed({"points": [{"id": 1, "vector": vector}]})

    assert text in str(refusal.value)


MISFITS = [
    ({"": [[1, 2, 3, 4]]}, BadInput, "Conversion between multi and regular vectors failed"),
    ({"": WORDS}, BadInput, "Conversion between sparse and regular vectors failed"),
    ({"many": WORDS}, BadInput, "Conversion between sparse and regular vectors failed"),
    ({"words": [1, 2]}, BadInput, "Conversion between sparse and regular vectors failed"),
    ({"many": [[1, 2]]}, BadInput, "Vector dimension error: expected dim: 3, got 2 for vector 'many'"),
    ({"none": WORDS}, BadInput, "Not existing vector name error: none"),
    ({"half": [0, 0, 0, 0, 1e39]}, BadFormat, "a vector holds a value that is not a finite float32"),
    ({"words": {"indices": [1], "values": [-1e39]}}, BadFormat, "a vector holds a value that is not a finite float32"),
]


@pytest.mark.parametrize(("vector", "error", "text"), MISFITS)
def test_a_vector_that_does_not_fit_its_slot_is_refused(vector: Any, error: type[Exception], text: str) -> None:
    points = parsed({"points": [{"id": 1, "vector": vector}]})

    with pytest.raises(error) as refusal:
        pack_points(points, MIXED)

    assert str(refusal.value).endswith(text)


def test_a_value_beyond_float16_is_refused() -> None:
    given = config(vectors={"": slot(1, Distance.DOT, "float16")})

    with pytest.raises(BadFormat, match="not a finite float16"):
        pack_points(parsed({"points": [{"id": 1, "vector": [70_000]}]}), given)


def _bytes(operation: Upsert) -> int:
    return sum(len(rows.rows) + len(rows.indices) for rows in operation.slots.values())
