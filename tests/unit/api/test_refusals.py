"""Statuses and texts of requests that are refused, as envelope.md has them."""

# ruff: noqa: E501  # one refusal a line reads as a table

import asyncio
from typing import Any

import pytest

from tests.unit.api.api_under_test import Api

P = "/collections/planes/points"
QUERY_THRESHOLD = (
    "Bad request: A query is needed to use the score_threshold. Can't have score_threshold without defining a query."
)

REFUSED: list[tuple[str, str, Any, int, str]] = [
    ("POST", "/collections/none/points/count", {}, 404, "Not found: Collection `none` doesn't exist!"),
    ("PUT", "/collections/none/points", {"points": [{"id": 1, "vector": [1]}]}, 404, "Not found: Collection `none`"),
    ("PUT", P, {"points": []}, 400, "Bad request: Empty update request"),
    ("PUT", P, {"points": [{"id": 1, "vector": [1, 2, 3]}]}, 400, "Wrong input: Vector dimension error: expected dim: 2, got 3"),
    ("PUT", P, {"points": [{"id": 1, "vector": {"n": [1, 2]}}]}, 400, "Wrong input: Not existing vector name error: n"),
    ("PUT", P, {"points": [{"id": 1, "vector": []}]}, 422, "Validation error in JSON body: [points[0].vector: dense"),
    ("PUT", P, {"points": [{"id": 1, "vector": [1e39, 0]}]}, 400, "Format error in JSON body: a vector holds"),
    ("PUT", P, {"points": [{"id": -1, "vector": [1, 0]}]}, 400, "Format error in JSON body: value -1 is not a valid point"),
    ("PUT", P, {"points": [{"id": 2**64, "vector": [1, 0]}]}, 400, "Format error in JSON body: value 18446744073709551616"),
    ("PUT", P, {"points": [{"id": "x", "vector": [1, 0]}]}, 400, "Format error in JSON body: value 'x' is not a valid"),
    ("PUT", P, {"points": [{"id": 1, "vector": [[1, 0]]}]}, 400, "Wrong input: Conversion between multi and regular vectors failed"),
    ("PUT", P, {"points": [{"id": 1, "vector": {"s": {"indices": [1], "values": [1]}}}]}, 400, "Wrong input: Not existing vector name error: s"),
    ("PUT", P, {"points": [{"id": 1, "vector": {"text": "a", "model": "m"}}]}, 400, "Bad request: not supported yet by Shoal: inference"),
    ("PUT", P, {"points": [{"id": 1, "vector": [1, 0]}], "update_filter": {"what": []}}, 400, "Format error in JSON body: Expected some form of condition"),
    ("PUT", P, {"points": [{"id": 1, "vector": [1, 0]}], "update_mode": "never"}, 400, "Format error in JSON body: Invalid enum value 'never'"),
    ("PUT", P, {"points": [{"id": 1, "vector": [1, 0]}], "shard_key": "a"}, 400, "Wrong input: Shard key a not found"),
    ("PUT", P, {"points": [{"id": 1, "vector": [1, 0]}], "shard_key": {"target": 7, "fallback": "b"}}, 400, "Wrong input: Shard key 7 not found"),
    ("PUT", P, {"points": [{"id": 1, "vector": [1, 0]}], "shard_key": 1.5}, 400, "Format error in JSON body: Expected"),
    ("PUT", P, {"batch": {"ids": [1, 2], "vectors": [[1, 0]]}}, 422, "Validation error in JSON body: [batch: number of ids and vectors must be equal (2 != 1)]"),
    ("PUT", f"{P}?wait=maybe", {"points": []}, 400, "Deserialize error in query parameters: wait"),
    ("PUT", f"{P}?ordering=never", {"points": []}, 400, "Deserialize error in query parameters: ordering"),
    ("POST", f"{P}/count?timeout=0", {}, 400, "Deserialize error in query parameters: timeout"),
    ("POST", f"{P}/count?consistency=0", {}, 400, "Deserialize error in query parameters: consistency"),
    ("POST", f"{P}/delete", {}, 400, "Format error in JSON body: data did not match any variant of untagged enum PointsSelector"),
    ("POST", f"{P}/delete", {"filter": {"must": [{"key": "a"}]}}, 422, "Validation error in JSON body: [filter: At least one field condition"),
    ("POST", f"{P}/delete", {"points": [1], "shard_key": ["a"]}, 400, "Wrong input: Shard key a not found"),
    ("POST", f"{P}/payload/clear", {}, 400, "Format error in JSON body: data did not match any variant"),
    ("POST", f"{P}/payload/delete", {"points": [1]}, 400, "Format error in JSON body: Object missing required field `keys`"),
    ("POST", f"{P}/payload/delete", {"keys": ["a"]}, 400, "Bad request: No filter or points provided"),
    ("POST", f"{P}/payload/delete", {"keys": ["a["], "points": [1]}, 400, "Format error in JSON body: invalid payload path"),
    ("PUT", f"{P}/payload", {"payload": {}}, 400, "Bad request: No filter or points provided"),
    ("PUT", f"{P}/payload", {"points": [1]}, 400, "Format error in JSON body: Object missing required field `payload`"),
    ("PUT", f"{P}/vectors", {"points": []}, 422, "Validation error in JSON body: [points: must specify points to update]"),
    ("PUT", f"{P}/vectors", {"points": [{"id": 1, "vector": []}]}, 422, "Validation error in JSON body: [points[0].vector: must specify vectors to update for point]"),
    ("PUT", f"{P}/vectors", {"points": [{"id": 1, "vector": {}}]}, 422, "Validation error in JSON body: [points[0].vector: must specify vectors to update for point]"),
    ("PUT", f"{P}/vectors", {"points": [{"id": 1}]}, 400, "Format error in JSON body: points[0]: missing field `vector`"),
    ("PUT", f"{P}/vectors", {"points": [{"id": 1, "vector": [1]}]}, 400, "Wrong input: Vector dimension error: expected dim: 2, got 1"),
    ("PUT", f"{P}/vectors", {"points": [{"id": 1, "vector": {"n": [1, 0]}}]}, 400, "Wrong input: Not existing vector name error: n"),
    ("POST", f"{P}/vectors/delete", {"vector": [""]}, 400, "Bad request: No filter or points provided"),
    ("POST", f"{P}/vectors/delete", {"vector": [], "points": [1]}, 422, "Validation error in JSON body: [vector: must specify vector names to delete]"),
    ("POST", f"{P}/vectors/delete", {"points": [1]}, 400, "Format error in JSON body: missing field `vector`"),
    ("POST", f"{P}/vectors/delete", {"vector": ["n"], "points": [1]}, 400, "Wrong input: Not existing vector name error: n"),
    ("POST", f"{P}/batch", {"operations": [{"upsert": {"points": [{"id": 1, "vector": [1, 0]}]}}, {"what": {}}]}, 400, "Format error in JSON body: operations[1]: data did not match any variant"),
    ("POST", f"{P}/batch", {"operations": [{"delete": {"points": [1]}}, {"upsert": {"points": []}}]}, 400, "Bad request: Empty update request"),
    ("POST", f"{P}/batch", {"operations": [{"delete": {"points": [1]}}, {"update_vectors": {"points": [{"id": 1, "vector": {}}]}}]}, 422, "Validation error in JSON body: [points[0].vector: must specify"),
    ("POST", f"{P}/payload", {"payload": {}}, 400, "Bad request: No filter or points provided"),
    ("POST", f"{P}/payload", {"payload": {}, "points": [1], "key": "a["}, 400, "Format error in JSON body: invalid payload path"),
    ("POST", f"{P}/payload", {"payload": {}, "points": [1], "key": ".".join("a" * 33)}, 400, "Format error in JSON body: a payload path of at most 32 steps"),
    ("POST", f"{P}/query", {"limit": 0}, 422, "Validation error in JSON body: [internal.limit: value 0 invalid, must be 1 or larger]"),
    ("POST", f"{P}/query", {"score_threshold": 1}, 400, QUERY_THRESHOLD),
    ("POST", f"{P}/query", {"query": {"fusion": "rrf"}}, 400, "Bad request: not supported yet by Shoal: query `fusion`"),
    ("POST", f"{P}/query", {"prefetch": {"query": [1, 0]}, "query": [1, 0]}, 400, "Bad request: not supported yet by Shoal: `prefetch`"),
    ("POST", f"{P}/query", {"query": [1, 0, 0]}, 400, "Wrong input: Vector dimension error: expected dim: 2, got 3"),
    ("POST", f"{P}/query", {"query": [1, 0], "using": "n"}, 400, "Wrong input: Not existing vector name error: n"),
    ("POST", f"{P}/query", {"query": [1, 0], "with_vector": ["n"]}, 400, "Wrong input: Not existing vector name error: n"),
    ("POST", f"{P}/query", {"query": [1, 0], "params": {"hnsw_ef": 0}}, 422, "Validation error in JSON body: [internal.params.hnsw_ef: value 0"),
    ("POST", f"{P}/query", {"query": [1, 0], "params": {"quantization": {"oversampling": 0.5}}}, 422, "Validation error in JSON body: [internal.params.quantization.oversampling: value 0.5"),
    ("POST", f"{P}/search", {"vector": [1, 0]}, 400, "Format error in JSON body: missing field `limit`"),
    ("POST", f"{P}/search", {"vector": [1, 0], "limit": "x"}, 400, "Format error in JSON body: Expected `int | null`"),
    ("POST", f"{P}/search", {"vector": [1, 0], "limit": 10**9}, 400, "Bad request: Limit exceeded 1000000000 > 100000"),
    ("POST", f"{P}/count", {"filter": {"musst": []}}, 400, "Format error in JSON body: Expected some form of condition"),
    ("POST", f"{P}/count", {"filter": {"must": [{"what": 1}]}}, 400, "Format error in JSON body: Expected some form of condition"),
    ("POST", f"{P}/count", {"filter": {"must": [{"key": "a"}]}}, 422, "Validation error in JSON body: [count_request.filter: At least one field condition"),
    ("POST", f"{P}/count", {"filter": {"must": [{"key": "a[", "match": {"value": 1}}]}}, 400, "Format error in JSON body: invalid payload path"),
    ("POST", f"{P}/count", {"filter": {"must": [{"key": "a", "match": {"text": 1}}]}}, 400, "Format error in JSON body: Expected `str | null`"),
    ("POST", f"{P}/count", {"filter": {"must": [{"key": "a", "match": {"any": ["x", 1]}}]}}, 400, "Format error in JSON body: a list to match"),
    ("POST", f"{P}/count", {"filter": {"min_should": {"conditions": []}}}, 400, "Format error in JSON body: Object missing required field `min_count`"),
    ("POST", f"{P}/count", {"filter": {"min_should": {"conditions": [], "min_count": 0}}}, 422, "Validation error in JSON body: [count_request.filter.min_should.min_count: min_count must be greater than 0]"),
    ("POST", f"{P}/count", {"filter": {"must": [{"slice": {"total": 2, "index": 2}}]}}, 422, "Validation error in JSON body: [count_request.filter.slice.index: index must be less than total]"),
    ("POST", f"{P}/scroll", {"order_by": "n"}, 400, "Wrong input: No range index for `order_by` key: `n`"),
    ("POST", f"{P}/recommend", {"positive": [1]}, 400, "Bad request: not supported yet by Shoal: POST /collections/{}/points/recommend"),
    ("PUT", "/collections/planes", {"vectors": {"size": 4, "distance": "Dot"}}, 409, "Wrong input: Collection `planes` already exists!"),
    ("PUT", "/collections/x", {"vectors": {"size": 65537, "distance": "Dot"}}, 422, "Validation error in JSON body: [vectors.size: value 65537 invalid, must be from 1 to 65536]"),
    ("PUT", "/collections/x", {"vectors": {"size": 0, "distance": "Dot"}}, 400, "Format error in JSON body: vectors.size"),
    ("PUT", "/collections/x", {"vectors": {"size": 4, "distance": "Hamming"}}, 400, "Format error in JSON body: vectors: Invalid enum value"),
    ("PUT", "/collections/x", {"vectors": {"size": 4}}, 400, "Format error in JSON body: vectors: Object missing required field `distance`"),
    ("PUT", "/collections/x", {"shard_number": 0}, 422, "Validation error in JSON body: [shard_number: value 0 invalid"),
    ("PUT", "/collections/x", {"shard_number": -1}, 400, "Format error in JSON body: shard_number"),
    ("PUT", "/collections/x", {"hnsw_config": {"ef_construct": 3}}, 422, "Validation error in JSON body: [hnsw_config.ef_construct: value 3 invalid, must be 4 or larger]"),
    ("PUT", "/collections/x?timeout=0", {}, 422, "Validation error in query parameters: [timeout: value 0 invalid"),
    ("PUT", "/collections/a%3Ab", {}, 422, "Validation error in path parameters: [name: collection name cannot contain"),
    ("PATCH", "/collections/none", {}, 404, "Not found: Collection `none` doesn't exist!"),
]  # fmt: skip


