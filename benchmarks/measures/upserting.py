"""(k): upserts over REST, JSON, batches of 256 with payloads, wait=false, until a count says that all are there.

With one connection the client waits for each answer before it sends the next body; with more the service has work in
hand.
"""

import time
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from benchmarks.bench import Bench
from benchmarks.measures.loading import bodies
from benchmarks.service import Client, Service

CONNECTIONS = (1, 4)
POLL_S = 0.005
WAIT_S = 300.0


def measure(bench: Bench) -> dict[str, Any]:
    """Return points a second by the number of connections."""
    upserts = bodies(bench)
    with Service(bench.work / "upserting", bench.work / "upserting.log") as service:
        _load(bench, service, "warm", upserts[:20], 2)
        seconds = {count: _load(bench, service, f"c{count}", upserts, count) for count in CONNECTIONS}
    return {f"{count} connections": bench.data.rows / taken for count, taken in seconds.items()}


def _load(bench: Bench, service: Service, name: str, upserts: list[bytes], connections: int) -> float:
    """Return the seconds from the first upsert until all points are counted."""
    bench.tell(f"Shoal: upserts over {connections} connections")
    clients = [Client(service.url) for _ in range(connections)]
    first = clients[0]
    first.ask("PUT", f"/collections/{name}", {"vectors": {"size": bench.data.dim, "distance": "Cosine"}})
    wanted = min(bench.data.rows, 256 * len(upserts))

    def send(place: int) -> None:
        for body in upserts[place::connections]:
            clients[place].send("PUT", f"/collections/{name}/points?wait=false", body)

    began = time.perf_counter()
    with ThreadPoolExecutor(connections) as pool:
        list(pool.map(send, range(connections)))
    while first.ask("POST", f"/collections/{name}/points/count", {"exact": True})["count"] < wanted:
        if time.perf_counter() - began > WAIT_S:
            raise RuntimeError(f"{name}: not all points are there after {WAIT_S:.0f} s")
        time.sleep(POLL_S)
    seconds = time.perf_counter() - began
    first.ask("DELETE", f"/collections/{name}")
    return seconds
