"""A Redis server of one test, to be killed and started again: with its files, with older ones, or without any."""

import subprocess
from pathlib import Path

import redis as sync_redis
from redis.asyncio import Redis

from services.redis_server import find_server
from shared.log.connection import connect


class OwnRedis:
    """One server on a Unix socket in `directory`, which must be short."""

    def __init__(self, directory: Path, *, append_only: bool = True) -> None:
        self._directory = directory
        self._append_only = append_only
        self._process: subprocess.Popen[bytes] | None = None
        self.socket = directory / "redis.sock"
        self.url = f"unix://{self.socket}"

    def start(self) -> None:
        """Start the server and wait until it answers."""
        options = ["--port", "0", "--unixsocket", str(self.socket), "--dir", str(self._directory), "--save", ""]
        options += ["--appendonly", "yes" if self._append_only else "no", "--appendfsync", "always"]
        self._process = subprocess.Popen(
            [find_server(), *options], stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )
        errors = (sync_redis.ConnectionError, FileNotFoundError)
        patient = sync_redis.retry.Retry(sync_redis.backoff.ConstantBackoff(0.01), 1000, errors)
        with sync_redis.Redis(unix_socket_path=str(self.socket), retry=patient) as client:
            client.ping()

    def save(self) -> None:
        """Write a snapshot: what a server without an append-only file comes back with."""
        with sync_redis.Redis(unix_socket_path=str(self.socket)) as client:
            client.save()

    def kill(self) -> None:
        """Kill the server."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None
        self.socket.unlink(missing_ok=True)

    def forget(self) -> None:
        """Remove its files."""
        for path in self._directory.rglob("*"):
            if path.is_file():
                path.unlink()

    def client(self) -> Redis:
        """A client as the services have it."""
        return connect(self.url)
