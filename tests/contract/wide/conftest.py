"""A Shoal whose segments are small, and the official client's local mode with the same points.

Two shards, sealed and appendable segments, rows that were replaced, deleted or given another payload since.
"""

import warnings
from collections.abc import Iterator
from random import Random
from typing import Any

import pytest
from qdrant_client import QdrantClient, models

from tests.contract.conftest import Clients
from tests.contract.running import running_shoal
from tests.contract.wide import data

COUNT = 160
INDEXES = {
    "n": models.PayloadSchemaType.INTEGER,
    "arr[].x": models.PayloadSchemaType.INTEGER,
    "f": models.PayloadSchemaType.FLOAT,
    "d": models.PayloadSchemaType.DATETIME,
    "k": models.PayloadSchemaType.KEYWORD,
    "arr[].s": models.PayloadSchemaType.KEYWORD,
    "b": models.PayloadSchemaType.BOOL,
    "u": models.PayloadSchemaType.UUID,
    "p": models.PayloadSchemaType.GEO,
}


@pytest.fixture(scope="session")
def small_url() -> Iterator[str]:
    """The URL of a Shoal that seals after 64 rows."""
    with running_shoal(appendable_rows=64) as url:
        yield url


@pytest.fixture
def pair(small_url: str) -> Iterator[Clients]:
    """Both engines, empty."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        client = QdrantClient(url=small_url, timeout=30, trust_env=False)
    for collection in client.get_collections().collections:
        client.delete_collection(collection.name)
    local = QdrantClient(":memory:")
    yield Clients(client, local)
    client.close()
    local.close()


def create(clients: Clients) -> None:
    """Create the collection `c` in both."""
    config = models.VectorParams(size=data.DIM, distance=models.Distance.DOT)
    clients.shoal.create_collection("c", vectors_config=config, shard_number=2)
    clients.local.create_collection("c", vectors_config=config)


def fill(clients: Clients, seed: int) -> None:
    """Fill both with the same points, some of which change before the test asks for them."""
    create(clients)
    for client in clients:
        source = Random(seed)
        client.upsert("c", data.points(source, COUNT), wait=True)
        client.upsert("c", data.points(source, 20, first=10), wait=True)
        client.delete("c", [data.point_id(place) for place in range(40, 60)], wait=True)
        for place in range(70, 90):
            client.set_payload("c", data.payload(source), points=[data.point_id(place)], wait=True)


def declare(client: Any) -> None:
    """Declare an index of every type that local mode answers alike with and without."""
    for path, kind in INDEXES.items():
        client.create_payload_index("c", path, kind, wait=True)
