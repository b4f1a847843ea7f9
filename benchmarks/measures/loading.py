"""(c): from the first REST upsert to green with a graph: batches of 256, wait=false, one connection.

Warm is a service that has built a graph before; cold begins with the start of `shoal serve` on an empty directory.
Bodies are encoded before the clock starts, as the peer's points are made before its clock starts.
"""

import time
from typing import Any

import numpy as np
import orjson

from benchmarks.bench import Bench
from benchmarks.service import Client, Service

NAME = "bench"
BATCH = 256
WARM_ROWS = 12_000
"""Enough that the builder uses everything that it has to compile."""
GREEN_S = 900.0
POLL_S = 0.02


def bodies(bench: Bench, rows: int = 0) -> list[bytes]:
    """Return the upserts of the first `rows` points, 0 for all."""
    vectors = np.load(bench.data.vectors)
    payloads = bench.data.payloads.read_bytes().splitlines()
    last = rows or len(vectors)
    return [_body(vectors, payloads, first, min(first + BATCH, last)) for first in range(0, last, BATCH)]


def load(client: Client, dim: int, upserts: list[bytes], rows: int) -> dict[str, float]:
    """Create the collection, send everything, wait until it is green with a graph. Seconds."""
    client.ask("PUT", f"/collections/{NAME}", {"vectors": {"size": dim, "distance": "Cosine"}})
    began = time.perf_counter()
    for body in upserts:
        client.send("PUT", f"/collections/{NAME}/points?wait=false", body)
    sent = time.perf_counter()
    while not _is_done(info := client.ask("GET", f"/collections/{NAME}"), rows):
        if time.perf_counter() - began > GREEN_S or info["status"] == "red":
            raise RuntimeError(
                f"{info['status']} after {time.perf_counter() - began:.0f} s: {info['optimizer_status']}"
            )
        time.sleep(POLL_S)
    return {"upserts_s": sent - began, "green_s": time.perf_counter() - began}


def warm_up(bench: Bench, client: Client) -> None:
    """Have the service build one graph, so that nothing is compiled while the clock runs."""
    bench.tell("Shoal: warming the service up")
    rows = min(WARM_ROWS, bench.data.rows)
    load(client, bench.data.dim, bodies(bench, rows), rows)
    client.ask("DELETE", f"/collections/{NAME}")
    time.sleep(2.0)


def cold(bench: Bench) -> dict[str, float]:
    """Start a service on an empty directory and load at once."""
    bench.tell("Shoal: loading into a service that has just been started")
    upserts = bodies(bench)
    began = time.perf_counter()
    with Service(bench.work / "cold", bench.work / "cold.log") as service:
        started = time.perf_counter() - began
        figures = load(Client(service.url), bench.data.dim, upserts, bench.data.rows)
    return {"start_s": started, **figures, "total_s": started + figures["green_s"]}


def _is_done(info: dict[str, Any], rows: int) -> bool:
    return bool(
        info["status"] == "green" and info["points_count"] == rows and (info.get("indexed_vectors_count") or 0) > 0
    )


def _body(vectors: Any, payloads: list[bytes], first: int, last: int) -> bytes:
    points = [
        {"id": row, "vector": vectors[row], "payload": orjson.Fragment(payloads[row])} for row in range(first, last)
    ]
    return orjson.dumps({"points": points}, option=orjson.OPT_SERIALIZE_NUMPY)
