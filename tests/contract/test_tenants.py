"""A collection for many tenants as the guide lays it out: its searches give what local mode gives, before and after."""

import time
from typing import Any

import numpy as np
from qdrant_client import models

from tests.contract.conftest import Clients

DIM, ROWS, WAIT_S = 32, 600, 60.0
USERS = ("ann", "bob", "eve")


def test_searches_of_tenants_are_the_same_once_their_rows_lie_together(clients: Clients) -> None:
    draw = np.random.default_rng(4)
    rows = draw.standard_normal((ROWS, DIM))
    users = draw.choice(USERS, ROWS, p=[0.7, 0.25, 0.05])
    points = [
        models.PointStruct(id=row, vector=rows[row].tolist(), payload={"user": str(users[row])}) for row in range(ROWS)
    ]
    for client in clients:
        client.create_collection(
            "c",
            models.VectorParams(size=DIM, distance=models.Distance.COSINE),
            hnsw_config=models.HnswConfigDiff(m=0, payload_m=16, full_scan_threshold=10),
            optimizers_config=models.OptimizersConfigDiff(indexing_threshold=10),
        )
        client.upsert("c", points, wait=True)
    tenant = models.KeywordIndexParams(type=models.KeywordIndexType.KEYWORD, is_tenant=True)
    queries = draw.standard_normal((4, DIM))
    before = [found(clients.shoal, query, user) for query in queries for user in USERS]

    clients.shoal.create_payload_index("c", "user", tenant, wait=True)
    wait_until_indexed(clients.shoal)

    after = [found(clients.shoal, query, user) for query in queries for user in USERS]
    expected = [found(clients.local, query, user) for query in queries for user in USERS]
    assert before == expected
    assert sum(len(set(mine) & set(best)) for mine, best in zip(after, expected, strict=True)) >= 0.95 * 12 * 10
    assert clients.shoal.get_collection("c").payload_schema["user"].params.is_tenant


def found(client: Any, query: np.ndarray, user: str) -> list[int]:
    """Return the ids of a tenant's best points."""
    mine = models.Filter(must=[models.FieldCondition(key="user", match=models.MatchValue(value=user))])
    return [point.id for point in client.query_points("c", query.tolist(), query_filter=mine, limit=10).points]


def wait_until_indexed(client: Any) -> None:
    """Wait until the optimizer has laid the rows out."""
    deadline = time.monotonic() + WAIT_S
    while True:
        info = client.get_collection("c")
        if info.status == models.CollectionStatus.GREEN and info.indexed_vectors_count:
            return
        assert time.monotonic() < deadline, info
        time.sleep(0.1)
