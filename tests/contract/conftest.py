"""The official client twice: against a running Shoal, and in its local mode, which is the oracle.

The same body runs on both, and the answers are compared.
"""

import warnings
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
from qdrant_client import QdrantClient

from tests.contract.running import running_shoal


class Clients(NamedTuple):
    """Shoal and the oracle, both empty."""

    shoal: Any
    local: Any


@pytest.fixture(scope="session")
def shoal_url() -> Iterator[str]:
    """The URL of a Shoal that serves for the whole session."""
    with running_shoal() as url:
        yield url


@pytest.fixture
def client(shoal_url: str) -> Iterator[Any]:
    """The official client of an empty Shoal."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        client = QdrantClient(url=shoal_url, timeout=30, trust_env=False)
    for collection in client.get_collections().collections:
        client.delete_collection(collection.name)
    yield client
    client.close()


@pytest.fixture
def clients(client: Any) -> Iterator[Clients]:
    """Both, to run the same body on."""
    local = QdrantClient(":memory:")
    yield Clients(client, local)
    local.close()
