"""One way to run an example of the guide, whoever speaks it: plain HTTP, or an official client in its own process."""

import json
import os
import queue
import subprocess
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.client import HTTPConnection
from pathlib import Path
from typing import Any, Protocol
from urllib.parse import urlsplit

from tests.contract.guide.clients import Client
from tests.contract.guide.http_examples import EXAMPLES, HttpExample

HERE = Path(__file__).resolve().parent
ANSWER_S = 30.0


class Refused(Exception):
    """The server answered with an error, or the client refused the answer; `status` is None for the latter."""

    def __init__(self, status: int | None, text: str) -> None:
        super().__init__(f"{status}: {text}")
        self.status = status
        self.text = text


class Speaker(Protocol):
    """Runs examples by name."""

    def run(self, example: str, *arguments: Any) -> Any:
        """Return the example's result as plain values. Raises Refused."""


class Http:
    """Plain HTTP without any client: also how tests look at the server behind a client's back."""

    def __init__(self, url: str, user_agent: str = "guide") -> None:
        parts = urlsplit(url)
        assert parts.hostname is not None
        self._host, self._port = parts.hostname, parts.port
        self._user_agent = user_agent

    def run(self, example: str, *arguments: Any) -> Any:
        """Return the result of one of the guide's requests. Raises Refused."""
        return self.send(EXAMPLES[example].filled(*arguments))

    def send(self, request: HttpExample) -> Any:
        """Return the result of a request whose body is sent as it is. Raises Refused."""
        connection = HTTPConnection(self._host, self._port, timeout=ANSWER_S)
        headers = {"User-Agent": self._user_agent}
        if request.body:
            headers["Content-Type"] = "application/json"
        try:
            connection.request(request.method, request.path, request.body.encode() or None, headers)
            answer = connection.getresponse()
            text = answer.read().decode()
        finally:
            connection.close()
        if answer.status != 200:
            raise Refused(answer.status, text)
        return json.loads(text)["result"]

    def ask(self, method: str, path: str, body: Any = None) -> Any:
        """Return the result of a request with a JSON body."""
        return self.send(HttpExample(method, path, "" if body is None else json.dumps(body)))


def awaited(http: Http, name: str, reached: Callable[[Any], bool]) -> Any:
    """Return a collection's info once it is as wanted; nothing is written meanwhile, so it gets there by itself."""
    deadline = time.monotonic() + ANSWER_S
    while True:
        info = http.run("info", name)
        if reached(info):
            return info
        assert time.monotonic() < deadline, f"`{name}` did not get there in time: {info}"
        time.sleep(0.02)


class Process:
    """An official client in a process of its own: one line out for each example, one line back."""

    def __init__(self, child: "subprocess.Popen[str]") -> None:
        self._child = child
        self._answers: queue.Queue[str] = queue.Queue()
        threading.Thread(target=self._listen, daemon=True).start()

    def run(self, example: str, *arguments: Any) -> Any:
        """Return an example's result. Raises Refused."""
        assert self._child.stdin is not None
        self._child.stdin.write(json.dumps({"example": example, "arguments": arguments}) + "\n")
        self._child.stdin.flush()
        line = self._answers.get(timeout=ANSWER_S)
        assert line, f"the client's process ended with {self._child.wait()}"
        answer = json.loads(line)
        if "error" in answer:
            raise Refused(answer["error"]["status"], answer["error"]["text"])
        return answer["result"]

    def _listen(self) -> None:
        assert self._child.stdout is not None
        for line in self._child.stdout:
            self._answers.put(line)
        self._answers.put("")


@contextmanager
def speaking(client: Client, url: str) -> Iterator[Process]:
    """Start an official client against a server; it ends with the block."""
    parts = urlsplit(url)
    address = [str(parts.hostname), str(parts.port)]
    if client.language == "python":
        command = [str(client.python), str(HERE / "python_examples.py"), *address]
    else:
        script = str(HERE / "javascript_examples.mjs")
        command = [str(client.folder / "node"), script, str(client.folder), *address]
    plain = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=plain) as child:
        try:
            yield Process(child)
        finally:
            assert child.stdin is not None
            child.stdin.close()
            child.wait(ANSWER_S)
