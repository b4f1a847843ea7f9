"""The demo's steps: create, load, wait for the index, search. Each is plain REST that any client could send."""

import time
from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from services.demo.rest import RestClient
from services.demo.sample import Sample
from shared.errors import ShoalError

NAME = "wordnet"
BATCH = 500
LIMIT = 10
INDEXING_THRESHOLD_KB = 1000
"""Low enough that the shipped sample gets a graph; the default leaves a collection of its size to exact search."""


class Case(NamedTuple):
    """A kind of search that is measured; `keeps` says of a payload whether it passes the filter."""

    title: str
    condition: dict[str, Any] | None
    keeps: Callable[[dict[str, Any]], bool]


CASES = (
    Case("no filter", None, lambda payload: True),
    Case("pos = n", {"key": "pos", "match": {"value": "n"}}, lambda payload: payload["pos"] == "n"),
    Case(
        "topic = noun.food",
        {"key": "topic", "match": {"value": "noun.food"}},
        lambda payload: payload["topic"] == "noun.food",
    ),
    Case(
        "topic in animal, plant",
        {"key": "topic", "match": {"any": ["noun.animal", "noun.plant"]}},
        lambda payload: payload["topic"] in ("noun.animal", "noun.plant"),
    ),
    Case("n_lemmas >= 4", {"key": "n_lemmas", "range": {"gte": 4}}, lambda payload: payload["n_lemmas"] >= 4),
)


class Measured(NamedTuple):
    """What a case came to. Times in milliseconds, over REST, one request at a time."""

    title: str
    matching: int
    recall: float
    p50_ms: float
    p95_ms: float


def create(client: RestClient, dim: int) -> None:
    """A fresh collection with a graph threshold that suits the sample."""
    client.ask("DELETE", f"/collections/{NAME}")
    body = {
        "vectors": {"size": dim, "distance": "Cosine"},
        "optimizers_config": {"indexing_threshold": INDEXING_THRESHOLD_KB},
    }
    client.ask("PUT", f"/collections/{NAME}", body)


class Done(NamedTuple):
    """How far a step is, and what it is doing."""

    done: int
    total: int
    doing: str


def load(client: RestClient, sample: Sample) -> Iterator[Done]:
    """Upserts everything in batches, each acknowledged before the next."""
    for first in range(0, len(sample.payloads), BATCH):
        rows = range(first, min(first + BATCH, len(sample.payloads)))
        points = [{"id": row, "vector": sample.vectors[row], "payload": sample.payloads[row]} for row in rows]
        client.ask("PUT", f"/collections/{NAME}/points?wait=true", {"points": points})
        yield Done(rows.stop, len(sample.payloads), "loading points")


def wait_until_green(client: RestClient, points: int, timeout_s: float) -> Iterator[Done]:
    """Tells what the optimizer does until the collection is green and has a graph; raises when it turns red."""
    deadline = time.monotonic() + timeout_s
    while True:
        info = client.ask("GET", f"/collections/{NAME}")
        if info["status"] == "red":
            raise ShoalError(f"the collection is red: {info['optimizer_status']}")
        indexed = info.get("indexed_vectors_count") or 0
        if info["status"] == "green" and indexed > 0:
            yield Done(min(indexed, points), points, "index: built")
            return
        yield _running_job(client, points)
        if time.monotonic() > deadline:
            raise ShoalError(f"not green within {timeout_s:.0f} s: {info}")
        time.sleep(0.2)


def _running_job(client: RestClient, points: int) -> Done:
    running = client.ask("GET", f"/collections/{NAME}/optimizations")["running"]
    if not running:
        return Done(0, points, "index: waits its turn")
    progress = running[0]["progress"]
    return Done(int(progress["done"]), int(progress["total"]) or points, f"index: {progress['name']}")


def search(
    client: RestClient, query: npt.NDArray[np.float32], condition: dict[str, Any] | None
) -> list[dict[str, Any]]:
    """The best points for one query, with their payload."""
    body: dict[str, Any] = {"query": query, "limit": LIMIT, "with_payload": True}
    if condition is not None:
        body["filter"] = {"must": [condition]}
    points: list[dict[str, Any]] = client.ask("POST", f"/collections/{NAME}/points/query", body)["points"]
    return points


def measure(client: RestClient, sample: Sample, case: Case) -> Measured:
    """All queries one after another, compared with exact search done here."""
    rows = np.flatnonzero([case.keeps(payload) for payload in sample.payloads])
    truth = exact(sample, rows)
    seconds, hits = [], 0
    for query, expected in zip(sample.queries, truth, strict=True):
        began = time.perf_counter()
        found = search(client, query, case.condition)
        seconds.append(time.perf_counter() - began)
        hits += len({point["id"] for point in found} & set(expected.tolist()))
    p50, p95 = np.percentile(seconds, [50, 95]) * 1000
    return Measured(case.title, len(rows), hits / truth.size, float(p50), float(p95))


def exact(sample: Sample, rows: npt.NDArray[np.int64]) -> npt.NDArray[np.int64]:
    """The true best rows among `rows` for every query, by brute force."""
    scores = sample.queries @ sample.vectors[rows].T
    best = np.argpartition(-scores, min(LIMIT, len(rows)) - 1, axis=1)[:, :LIMIT]
    truth: npt.NDArray[np.int64] = rows[best]
    return truth
