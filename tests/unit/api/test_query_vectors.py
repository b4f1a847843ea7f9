"""Vectors in searches: every shape that is taken, what is refused and how, and the bytes that shards get."""

from typing import Any

import numpy as np
import pytest

from services.api.validate.given import WireSparse
from services.api.validate.query_vectors import as_searched, full_scan_of, packed_query
from shared.errors import BadFormat, BadInput
from shared.schema.collections import CollectionConfig
from tests.unit.api.api_under_test import Api

P = "/collections/kinds/points"
MULTI = {"multivector_config": {"comparator": "max_sim"}}
CONFIG = {
    "vectors": {
        "d": {"size": 2, "distance": "Dot", "hnsw_config": {"full_scan_threshold": 77}},
        "c": {"size": 2, "distance": "Cosine"},
        "m": {"size": 2, "distance": "Cosine", **MULTI},
        "b": {"size": 2, "distance": "Cosine", "datatype": "uint8"},
        "e": {"size": 3, "distance": "Euclid", "datatype": "uint8"},
    },
    "sparse_vectors": {"s": {}, "t": {"index": {"full_scan_threshold": 9}}, "w": {"modifier": "idf"}},
}
KINDS = CollectionConfig.model_validate(CONFIG)


def floats(packed: bytes) -> list[float]:
    found: list[float] = np.frombuffer(packed, "<f4").tolist()
    return found


@pytest.fixture
async def kinds(api: Api) -> Api:
    await api.ok("PUT", "/collections/kinds", CONFIG)
    return api


def test_a_sparse_query_travels_sorted_by_index() -> None:
    packed = packed_query(WireSparse([9, 4_294_967_295, 2], [1.0, 2.0, 3.0]), "s", KINDS)

    assert np.frombuffer(packed, "<u4", 3).tolist() == [2, 9, 4_294_967_295]
    assert floats(packed[12:]) == [3.0, 1.0, 2.0]


def test_rows_of_a_multivector_query_are_normalised_one_by_one_under_cosine() -> None:
    assert floats(packed_query([[3.0, 4.0], [0.0, 2.0]], "m", KINDS)) == pytest.approx([0.6, 0.8, 0.0, 1.0])
    assert floats(packed_query([3.0, 4.0], "m", KINDS)) == pytest.approx([0.6, 0.8])


def test_queries_of_byte_slots_lose_fraction_and_range_before_their_length() -> None:
    assert floats(packed_query([3.9, 300.0, -2.0], "e", KINDS)) == [3.0, 255.0, 0.0]
    assert floats(packed_query([3.9, 4.2], "b", KINDS)) == pytest.approx([0.6, 0.8])


def test_stored_vectors_become_queries_by_the_same_rules() -> None:
    stored = np.array([30, 40], "<f4").tobytes()

    assert floats(as_searched(stored, KINDS.vectors["b"])) == pytest.approx([0.6, 0.8])
    assert floats(as_searched(stored, KINDS.vectors["d"])) == [30, 40]


@pytest.mark.parametrize(
    ("vector", "slot", "text"),
    [
        ([[1.0, 0.0]], "d", "Conversion between multi and regular vectors failed"),
        (WireSparse([1], [1.0]), "d", "Conversion between sparse and regular vectors failed"),
        (WireSparse([1], [1.0]), "m", "Conversion between sparse and regular vectors failed"),
        ([1.0, 0.0], "s", "Conversion between sparse and regular vectors failed"),
        ([[1.0, 0.0]], "s", "Conversion between sparse and regular vectors failed"),
        ([1.0], "d", "Vector dimension error: expected dim: 2, got 1"),
        ([[1.0, 2.0, 3.0]], "m", "Vector dimension error: expected dim: 2, got 3"),
        ([1.0], "none", "Not existing vector name error: none"),
        (WireSparse([1], [1.0]), "none", "Not existing vector name error: none"),
    ],
)
def test_a_query_that_does_not_fit_its_slot_is_refused(vector: Any, slot: str, text: str) -> None:
    with pytest.raises(BadInput, match=text):
        packed_query(vector, slot, KINDS)


@pytest.mark.parametrize("vector", [[1.0, [2.0]], [1.0, 1e300], WireSparse([1], [1e300])])
def test_a_query_of_no_float32_numbers_is_refused(vector: Any) -> None:
    with pytest.raises(BadFormat):
        packed_query(vector, "s" if isinstance(vector, WireSparse) else "d", KINDS)


