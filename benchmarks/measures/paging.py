"""(l): pages of a million points over REST: what one costs at the end, and what it costs at the beginning.

Points of few dimensions, whose ids and numbers came in no order, are paged through wholly in three ways: by id, by id
under a filter that keeps half, and by a number with `start_from`. Then the first pages and the last ones are asked for
again in turn, so that what else the machine does meets both alike.
"""

import time
from collections.abc import Iterator
from statistics import median
from typing import Any

import numpy as np
import orjson

from benchmarks.bench import Bench
from benchmarks.service import Client, Service
from benchmarks.wire import Wire, request

NAME = "paging"
DIM = 8
LIMIT = 1000
BATCH = 2000
EDGE_PAGES = 50
"""So many pages at either end are compared; fewer where there are fewer."""
ROUNDS = 5
PRIME = 1_000_003
STEP = 7919
GREEN_S = 300.0
POLL_S = 0.1
SEED = 20_261_125
KEPT = {"must": [{"key": "half", "match": {"value": True}}]}
INDEXES = {"number": "integer", "half": "bool"}


def measure(bench: Bench) -> dict[str, Any]:
    """Return seconds to load, then for each way the pages, the seconds through all, and p50 of either end's pages."""
    count = bench.paged_points
    assert count < PRIME, "ids are distinct below it"
    with Service(bench.work / "paging", bench.work / "paging.log") as service:
        bench.tell(f"Shoal: {count:,} points to page through")
        found: dict[str, Any] = {"points": count, "limit": LIMIT, "load_s": _load(Client(service.url), count)}
        with Wire(service.url) as wire:
            for title, asked in (("by id", {}), ("by id, a filter keeps half", {"filter": KEPT})):
                bench.tell(f"Shoal: paging {title}")
                found[title] = _measured(wire, _by_id(wire, asked), count if not asked else count // 2)
            bench.tell("Shoal: paging by a number")
            found["by a number"] = _measured(wire, _by_number(wire), count)
    return found


def _load(client: Client, count: int) -> float:
    """Upsert columns, wait until all is applied and nothing runs. No graph: pages need none."""
    config = {"vectors": {"size": DIM, "distance": "Dot"}, "optimizers_config": {"indexing_threshold": 0}}
    client.ask("PUT", f"/collections/{NAME}", config)
    for path, kind in INDEXES.items():
        client.ask("PUT", f"/collections/{NAME}/index?wait=true", {"field_name": path, "field_schema": kind})
    began = time.perf_counter()
    for body in _bodies(count):
        client.send("PUT", f"/collections/{NAME}/points?wait=false", body)
    while (info := client.ask("GET", f"/collections/{NAME}"))["status"] != "green" or info["points_count"] < count:
        if time.perf_counter() - began > GREEN_S:
            raise RuntimeError(f"{info['status']} with {info['points_count']:,} points: {info['optimizer_status']}")
        time.sleep(POLL_S)
    return time.perf_counter() - began


def _bodies(count: int) -> Iterator[bytes]:
    """Give upserts of columns; each point has another number, every second one is of the half."""
    draw = np.random.default_rng(SEED)
    numbers = draw.permutation(count)
    for first in range(0, count, BATCH):
        last = min(first + BATCH, count)
        columns = {
            "ids": [place * STEP % PRIME for place in range(first, last)],
            "vectors": draw.random((last - first, DIM), dtype=np.float32),
            "payloads": [
                {"number": number, "half": place % 2 == 0}
                for place, number in enumerate(numbers[first:last].tolist(), first)
            ],
        }
        yield orjson.dumps({"batch": columns}, option=orjson.OPT_SERIALIZE_NUMPY)


Page = tuple[bytes, int]
"""A request, and how many points came."""


def _by_id(wire: Wire, asked: dict[str, Any]) -> Iterator[Page]:
    """Walk through all pages by the offset that each gives."""
    offset, last = None, -1
    while True:
        prepared = _request({**asked, "offset": offset})
        answer = orjson.loads(wire.send(prepared))["result"]
        ids = [point["id"] for point in answer["points"]]
        assert [last, *ids] == sorted({last, *ids}), "ids ascend from page to page"
        yield prepared, len(ids)
        offset = answer["next_page_offset"]
        if offset is None:
            return
        last = ids[-1]


def _by_number(wire: Wire) -> Iterator[Page]:
    """Walk through all pages by the number after the last; numbers are distinct, so no point comes twice."""
    start = 0
    while True:
        prepared = _request({"order_by": {"key": "number", "start_from": start}})
        numbers = [point["payload"]["number"] for point in orjson.loads(wire.send(prepared))["result"]["points"]]
        assert numbers == list(range(start, start + len(numbers))), "every number comes, in order"
        if numbers:
            yield prepared, len(numbers)
        if len(numbers) < LIMIT:
            return
        start = numbers[-1] + 1


def _request(asked: dict[str, Any]) -> bytes:
    return request("POST", f"/collections/{NAME}/points/scroll", orjson.dumps({"limit": LIMIT, **asked}))


def _measured(wire: Wire, pages: Iterator[Page], wanted: int) -> dict[str, float]:
    """Walk through all pages; then time the first and the last again, in turn."""
    began = time.perf_counter()
    walked = list(pages)
    seconds = time.perf_counter() - began
    assert sum(points for _, points in walked) == wanted, "a page is missing"
    full = [prepared for prepared, points in walked if points == LIMIT]
    each = min(EDGE_PAGES, len(full) // 2)
    times: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for place in range(each):
            for seen, prepared in zip(times, (full[place], full[-1 - place]), strict=True):
                started = time.perf_counter()
                wire.send(prepared)
                seen.append(time.perf_counter() - started)
    first_ms, last_ms = (median(one) * 1e3 for one in times)
    return {"pages": len(walked), "all_s": seconds, "first_p50_ms": first_ms, "last_p50_ms": last_ms, "compared": each}
