"""`shoal serve` as a process of its own on a real Redis, with a client that knows REST and nothing else."""

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import psutil

from services.demo.rest import RestClient
from services.launcher.claim import Record, read_record
from services.launcher.identity import is_alive

READY_S = 120.0
STOP_S = 60.0
DIM = 16


class Serving:
    """One `shoal serve` on one data directory."""

    def __init__(self, data_dir: Path, *options: str) -> None:
        self.data_dir = data_dir
        self.log_path = data_dir.with_suffix(".log")
        fixed = [
            "--host",
            "127.0.0.1",
            "--port",
            "0",
            "--data-dir",
            str(data_dir),
            "--disk-reserve-mb",
            "1",
            "--ballast-mb",
            "0",
        ]
        with self.log_path.open("ab") as log:
            command = [sys.executable, "-m", "services.cli", "serve", *fixed, *options]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, text=True)
        self.url = self._wait_until_ready()

    def client(self) -> RestClient:
        """A client of its own connection."""
        return RestClient(self.url)

    @property
    def record(self) -> Record:
        """What the launcher wrote down about its children."""
        record = read_record(self.data_dir)
        assert record is not None
        return record

    def descendants(self) -> list[psutil.Process]:
        """Every process that runs on behalf of this one, the optimizer's builder included."""
        return psutil.Process(self.process.pid).children(recursive=True)

    def stop(self, signum: int = signal.SIGTERM) -> int:
        """Asks it to stop; gives the exit code."""
        self.process.send_signal(signum)
        return self.process.wait(STOP_S)

    def close(self) -> None:
        """Stops it if it still runs."""
        if self.process.poll() is None:
            self.stop()
        assert self.process.stdout is not None
        self.process.stdout.close()

    def _wait_until_ready(self) -> str:
        """The address, from the first lines of stdout; the log is shown when it never comes."""
        assert self.process.stdout is not None
        deadline = time.monotonic() + READY_S
        while time.monotonic() < deadline:
            line = self.process.stdout.readline()
            if "http://" in line:
                return "http://" + line.partition("http://")[2].split()[0]
            if not line:
                break
        self.process.kill()
        self.process.wait()
        raise AssertionError(f"not ready; its log:\n{self.log_path.read_text()[-4000:]}")


def vectors(count: int, seed: int = 1) -> np.ndarray:
    """Random unit vectors."""
    drawn = np.random.default_rng(seed).standard_normal((count, DIM)).astype(np.float32)
    return drawn / np.linalg.norm(drawn, axis=1, keepdims=True)


def create(client: RestClient, name: str, **config: object) -> None:
    """A collection of unit vectors."""
    client.ask("PUT", f"/collections/{name}", {"vectors": {"size": DIM, "distance": "Cosine"}, **config})


def upsert(client: RestClient, name: str, rows: np.ndarray, first: int = 0) -> None:
    """Points numbered from `first`, acknowledged and applied."""
    points = [{"id": first + row, "vector": vector, "payload": {"row": first + row}} for row, vector in enumerate(rows)]
    client.ask("PUT", f"/collections/{name}/points?wait=true", {"points": points})


def nearest(client: RestClient, name: str, vector: np.ndarray) -> int:
    """The id of the best point."""
    body = {"query": vector, "limit": 1}
    return int(client.ask("POST", f"/collections/{name}/points/query", body)["points"][0]["id"])


def count(client: RestClient, name: str) -> int:
    """How many points there are, exactly."""
    return int(client.ask("POST", f"/collections/{name}/points/count", {"exact": True})["count"])


def is_green(client: RestClient, name: str, indexed: int) -> bool:
    """True when there is nothing left to do and so many vectors have a graph."""
    info = client.ask("GET", f"/collections/{name}")
    return info["status"] == "green" and info["indexed_vectors_count"] == indexed


def until(holds: Callable[[], bool], seconds: float = 60.0) -> None:
    """Waits for something that another process does."""
    deadline = time.monotonic() + seconds
    while not holds():
        assert time.monotonic() < deadline, "it did not happen in time"
        time.sleep(0.05)


def gone(record: Record) -> bool:
    """True when neither the launcher nor any recorded child lives."""
    return not any(is_alive(process) for process in (record.launcher, *record.children.values()))
