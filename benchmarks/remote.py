"""A contestant's process, seen from the benchmark."""

import json
import os
import select
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from benchmarks.contestants.wheres import Where

ROOT = Path(__file__).resolve().parents[1]
SINGLE = dict.fromkeys(("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"), "1")


class ContestantFailed(Exception):
    """The process answered with an error, or ended."""


class TookTooLong(ContestantFailed):
    """The process did not answer in the time that it was given; it is of no further use."""


class Timing(NamedTuple):
    """Searches with all queries, one after another, in one thread. Seconds."""

    ids: npt.NDArray[np.int64]
    total: float
    p50: float
    p95: float
    p99: float


class Remote:
    """Takes requests, gives answers; one at a time."""

    def __init__(self, python: Path, module: str, directory: Path, queries: Path) -> None:
        self.name = module.rpartition(".")[2]
        self._directory = directory / self.name
        self._directory.mkdir(parents=True, exist_ok=True)
        self._process = subprocess.Popen(
            [str(python), "-m", module],
            cwd=ROOT,
            env={**os.environ, **SINGLE},
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
        )
        self.ask("open", directory=str(self._directory), queries=str(queries))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_error: object) -> None:
        self._process.kill()
        self._process.wait()

    def ask(self, do: str, *, within_s: float | None = None, **arguments: Any) -> Any:
        """Send one request and wait, for ever or `within_s` seconds. Raises ContestantFailed, TookTooLong."""
        assert self._process.stdin is not None
        assert self._process.stdout is not None
        try:
            self._process.stdin.write(json.dumps({"do": do, **arguments}) + "\n")
            self._process.stdin.flush()
            if not select.select([self._process.stdout], [], [], within_s)[0]:
                raise TookTooLong(f"{self.name} had not done {do} after {within_s:.0f} s")
            line = self._process.stdout.readline()
        except BrokenPipeError:
            line = ""
        if not line:
            raise ContestantFailed(f"{self.name} ended with code {self._process.wait()} at {do}")
        answer = json.loads(line)
        if "error" in answer:
            raise ContestantFailed(f"{self.name} at {do}: {answer['error']}")
        return answer["ok"]

    def search(self, limit: int, ef: int, mode: str = "graph", count: int = 0) -> Timing:
        """Search with the first `count` queries, 0 for all."""
        out = self._directory / "found.npy"
        figures = self.ask("search", limit=limit, ef=ef, mode=mode, out=str(out), count=count)
        return Timing(np.load(out), figures["seconds"], figures["p50"], figures["p95"], figures["p99"])

    def filtered(self, wheres: Sequence[Where], limit: int, mode: str) -> Timing:
        """Search with as many queries as there are filters, one each, with the engine's own beam."""
        out = self._directory / "found.npy"
        figures = self.ask("filtered", wheres=list(wheres), limit=limit, mode=mode, out=str(out))
        return Timing(np.load(out), figures["seconds"], figures["p50"], figures["p95"], figures["p99"])

    def deed(self, do: str, wheres: Sequence[Where | None], **more: Any) -> dict[str, float]:
        """Count, facet, scroll or set_payload with each filter: median seconds, seconds in all, what was found."""
        figures: dict[str, float] = self.ask("deed", deed=do, wheres=list(wheres), **more)
        return figures
