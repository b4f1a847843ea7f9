"""A real `shoal serve` that is made to suffer."""

import http.client
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

from services.demo.server import running_url
from services.launcher.claim import read_record

START_S = 240.0
SERVING_S = 120.0
ANSWER_S = 90.0
"""Longer than any bound of the service itself: no operation may still be on its way when a client gives up."""


class Answer(NamedTuple):
    """Status and decoded body; status 0 when the connection broke."""

    status: int
    body: Any

    @property
    def is_ok(self) -> bool:
        return 200 <= self.status < 300

    @property
    def result(self) -> Any:
        assert self.is_ok, f"{self.status} {self.body}"
        return self.body["result"]


class Connection:
    """One client. A broken connection is an answer, and the next request opens another."""

    def __init__(self, url_of: Callable[[], str | None]) -> None:
        self._url_of = url_of
        self._connection: http.client.HTTPConnection | None = None

    def ask(self, method: str, path: str, body: Any = None) -> Answer:
        try:
            connection = self._connection or self._open()
            content = None if body is None else json.dumps(body)
            connection.request(method, path, content, {"Content-Type": "application/json"})
            answer = connection.getresponse()
            text = answer.read()
            is_json = (answer.headers.get("Content-Type") or "").startswith("application/json")
            return Answer(answer.status, json.loads(text) if is_json else text)
        except (OSError, http.client.HTTPException) as error:
            self.close()
            return Answer(0, repr(error))

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
        self._connection = None

    def _open(self) -> http.client.HTTPConnection:
        url = self._url_of()
        if url is None:
            raise ConnectionRefusedError("nothing serves")
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=ANSWER_S)
        return self._connection


class ServiceUnderFaults:
    """Starts, kills and restarts the service; keeps its log for whoever looks at a failure."""

    def __init__(self, data_dir: Path, log: Path, *options: str) -> None:
        self.data_dir = data_dir
        self.log = log
        self.options = options
        self._connections: list[Connection] = []
        self._process: subprocess.Popen[bytes] | None = None

    def connection(self) -> Connection:
        """Return a client of its own, which is closed at the end of the test."""
        connection = Connection(lambda: running_url(self.data_dir))
        self._connections.append(connection)
        return connection

    def start(self) -> None:
        """Start and wait until it serves."""
        self.launch()
        self.wait_until_serving()

    def launch(self) -> None:
        """Start and do not wait."""
        command = [sys.executable, "-m", "services.cli", "serve", "--host", "127.0.0.1", "--port", "0"]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, "--data-dir", str(self.data_dir), *self.options],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )

    def wait_until_serving(self) -> None:
        """Return when every collection answers reads and writes could be taken."""
        connection = self.connection()
        self.until(START_S, "the service to be ready", lambda: connection.ask("GET", "/readyz").status == 200)
        names = [one["name"] for one in connection.ask("GET", "/collections").result["collections"]]
        for name in names:
            path = f"/collections/{name}/points/count"
            self.until(SERVING_S, f"{name} to serve", lambda path=path: connection.ask("POST", path, {}).is_ok)  # type: ignore[misc]

    def until(self, seconds: float, what: str, condition: Callable[[], bool]) -> None:
        """Wait for a condition; fails with the end of the log."""
        deadline = time.monotonic() + seconds
        while not condition():
            ended = self._process is not None and self._process.poll() is not None
            if ended or time.monotonic() > deadline:
                state = f"shoal serve ended with {self._process.poll()}" if ended and self._process else "time is up"
                raise AssertionError(f"waited for {what}: {state}; its log ends:\n{self.last_words()}")
            time.sleep(0.05)

    def stop(self) -> None:
        """Stop it in good order."""
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        self._process.wait(90)

    def wait_for_exit(self, seconds: float) -> int:
        """Wait until it ends by itself and return its exit code."""
        assert self._process is not None
        return self._process.wait(seconds)

    def kill(self, role: str) -> None:
        """Kill -9 one process: launcher, redis, or a service by the beginning of its name. A dead one is fine."""
        pid = self.pid_of(role)
        if pid is not None:
            try:
                os.kill(pid, signal.SIGKILL)
            except ProcessLookupError:
                return
        if role == "launcher" and self._process is not None:
            self._process.wait(30)

    def pid_of(self, role: str) -> int | None:
        """Return the process id of a role."""
        if role == "launcher":
            return self._process.pid if self._process else None
        record = read_record(self.data_dir)
        children = record.children if record else {}
        return next((child.pid for name, child in children.items() if name.startswith(role)), None)

    def end(self) -> None:
        """Leave nothing behind."""
        for connection in self._connections:
            connection.close()
        if self._process is None or self._process.poll() is not None:
            return
        try:
            self.stop()
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()

    def last_words(self) -> str:
        return "\n".join(self.log.read_text(errors="replace").splitlines()[-40:]) if self.log.exists() else ""
