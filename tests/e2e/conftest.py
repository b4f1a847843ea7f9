"""Fixtures of tests that start the service as its users do."""

import socket
from collections.abc import Callable, Iterator

import pytest
from serving import Serving


@pytest.fixture
def serve(tmp_path) -> Iterator[Callable[..., Serving]]:
    """Starts `shoal serve` with options; whatever still runs at the end is stopped."""
    started: list[Serving] = []

    def start(*options: str) -> Serving:
        serving = Serving(tmp_path / "data", *options)
        started.append(serving)
        return serving

    yield start
    for serving in started:
        serving.close()


@pytest.fixture
def taken_port() -> Iterator[int]:
    """A port on which somebody listens."""
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        listener.listen()
        yield listener.getsockname()[1]
