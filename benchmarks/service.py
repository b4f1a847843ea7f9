"""A `shoal serve` of the benchmark's own, and a client for bodies that were encoded before the clock started."""

import http.client
import os
import signal
import subprocess
import sys
import time
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import orjson
import psutil

from benchmarks.remote import ROOT
from services.demo.server import running_url

START_S = 300.0
STOP_S = 60.0
ROLES = ("services.api", "services.worker", "services.optimizer.builder_process", "services.optimizer")


class Service:
    """Starts with the `with` block, gives its URL, stops at the end."""

    def __init__(self, data_dir: Path, log: Path) -> None:
        self.data_dir = data_dir
        self._log = log
        self._process: subprocess.Popen[bytes] | None = None
        self.url = ""

    def __enter__(self) -> Self:
        self.data_dir.mkdir(parents=True, exist_ok=True)
        options = ["--host", "127.0.0.1", "--port", "0", "--data-dir", str(self.data_dir)]
        with self._log.open("ab") as log:
            command = [sys.executable, "-m", "services.cli", "serve", *options]
            self._process = subprocess.Popen(command, cwd=ROOT, stdin=subprocess.DEVNULL, stdout=log, stderr=log)
        deadline = time.monotonic() + START_S
        while (url := running_url(self.data_dir)) is None:
            if self._process.poll() is not None or time.monotonic() > deadline:
                raise RuntimeError(f"shoal serve did not start, see {self._log}")
            time.sleep(0.01)
        self.url = url
        return self

    def __exit__(self, *_error: object) -> None:
        assert self._process is not None
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_S)
        except subprocess.TimeoutExpired:
            self._process.kill()

    def processes(self) -> dict[str, list[int]]:
        """Return the process ids by role: launcher, redis, api, worker, optimizer, builder."""
        assert self._process is not None
        launcher = psutil.Process(self._process.pid)
        found: dict[str, list[int]] = {}
        for process in (launcher, *launcher.children(recursive=True)):
            found.setdefault(_role(process), []).append(process.pid)
        return found


class Client:
    """One kept-alive connection."""

    def __init__(self, url: str) -> None:
        self.url = url
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._connection = http.client.HTTPConnection(parts.hostname, parts.port, timeout=120)

    def send(self, method: str, path: str, body: bytes | None = None) -> bytes:
        """Send one request and return the answer's text; waits when the service asks to, raises at any other error."""
        while True:
            self._connection.request(method, path, body, {"Content-Type": "application/json"})
            answer = self._connection.getresponse()
            text = answer.read()
            if 200 <= answer.status < 300:
                return text
            if answer.status != 429:
                raise RuntimeError(f"{method} {path}: {answer.status} {text[:300]!r}")
            time.sleep(float(answer.headers.get("Retry-After", "1")))

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Send JSON, return `result`."""
        return orjson.loads(self.send(method, path, None if body is None else orjson.dumps(body)))["result"]


def _role(process: psutil.Process) -> str:
    try:
        command = process.cmdline()
    except psutil.Error:
        return "gone"
    role = next((role for role in ROLES if role in command), None)
    if role is not None:
        return "builder" if role.endswith("builder_process") else role.removeprefix("services.")
    if command and any(name in os.path.basename(command[0]) for name in ("redis", "valkey")):  # noqa: PTH119
        return "redis"
    return "launcher" if "serve" in command else "other"
