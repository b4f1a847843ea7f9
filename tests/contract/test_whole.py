"""What only the whole can show: bodies made at random, read-your-writes, collections without vectors, bulk uploads."""

import random
import uuid
from typing import Any

import httpx
import pytest
from qdrant_client import models

from tests.contract.samples import DIM, points, vector
from tests.unit.api.test_hostile_bodies import ROUTES, made_up, seeded

ONE = models.VectorParams(size=DIM, distance=models.Distance.DOT)


@pytest.mark.parametrize(("method", "path"), ROUTES)
def test_no_body_makes_the_whole_fail(client: Any, shoal_url: str, method: str, path: str) -> None:
    client.create_collection("planes", vectors_config=models.VectorParams(size=2, distance=models.Distance.EUCLID))
    client.upsert("planes", [models.PointStruct(id=1, vector=[1, 2], payload={"n": 1})], wait=True)
    source = random.Random(f"{path} {method}")

    with httpx.Client(base_url=shoal_url, trust_env=False) as session:
        for place in range(120):
            body = seeded(source, path) if place % 2 else made_up(source)
            answer = session.request(method, path, json=body, params={"timeout": 5})
            assert answer.status_code in (200, 400, 404, 409, 422), (body, answer.text)
            if path.endswith("other") and answer.status_code == 200:
                session.delete(path)
        assert session.post("/collections/planes/points/count", json={}).status_code == 200


def test_a_read_with_the_token_of_an_unwaited_write_sees_it(client: Any, shoal_url: str) -> None:
    client.create_collection("c", vectors_config=ONE, shard_number=2)

    with httpx.Client(base_url=f"{shoal_url}/collections/c/points", trust_env=False) as session:
        for place in range(20):
            body = {"points": [{"id": str(uuid.uuid4()), "vector": vector(place)} for _ in range(10)]}
            token = session.put("", json=body).headers["X-Shoal-Position"]
            counted = session.post("/count", json={}, headers={"X-Shoal-Position": token}).json()
            assert counted["result"]["count"] >= 10 * place


def test_collection_without_vectors_keeps_payloads(client: Any) -> None:
    client.create_collection("c", vectors_config={})

    client.upsert("c", [models.PointStruct(id=1, vector={}, payload={"a": 1})], wait=True)

    assert client.retrieve("c", [1])[0].payload == {"a": 1}
    assert client.count("c").count == 1


def test_bulk_upload_arrives_whole(client: Any) -> None:
    client.create_collection("c", vectors_config=ONE)
    given = [models.PointStruct(id=each, vector=vector(each), payload={"n": each}) for each in range(2000)]

    client.upload_points("c", given, batch_size=100, wait=True)

    assert client.count("c").count == 2000
    assert client.query_points("c", 1234, limit=1).points
    page, following = client.scroll("c", limit=5, offset=1990)
    assert [record.id for record in page] == [1990, 1991, 1992, 1993, 1994]
    assert following == 1995


def test_positions_of_many_writers_are_dense(client: Any) -> None:
    client.create_collection("c", vectors_config=ONE)

    ids = [client.upsert("c", [point], wait=False).operation_id for point in points(count=30)]

    assert ids == list(range(30))
