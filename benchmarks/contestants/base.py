"""What a contestant offers, and the loop that serves it to the benchmark over two pipes.

Runs in the peers' environment too: standard library and numpy only. One JSON object a line, in and out; arrays travel
as .npy files. Times are measured here, around the engine's own calls, so that the pipe costs nothing.
"""

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Protocol

import numpy as np
import numpy.typing as npt

from benchmarks.contestants.wheres import Indexes, Where

Floats = npt.NDArray[np.float32]
Ids = npt.NDArray[np.int64]
Payloads = list[dict[str, Any]]
Quantization = dict[str, dict[str, Any]]
OVERSAMPLING = 3.0
Ask = Callable[[], list[int]]
"""One prepared search; gives ids, best first."""


class Contestant(Protocol):
    """An engine. Rows have the ids 0, 1, 2, …; Cosine throughout; rows and queries have unit length."""

    def __init__(self, directory: Path) -> None: ...

    quantization: Quantization | None
    """As in the original's API; with one, raw vectors are kept on disk. Set before `load`, and before `reopen`."""

    indexes: Indexes
    """Payload indexes to declare. Set before `load`."""

    payload_m: int | None
    """Links of graphs within tenants, without any graph over all rows; None: one graph over all. Set before `load`."""

    def load(self, vectors: Floats, payloads: Payloads) -> float:
        """Take the rows, without a graph. Gives its seconds, without those in which requests are prepared."""

    def warm(self) -> None:
        """Load or compile what a first search would wait for."""

    def index(self) -> None:
        """Build the graph."""

    def reopen(self) -> None:
        """Forget everything in memory and open what is on disk."""

    def ask(self, query: Floats, limit: int, ef: int, mode: str, where: Where | None = None) -> Ask:
        """Prepare a search outside of the measured time. `ef` 0 is the engine's default.

        mode   graph, scan (as the engine searches rows without a graph), oversampled (graph, and codes of a
               quantization find three times the limit), or a further one of the engine's own
        """


class Filtering(Contestant, Protocol):
    """An engine with payloads. Each call gives what is to be timed; what it returns says how much was found."""

    def count(self, where: Where) -> Callable[[], int]: ...

    def facet(self, key: str, where: Where | None) -> Callable[[], int]: ...

    def scroll(self, where: Where, limit: int) -> Callable[[], int]: ...

    def set_payload(self, where: Where, payload: dict[str, Any]) -> Callable[[], object]: ...


def serve(build: Callable[[Path], Contestant]) -> None:
    """Answer the benchmark's requests until the pipe closes."""
    answers = os.fdopen(os.dup(sys.stdout.fileno()), "w")
    os.dup2(sys.stderr.fileno(), sys.stdout.fileno())
    stage = _Stage(build)
    for line in sys.stdin:
        request = json.loads(line)
        try:
            answer = {"ok": getattr(stage, request.pop("do"))(**request)}
        except Exception as error:  # the benchmark reports it and goes on with the others
            answer = {"error": f"{type(error).__name__}: {error}"}
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


class _Stage:
    """The requests."""

    def __init__(self, build: Callable[[Path], Contestant]) -> None:
        self._build = build
        self._contestant: Contestant | None = None
        self._queries: Floats | None = None

    def open(self, directory: str, queries: str) -> float:
        self._queries = np.load(queries)
        began = time.perf_counter()
        self._contestant = self._build(Path(directory))
        return time.perf_counter() - began

    def quantize(self, config: Quantization) -> None:
        self._engine.quantization = config

    def declare(self, indexes: Indexes, payload_m: int | None = None) -> None:
        self._engine.indexes = indexes
        self._engine.payload_m = payload_m

    def filtered(self, wheres: list[list[Any]], limit: int, mode: str, out: str) -> dict[str, float]:
        """Search with as many queries as there are filters, one each; as `search` does."""
        assert self._queries is not None
        given = [Where(*where) for where in wheres]
        asks = [self._engine.ask(self._queries[place], limit, 0, mode, where) for place, where in enumerate(given)]
        return _timed_searches(asks, limit, out)

    def deed(self, deed: str, wheres: list[list[Any] | None], **more: Any) -> dict[str, float]:
        """Do something with each filter: count, facet, scroll or set_payload. Gives seconds, and what was found."""
        prepare = getattr(self._engine, deed)
        calls = [prepare(where=None if where is None else Where(*where), **more) for where in wheres]
        seconds, found = [], 0
        for call in calls:
            began = time.perf_counter()
            answer = call()
            seconds.append(time.perf_counter() - began)
            found += answer if isinstance(answer, int) else 0
        return {"p50": float(np.median(seconds)), "seconds": sum(seconds), "found": found}

    def column_bytes(self) -> dict[str, int]:
        return self._engine.column_bytes()  # type: ignore[attr-defined, no-any-return]  # only Shoal can tell

    def warm(self) -> float:
        return _timed(self._engine.warm)

    def load(self, vectors: str, payloads: str) -> float:
        """Seconds to take the rows; reading the files is not counted."""
        rows = np.load(vectors, mmap_mode="r")
        texts = [json.loads(line) for line in Path(payloads).read_text().splitlines()] if payloads else []
        return self._engine.load(rows, texts)

    def index(self) -> float:
        return _timed(self._engine.index)

    def reopen(self) -> float:
        return _timed(self._engine.reopen)

    def search(self, limit: int, ef: int, mode: str, out: str, first: int = 0, count: int = 0) -> dict[str, float]:
        """Search with the queries one after another; ids go to `out`. Gives seconds in all, and percentiles of one."""
        assert self._queries is not None
        queries = self._queries[first : first + count] if count else self._queries[first:]
        return _timed_searches([self._engine.ask(query, limit, ef, mode) for query in queries], limit, out)

    def memory(self) -> dict[str, int]:
        return memory_of(os.getpid())

    @property
    def _engine(self) -> Contestant:
        assert self._contestant is not None, "open comes first"
        return self._contestant


def _timed_searches(asks: list[Ask], limit: int, out: str) -> dict[str, float]:
    found = np.full((len(asks), limit), -1, np.int64)
    seconds = np.zeros(len(asks))
    for place, ask in enumerate(asks):
        began = time.perf_counter()
        ids = ask()
        seconds[place] = time.perf_counter() - began
        found[place, : len(ids)] = ids
    np.save(out, found)
    p50, p95, p99 = np.percentile(seconds, [50, 95, 99])
    return {"seconds": float(seconds.sum()), "p50": float(p50), "p95": float(p95), "p99": float(p99)}


def memory_of(pid: int | str) -> dict[str, int]:
    """Return a process's resident bytes: proportional share where the kernel tells it, by kind."""
    wanted = {"Rss": "rss", "Pss": "pss", "Pss_Anon": "anonymous", "Pss_File": "files", "Pss_Shmem": "shared"}
    found = dict.fromkeys(wanted.values(), 0)
    for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines()[1:]:
        name, _, rest = line.partition(":")
        if name in wanted:
            found[wanted[name]] = int(rest.split()[0]) * 1024
    return found


def _timed(deed: Callable[[], None]) -> float:
    began = time.perf_counter()
    deed()
    return time.perf_counter() - began
