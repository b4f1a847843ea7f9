"""Fixtures of all tests: a private Redis, never skipped."""

import subprocess
import tempfile
import uuid
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
import redis as sync_redis
from redis.asyncio import Redis

from services.redis_server import find_server
from shared.log.connection import connect

START_S = 10


@pytest.fixture(scope="session")
def redis_server() -> Iterator[Path]:
    """The Unix socket of a Redis of this test session: no port, no files. Fails when no server program is found."""
    program = find_server()
    with tempfile.TemporaryDirectory(prefix="shoal-t-", dir="/tmp") as directory:
        socket = Path(directory) / "redis.sock"
        options = ["--port", "0", "--unixsocket", str(socket), "--save", "", "--appendonly", "no", "--dir", directory]
        process = subprocess.Popen([program, *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        try:
            _wait_until_ready(socket, process)
            yield socket
        finally:
            process.kill()
            process.wait()


def _wait_until_ready(socket: Path, process: subprocess.Popen[bytes]) -> None:
    patient = sync_redis.retry.Retry(
        sync_redis.backoff.ConstantBackoff(0.01), int(START_S / 0.01), (sync_redis.ConnectionError, FileNotFoundError)
    )
    with sync_redis.Redis(unix_socket_path=str(socket), retry=patient) as client:
        client.ping()
    assert process.poll() is None, "redis-server ended while it was starting"


@pytest.fixture
def redis_url(redis_server: Path) -> str:
    """URL of the session's Redis, emptied for this test."""
    with sync_redis.Redis(unix_socket_path=str(redis_server)) as client:
        client.flushall()
    return f"unix://{redis_server}"


@pytest.fixture(params=["fake", "real"])
async def any_redis(request: pytest.FixtureRequest) -> AsyncIterator[Redis]:
    """A client of an empty Redis: once the fake one in this process, once a real one."""
    url = f"memory://{uuid.uuid4().hex}" if request.param == "fake" else request.getfixturevalue("redis_url")
    client = connect(url)
    yield client
    await client.aclose()
