"""Strict mode against a whole Shoal: what depends on figures of the shards."""

from typing import Any

import pytest
from qdrant_client import models
from qdrant_client.http.exceptions import UnexpectedResponse


def create(client: Any, **limits: Any) -> None:
    client.create_collection(
        "strict",
        models.VectorParams(size=4, distance=models.Distance.DOT),
        shard_number=2,
        strict_mode_config=models.StrictModeConfig(enabled=True, **limits),
    )


def upsert(client: Any, *ids: int) -> None:
    points = [models.PointStruct(id=one, vector=[1, 2, 3, 4], payload={"text": "x" * 100}) for one in ids]
    client.upsert("strict", points, wait=True)


def test_the_limit_of_points_counts_those_of_all_shards(client: Any) -> None:
    create(client, max_points_count=10)
    upsert(client, *range(10))

    with pytest.raises(UnexpectedResponse, match="Max points count limit of 10 reached!"):
        upsert(client, 10)
    upsert(client, *range(10))
    client.delete("strict", [3], wait=True)
    upsert(client, 10)

    assert client.count("strict").count == 10


@pytest.mark.parametrize(
    ("limit", "text"),
    [
        ("max_collection_vector_size_bytes", "Max vector storage size limit"),
        ("max_collection_payload_size_bytes", "Max payload storage size limit"),
    ],
)
def test_bytes_are_counted_as_they_are_stored(client: Any, limit: str, text: str) -> None:
    create(client, **{limit: 64})
    upsert(client, 1, 2, 3, 4)

    with pytest.raises(UnexpectedResponse, match=text):
        upsert(client, 5)


def test_payloads_do_not_grow_over_their_limit_by_setting_them(client: Any) -> None:
    create(client, max_collection_payload_size_bytes=64)
    upsert(client, 1)

    with pytest.raises(UnexpectedResponse, match="Max payload storage size limit"):
        client.set_payload("strict", {"more": 1}, points=[1], wait=True)
