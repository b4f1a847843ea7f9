"""(d): one search at a time over REST on one connection, and what of it is not the search itself."""

import time
from typing import Any

import numpy as np
import orjson

from benchmarks.bench import Bench
from benchmarks.dataset import LIMIT, recall
from benchmarks.measures.loading import NAME
from benchmarks.service import Client
from benchmarks.wire import Wire, request


def search(bench: Bench, client: Client) -> dict[str, Any]:
    """Return p50 and p95 of the whole request, of the server's own time, and the recall."""
    queries = np.load(bench.data.queries)
    asked = [orjson.dumps({"query": query, "limit": LIMIT}, option=orjson.OPT_SERIALIZE_NUMPY) for query in queries]
    prepared = [request("POST", f"/collections/{NAME}/points/query", body) for body in asked]
    with Wire(client.url) as wire:
        for each in prepared[:100]:
            wire.send(each)
        before = _searched(client)
        rounds = [_round(bench, wire, prepared) for _ in range(bench.repeats)]
        after = _searched(client)
    in_worker = (after[1] - before[1]) / max(1.0, after[0] - before[0]) * 1e3
    figures = {name: float(np.median([one[name] for one in rounds])) for name in rounds[0]}
    return {**figures, "worker_search_ms": in_worker}


def _searched(client: Client) -> tuple[float, float]:
    """Return how many searches the workers answered, and the seconds that these took them: kernels, little else."""
    lines = client.send("GET", "/metrics").decode().splitlines()

    def total(name: str) -> float:
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if line.startswith((f"{name}{{", f"{name} ")))

    return total("shoal_searches_total"), total("shoal_search_seconds_total")


def _round(bench: Bench, wire: Wire, prepared: list[bytes]) -> dict[str, float]:
    seconds, answers = [], []
    for each in prepared:
        began = time.perf_counter()
        answers.append(wire.send(each))
        seconds.append(time.perf_counter() - began)
    parsed = [orjson.loads(answer) for answer in answers]
    found = np.full((len(parsed), LIMIT), -1, np.int64)
    for place, answer in enumerate(parsed):
        ids = [point["id"] for point in answer["result"]["points"]]
        found[place, : len(ids)] = ids
    p50, p95 = np.percentile(seconds, [50, 95]) * 1e3
    server = float(np.median([answer["time"] for answer in parsed])) * 1e3
    return {"p50_ms": p50, "p95_ms": p95, "server_p50_ms": server, "recall": recall(found, bench.data.truth)}
