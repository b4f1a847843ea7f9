"""(f): what a search feels of other work: at rest, while points are loaded, while graphs are built; and small changes.

Two collections with the same points. `quiet` is searched all the time; `bench` is loaded, built, and searched too. The
loader is a process of its own, so that it takes nothing of the searching client's time but its share of the machine.

The searching client stands for one on another machine: it has real-time priority where that is allowed, at rest as
beside a load, so that its own waiting for a processor of this machine is not counted as the service's.
"""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
import orjson

from benchmarks.bench import Bench
from benchmarks.measures.loading import BATCH, bodies
from benchmarks.service import Client
from benchmarks.wire import Wire, request

QUIET, BUSY = "quiet", "busy"
ROWS_MAX = 40_000
"""Points of each collection: enough for builds of several seconds, few enough for a short measure."""
REST_SEARCHES = 2000
CHANGES = 100
GREEN_S = 600.0
FIRST = 50
"""A real-time priority above those of the service."""
PAUSE_S = 0.002
"""Between two searches, so that the client does not load the machine by itself."""


class Load(NamedTuple):
    """Points to be sent by another process."""

    url: str
    path: str
    upserts: list[bytes]


def measure(bench: Bench, url: str) -> dict[str, Any]:
    """Return p50 and p99 in milliseconds: searches by what else happens, and changes of config and aliases."""
    client, rows = Client(url), min(ROWS_MAX, bench.data.rows)
    upserts = bodies(bench, rows)
    queries = np.load(bench.data.queries)[:500]
    asked = [orjson.dumps({"query": query, "limit": 10}, option=orjson.OPT_SERIALIZE_NUMPY) for query in queries]
    for name in (QUIET, BUSY):
        client.ask("PUT", f"/collections/{name}", {"vectors": {"size": bench.data.dim, "distance": "Cosine"}})
    _send(Load(url, f"/collections/{QUIET}/points?wait=true", upserts))
    _until_green(client, QUIET, rows)

    def search(name: str, while_true: Callable[[], bool], least: int = 0) -> dict[str, float]:
        return _searches(client, name, asked, while_true, least)

    found: dict[str, Any] = {"rows": rows, "batch": BATCH, "searching_client": _priority()}
    found["quiet_at_rest"] = search(QUIET, lambda: False, REST_SEARCHES)
    bench.tell("Shoal: searching one collection while another is loaded and built")
    with _loading(Load(url, f"/collections/{BUSY}/points?wait=false", upserts)) as is_loading:
        found["quiet_during_load"] = search(QUIET, is_loading)
    found["quiet_during_build"] = search(QUIET, lambda: not _is_green(client, BUSY, rows))
    found["busy_at_rest"] = search(BUSY, lambda: False, REST_SEARCHES)
    bench.tell("Shoal: searching a collection while it is rebuilt")
    client.ask("PATCH", f"/collections/{BUSY}", {"hnsw_config": {"m": 24}})
    found["busy_during_rebuild"] = search(BUSY, lambda: not _is_green(client, BUSY, rows))
    with _loading(Load(url, f"/collections/{BUSY}/points?wait=false", upserts)) as is_loading:
        found["busy_during_load"] = search(BUSY, is_loading)
    _until_green(client, BUSY, rows)
    found["config_change"] = _changes(client, _config_change)
    found["alias_switch"] = _changes(client, _alias_switch)
    for name in (QUIET, BUSY):
        client.ask("DELETE", f"/collections/{name}")
    return found


class _loading:  # noqa: N801  # reads as a word after `with`
    """Runs a loader; gives what tells whether it still runs."""

    def __init__(self, load: Load) -> None:
        self._process = multiprocessing.get_context("spawn").Process(target=_send, args=(load,), daemon=True)

    def __enter__(self) -> Callable[[], bool]:
        self._process.start()
        return self._process.is_alive

    def __exit__(self, *_error: object) -> None:
        self._process.join(GREEN_S)


def _send(load: Load) -> None:
    client = Client(load.url)
    for body in load.upserts:
        client.send("PUT", load.path, body)


def _searches(
    client: Client, name: str, asked: list[bytes], while_true: Callable[[], bool], least: int
) -> dict[str, float]:
    """Search while something goes on, at least so often."""
    prepared = [request("POST", f"/collections/{name}/points/query", body) for body in asked]
    seconds: list[float] = []
    looked_at = time.perf_counter()
    goes_on = True
    with Wire(client.url) as wire, _as_from_elsewhere():
        while goes_on or len(seconds) < least:
            began = time.perf_counter()
            wire.send(prepared[len(seconds) % len(prepared)])
            ended = time.perf_counter()
            seconds.append(ended - began)
            if ended - looked_at > 0.2:
                looked_at, goes_on = ended, while_true()
            time.sleep(PAUSE_S)
    return _figures(seconds)


@contextmanager
def _as_from_elsewhere() -> Iterator[None]:
    """Wait for no processor, where that is allowed; processes that are started meanwhile have no part in it."""
    try:
        os.sched_setscheduler(0, os.SCHED_RR | os.SCHED_RESET_ON_FORK, os.sched_param(FIRST))
    except PermissionError:
        yield
        return
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def _figures(seconds: list[float]) -> dict[str, float]:
    p50, p99 = (float(value) for value in np.percentile(np.array(seconds), [50, 99]) * 1e3)
    return {"p50_ms": p50, "p99_ms": p99, "max_ms": max(seconds) * 1e3, "count": len(seconds)}


def _priority() -> str:
    with _as_from_elsewhere():
        return "usual" if os.sched_getscheduler(0) == os.SCHED_OTHER else "real-time"


def _changes(client: Client, change: Callable[[Client, int], None]) -> dict[str, float]:
    seconds = []
    for number in range(CHANGES):
        began = time.perf_counter()
        change(client, number)
        seconds.append(time.perf_counter() - began)
    return _figures(seconds)


def _config_change(client: Client, number: int) -> None:
    """A change that no build depends on."""
    body = {"optimizers_config": {"flush_interval_sec": 5 + number % 2}}
    client.ask("PATCH", f"/collections/{BUSY}", body)


def _alias_switch(client: Client, number: int) -> None:
    target = (QUIET, BUSY)[number % 2]
    actions = [{"create_alias": {"collection_name": target, "alias_name": "live"}}]
    client.ask("POST", "/collections/aliases", {"actions": actions})


def _until_green(client: Client, name: str, rows: int) -> None:
    deadline = time.perf_counter() + GREEN_S
    while not _is_green(client, name, rows):
        if time.perf_counter() > deadline:
            raise RuntimeError(f"{name} is not green after {GREEN_S:.0f} s")
        time.sleep(0.05)


def _is_green(client: Client, name: str, rows: int) -> bool:
    info = client.ask("GET", f"/collections/{name}")
    if info["status"] == "red":
        raise RuntimeError(f"{name} is red: {info['optimizer_status']}")
    return bool(info["status"] == "green" and info["points_count"] == rows and info["indexed_vectors_count"])