@pytest.mark.parametrize(("method", "path", "body", "status", "text"), REFUSED)
async def test_request_is_refused(planes: Api, method: str, path: str, body: Any, status: int, text: str) -> None:
    found_status, found_text = await planes.error(method, path, body)

    assert found_status == status, found_text
    assert found_text.startswith(text), found_text


@pytest.mark.parametrize(
    ("raw", "text"),
    [
        (b"{", "Format error in JSON body: Input data was truncated"),
        (b"", "Format error in JSON body: EOF while parsing a value"),
        (b'{"limit": NaN, "vector": [1, 0]}', "Format error in JSON body: JSON is malformed"),
        (b'{"limit": 1, "vector": [1, 1e999]}', "Format error in JSON body: Number out of range"),
        (b'{"limit": 1, "vector": {"name": "\xff", "vector": []}}', "Format error in JSON body: 'utf-8' codec"),
        (b'{"a":' * 3000, "Format error in JSON body: recursion limit exceeded"),
    ],
)
async def test_broken_json_is_400(planes: Api, raw: bytes, text: str) -> None:
    status, answer = await planes.call("POST", f"{P}/search", raw=raw)

    assert status == 400
    assert answer["status"]["error"].startswith(text)


async def test_body_needs_the_json_content_type(planes: Api) -> None:
    status, answer = await planes.call("POST", f"{P}/count", raw=b"{}", headers={"Content-Type": "text/plain"})

    assert (status, answer["status"]["error"][:19]) == (400, "Content type error:")


