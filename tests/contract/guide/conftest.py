"""A server, and everyone who speaks the guide's examples to it: plain HTTP and the official clients, old and new."""

from collections.abc import Iterator
from contextlib import ExitStack

import pytest

from tests.contract.guide.clients import JAVASCRIPT, PYTHON, Client, require
from tests.contract.guide.speakers import Http, Process, Speaker, speaking

SPEAKERS = [None, *PYTHON, *JAVASCRIPT]
"""None is plain HTTP."""


def name_of(speaker: Client | None) -> str:
    return "http" if speaker is None else speaker.name


class Started:
    """The clients' processes: each starts when it is first needed and ends with the session."""

    def __init__(self, url: str, stack: ExitStack) -> None:
        self._url = url
        self._stack = stack
        self._running: dict[Client, Process] = {}

    def of(self, client: Client) -> Process:
        """Return the process of a client. Skips the test when the client is not there."""
        require(client)
        if client not in self._running:
            self._running[client] = self._stack.enter_context(speaking(client, self._url))
        return self._running[client]


@pytest.fixture(scope="session")
def started(shoal_url: str) -> Iterator[Started]:
    with ExitStack() as stack:
        yield Started(shoal_url, stack)


@pytest.fixture
def http(shoal_url: str) -> Http:
    """Plain HTTP to a server that has no collections."""
    plain = Http(shoal_url)
    for collection in plain.ask("GET", "/collections")["collections"]:
        plain.ask("DELETE", f"/collections/{collection['name']}")
    return plain


@pytest.fixture(params=SPEAKERS, ids=name_of)
def speaker(request: pytest.FixtureRequest, http: Http, started: Started) -> Speaker:
    """Everyone in turn."""
    return http if request.param is None else started.of(request.param)


@pytest.fixture(params=PYTHON + JAVASCRIPT, ids=name_of)
def client_process(request: pytest.FixtureRequest, http: Http, started: Started) -> tuple[Client, Process]:
    """Every official client in turn, and which one it is."""
    return request.param, started.of(request.param)
