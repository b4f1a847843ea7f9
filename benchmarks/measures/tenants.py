"""(j): searches of tenants that share a collection, beside collections of their own; in process, one thread.

The collection is as the guide lays it out: `is_tenant`, `payload_m` 16, `m` 0. A collection of its own has the tenant's
points alone: with a graph where there are enough of them, as they were sealed where there are few. One process of
Shoal's answers for all: each new one would compile the builder's code again, for longer than all else takes.
"""

import json
import time
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.bench import EDGE, SHOAL, TITLES, Bench
from benchmarks.contestants.wheres import Where
from benchmarks.dataset import LIMIT
from benchmarks.filtering import TENANTS, Case, Fields, prepare_fields, truth_of
from benchmarks.measures.filtered import recall_of
from benchmarks.remote import Remote, Timing, TookTooLong

PAYLOAD_M = 16
QUERIES = 200
OWN = 3
"""So many tenants get a collection of their own."""
PEER_S = 60.0
"""So long may the peer take to load and to build; then it is cut off, and the report says so."""
GRAPH_MIN = 1000
"""A collection of fewer points is searched as it is sealed."""


def measure(bench: Bench) -> dict[str, Any]:
    """Return figures by the number of tenants, then by who answers; the peer's may be `cut_off`, which says why."""
    fields = prepare_fields(bench.data, bench.work)
    with bench.contestant(SHOAL) as shoal:
        return {f"{count:,} tenants": _of(bench, fields, key, shoal) for key, count in TENANTS.items()}


def _of(bench: Bench, fields: Fields, key: str, shoal: Remote) -> dict[str, Any]:
    values, counts = np.unique(fields.values[key], return_counts=True)
    usual = values[np.argsort(np.abs(counts - np.median(counts)), kind="stable")][:OWN].tolist()
    queries = min(QUERIES, len(bench.data.truth))
    case = Case(key, 1 / len(values), [Where(key, usual[place % len(usual)]) for place in range(queries)])
    found: dict[str, Any] = {TITLES["shoal"]: _shared(bench, fields, case, shoal, None)}
    found["Shoal, a collection of its own"] = _alone(bench, fields, key, usual, shoal)
    with bench.contestant(EDGE) as edge:
        try:
            found[TITLES["edge"]] = _shared(bench, fields, case, edge, PEER_S)
        except TookTooLong as error:
            found[TITLES["edge"]] = {"cut_off": f"not built within {PEER_S:.0f} s ({error})"}
    return found


def _shared(bench: Bench, fields: Fields, case: Case, remote: Remote, within_s: float | None) -> dict[str, float]:
    """Load and build the collection that all share within so many seconds, then search in it. Raises TookTooLong."""
    remote.ask("declare", indexes={case.name: "tenant"}, payload_m=PAYLOAD_M)
    began = time.monotonic()
    bench.load(remote, fields.path, within_s=within_s)
    left_s = None if within_s is None else max(0.0, within_s - (time.monotonic() - began))
    built_s = bench.index(remote, within_s=left_s)
    remote.filtered(case.wheres[:20], LIMIT, "graph")
    rounds = [remote.filtered(case.wheres, LIMIT, "graph") for _ in range(bench.repeats)]
    recall = recall_of(rounds[0].ids, truth_of(bench.data, fields, case))
    return {**_figures(rounds), "recall": recall, "index_s": built_s}


def _alone(bench: Bench, fields: Fields, key: str, tenants: list[str], shoal: Remote) -> dict[str, float]:
    bench.tell(f"Shoal: {len(tenants)} collections of tenants of their own")
    shoal.ask("declare", indexes={})
    every = []
    for tenant in tenants:
        _load_some(bench, shoal, fields, np.flatnonzero(fields.keeps(Where(key, tenant))))
        shoal.search(LIMIT, 0, "graph", count=20)
        every.append(_figures([shoal.search(LIMIT, 0, "graph", count=QUERIES) for _ in range(bench.repeats)]))
    return {name: median(one[name] for one in every) for name in every[0]}


def _figures(rounds: list[Timing]) -> dict[str, float]:
    return {
        "p50_ms": median(one.p50 for one in rounds) * 1e3,
        "p99_ms": median(one.p99 for one in rounds) * 1e3,
    }


def _load_some(bench: Bench, remote: Remote, fields: Fields, rows: Any) -> None:
    vectors, payloads = bench.work / "some.npy", Path(bench.work / "some.jsonl")
    np.save(vectors, np.load(bench.data.vectors, mmap_mode="r")[rows])
    lines = fields.path.read_text().splitlines()
    payloads.write_text("".join(json.dumps(json.loads(lines[row])) + "\n" for row in rows.tolist()))
    remote.ask("load", vectors=str(vectors), payloads=str(payloads))
    if len(rows) >= GRAPH_MIN:
        remote.ask("index")