def test_the_full_scan_threshold_is_that_of_the_slot() -> None:
    assert [full_scan_of(KINDS, slot) for slot in ("d", "c", "s", "t")] == [77, 10000, 5000, 9]


QUERIES: list[tuple[Any, str]] = [
    ([1, 0], "d"),
    ([[1, 0], [0, 1]], "m"),
    ([1, 0], "m"),
    ({"indices": [5, 2], "values": [1, 2]}, "s"),
    ({"nearest": [1, 0]}, "d"),
    ({"nearest": [[1, 0]]}, "m"),
    ({"nearest": {"indices": [], "values": []}}, "s"),
]


@pytest.mark.parametrize(("query", "slot"), QUERIES)
async def test_every_shape_of_a_query_is_taken(kinds: Api, query: Any, slot: str) -> None:
    assert await kinds.ok("POST", f"{P}/query", {"query": query, "using": slot}) == {"points": []}
    batch = {"searches": [{"query": query, "using": slot}]}
    assert await kinds.ok("POST", f"{P}/query/batch", batch) == [{"points": []}]


@pytest.mark.parametrize(
    "vector",
    [
        {"name": "s", "vector": {"indices": [5, 2], "values": [1, 2]}},
        {"name": "m", "vector": [[1, 0], [0, 1]]},
        {"name": "d", "vector": [1, 0]},
    ],
)
async def test_the_old_search_takes_named_vectors_of_every_kind(kinds: Api, vector: Any) -> None:
    assert await kinds.ok("POST", f"{P}/search", {"vector": vector, "limit": 3}) == []
    assert await kinds.ok("POST", f"{P}/search/batch", {"searches": [{"vector": vector, "limit": 3}]}) == [[]]


REFUSED: list[tuple[Any, str, int, str]] = [
    ({"indices": [1, 2], "values": [1]}, "s", 422, "vector.values: Validation error: must be the same length"),
    ({"indices": [1, 1], "values": [1, 2]}, "s", 422, "vector.indices: Validation error: must be unique"),
    ({"indices": [-1], "values": [1]}, "s", 400, "Format error in JSON body: "),
    ({"indices": [4_294_967_296], "values": [1]}, "s", 400, "Format error in JSON body: "),
    ({"indices": [1], "values": [1], "other": 1}, "s", 400, "data did not match any variant of a query"),
    ({"indices": [1]}, "s", 400, "data did not match any variant of a query"),
    ([], "d", 422, "dense vector must not be empty"),
    ([[]], "m", 422, "all vectors must be non-empty"),
    ([[1, 0], [1]], "m", 422, "all vectors must have the same dimension, found vector with dimension 1"),
    ([[1, 0], 1], "m", 400, "both numbers and lists"),
    ([1, [1, 0]], "d", 400, "both numbers and lists"),
    ({"text": "a word", "model": "some/model"}, "d", 400, "not supported yet by Shoal: inference of `text`"),
]


@pytest.mark.parametrize(("query", "slot", "status", "text"), REFUSED)
async def test_a_query_of_a_bad_shape_is_refused(kinds: Api, query: Any, slot: str, status: int, text: str) -> None:
    for body in ({"query": query, "using": slot}, {"query": {"nearest": query}, "using": slot}):
        found_status, found_text = await kinds.error("POST", f"{P}/query", body)

        assert (found_status, text in found_text) == (status, True), found_text


@pytest.mark.parametrize("slot", ["d", "m", "s"])
async def test_idf_of_a_slot_that_does_not_weigh_is_refused(kinds: Api, slot: str) -> None:
    query = {"indices": [1], "values": [1]} if slot == "s" else [1, 0]
    body = {"query": query, "using": slot, "params": {"idf": "global"}}

    status, text = await kinds.error("POST", f"{P}/query", body)

    assert (status, "idf modifier" in text) == (400, True), text


@pytest.mark.parametrize("idf", ["local", {"corpus": {"mist": []}}, {}, 1])
async def test_an_idf_that_does_not_parse_is_refused(kinds: Api, idf: Any) -> None:
    body = {"query": {"indices": [1], "values": [1]}, "using": "w", "params": {"idf": idf}}

    status, text = await kinds.error("POST", f"{P}/query", body)

    assert (status, text.startswith("Format error in JSON body: ")) == (400, True), text


async def test_vectors_of_every_kind_may_be_asked_for_by_name(kinds: Api) -> None:
    found = await kinds.ok("POST", f"{P}/query", {"query": [1, 0], "using": "d", "with_vector": ["s", "m"]})

    assert found == {"points": []}