async def test_too_large_body_is_refused(planes: Api) -> None:
    status, answer = await planes.call("POST", f"{P}/count", raw=b" " * 30_000)

    assert status == 400
    assert "20000 bytes" in answer["status"]["error"]


async def test_unknown_route_is_404_without_a_body(planes: Api) -> None:
    assert await planes.call("GET", "/nothing") == (404, None)
    assert await planes.call("DELETE", "/healthz") == (404, None)


async def test_checks_of_the_body_come_before_the_name_is_looked_up(planes: Api) -> None:
    status, _ = await planes.error("POST", "/collections/none/points/query", {"limit": 0})

    assert status == 422


async def test_path_that_is_no_utf_8_is_an_ordinary_miss(planes: Api) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", planes.service.port)
    writer.write(b"GET /collections/\xff\xfe HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\n")

    answer = await reader.read()

    writer.close()
    await writer.wait_closed()
    assert answer.startswith((b"HTTP/1.1 404", b"HTTP/1.0 400"))


async def test_body_that_is_announced_with_expect_is_asked_for(planes: Api) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", planes.service.port)
    head = f"POST {P}/count HTTP/1.1\r\nHost: a\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
    writer.write(f"{head}Expect: 100-continue\r\nConnection: close\r\n\r\n".encode())

    first = await reader.readuntil(b"\r\n\r\n")
    writer.write(b"{}")
    rest = await reader.read()

    writer.close()
    await writer.wait_closed()
    assert first == b"HTTP/1.1 100 Continue\r\n\r\n"
    assert rest.startswith(b"HTTP/1.1 200 OK")
    assert b'{"count":3}' in rest
