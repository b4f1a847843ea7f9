"""(j): searches of tenants that share a collection, beside collections of their own; in process, one thread.

The collection is as the guide lays it out: `is_tenant`, `payload_m` 16, `m` 0. A collection of its own has the tenant's
points alone: with a graph where there are enough of them, as they were sealed where there are few.
"""

import json
from pathlib import Path
from statistics import median
from typing import Any

import numpy as np

from benchmarks.bench import EDGE, SHOAL, TITLES, Bench
from benchmarks.contestants.wheres import Where
from benchmarks.dataset import LIMIT
from benchmarks.filtering import TENANTS, Case, Fields, prepare_fields, truth_of
from benchmarks.measures.filtered import recall_of
from benchmarks.remote import Remote

PAYLOAD_M = 16
QUERIES = 200
OWN = 3
"""So many tenants get a collection of their own."""
PEER_TENANTS_MAX = 1000
"""With 10,000 the peer's build did not end within minutes on a tenth of the rows."""
GRAPH_MIN = 1000
"""A collection of fewer points is searched as it is sealed."""


def measure(bench: Bench) -> dict[str, Any]:
    """Return figures by the number of tenants, then by who answers."""
    fields = prepare_fields(bench.data, bench.work)
    return {f"{count:,} tenants": _of(bench, fields, key) for key, count in TENANTS.items()}


def _of(bench: Bench, fields: Fields, key: str) -> dict[str, Any]:
    values, counts = np.unique(fields.values[key], return_counts=True)
    usual = values[np.argsort(np.abs(counts - np.median(counts)), kind="stable")][:OWN].tolist()
    queries = min(QUERIES, len(bench.data.truth))
    wheres = [Where(key, usual[place % len(usual)]) for place in range(queries)]
    truth = truth_of(bench.data, fields, Case(key, 1 / len(values), wheres))
    found: dict[str, Any] = {}
    for module in (SHOAL, EDGE) if len(values) <= PEER_TENANTS_MAX else (SHOAL,):
        with bench.contestant(module) as remote:
            remote.ask("declare", indexes={key: "tenant"}, payload_m=PAYLOAD_M)
            bench.load(remote, fields.path)
            bench.index(remote)
            remote.filtered(wheres[:20], LIMIT, "graph")
            rounds = [remote.filtered(wheres, LIMIT, "graph") for _ in range(bench.repeats)]
        found[TITLES[remote.name]] = {
            "p50_ms": median(one.p50 for one in rounds) * 1e3,
            "p99_ms": median(one.p99 for one in rounds) * 1e3,
            "recall": recall_of(rounds[0].ids, truth),
        }
    found["Shoal, a collection of its own"] = _alone(bench, fields, key, usual)
    return found


def _alone(bench: Bench, fields: Fields, key: str, tenants: list[str]) -> dict[str, float]:
    p50s, p99s = [], []
    for tenant in tenants:
        rows = np.flatnonzero(fields.keeps(Where(key, tenant)))
        with bench.contestant(SHOAL) as remote:
            _load_some(bench, remote, fields, rows)
            remote.search(LIMIT, 0, "graph", count=20)
            rounds = [remote.search(LIMIT, 0, "graph", count=QUERIES) for _ in range(bench.repeats)]
        p50s.append(median(one.p50 for one in rounds))
        p99s.append(median(one.p99 for one in rounds))
    return {"p50_ms": median(p50s) * 1e3, "p99_ms": median(p99s) * 1e3}


def _load_some(bench: Bench, remote: Remote, fields: Fields, rows: Any) -> None:
    vectors, payloads = bench.work / "some.npy", Path(bench.work / "some.jsonl")
    np.save(vectors, np.load(bench.data.vectors, mmap_mode="r")[rows])
    lines = fields.path.read_text().splitlines()
    payloads.write_text("".join(json.dumps(json.loads(lines[row])) + "\n" for row in rows.tolist()))
    remote.ask("load", vectors=str(vectors), payloads=str(payloads))
    if len(rows) >= GRAPH_MIN:
        remote.ask("index")
