"""How fast one slot index answers in this process: one thread, Python dispatch included. Prints JSON.

    python benchmarks/search_in_process.py --points points.npy --queries queries.npy [--graph built.npz]

Points and queries are (n, dim) arrays of any float type, compared by cosine; queries should not be among the points.
Times are the best of several rounds per query, so that a busy machine disturbs them less; compare only figures
taken on the same machine in the same minutes.
"""

import argparse
import json
import sys
import time
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np

from shared.schema.collections import Distance, HnswConfig
from shared.segment.distance import normalised
from shared.segment.index.base import SlotIndex, SlotSearch
from shared.segment.index.codes import BitCodes, ByteCodes, Codes
from shared.segment.index.graph import Graph
from shared.segment.index.graph_build import BuiltGraph, build_graph, warm_builder
from shared.segment.kernels import LEVEL
from shared.segment.kernels.warmup import warmup
from shared.segment.layout import SlotLayout

LIMIT = 10
Answer = Callable[[np.ndarray], Sequence[int]]


def main() -> None:
    """Measure and print."""
    options = _options()
    warmup()
    points, queries = (normalised(np.load(path)) for path in (options.points, options.queries))
    queries = queries[: options.most]
    truth = _truth(points, queries)
    report: dict[str, object] = {"rows": len(points), "dim": points.shape[1], "level": LEVEL.name}
    layout = SlotLayout(points.shape[1], Distance.COSINE)
    bits = BitCodes.build(points, Distance.COSINE, seed=1)
    scanned = SlotIndex(layout, points, len(points), codes=Codes(groups=bits))
    report["scan"] = _measured(_searcher(scanned, SlotSearch(LIMIT)), queries, truth, options.rounds)
    exact = _searcher(scanned, SlotSearch(LIMIT, exact=True))
    report["exact"] = _measured(exact, queries[:50], truth, rounds=1)
    built = _built(points, options, report)
    ordered = np.ascontiguousarray(points[built.order])
    codes = ByteCodes.build(ordered, Distance.COSINE)
    walked = SlotIndex(layout, ordered, len(ordered), codes=Codes(codes), graph=built.graph)
    report["code_bytes_per_row"] = round((walked.code_bytes + bits.nbytes) / len(points))
    report["walk"] = {
        str(ef or "default"): _measured(
            _searcher(walked, SlotSearch(LIMIT, ef=ef), built.order), queries, truth, options.rounds
        )
        for ef in options.efs
    }
    sys.stdout.write(json.dumps(report, indent=1) + "\n")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--points", type=Path, required=True)
    parser.add_argument("--queries", type=Path, required=True)
    parser.add_argument("--graph", type=Path, help="keep the built graph here, and take it from here when it is there")
    parser.add_argument("--threads", type=int, default=0, help="of the build; 0 takes all processors")
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--most", type=int, default=2000, help="most queries")
    parser.add_argument("--efs", type=int, nargs="*", default=[0, 32, 48, 64, 96, 128, 192])
    return parser.parse_args()


def _built(points: np.ndarray, options: argparse.Namespace, report: dict[str, object]) -> BuiltGraph:
    if options.graph is not None and options.graph.exists():
        stored = dict(np.load(options.graph))
        return BuiltGraph(stored.pop("order"), Graph.from_arrays(stored))
    began = time.perf_counter()
    warm_builder()
    warm = time.perf_counter()
    built = build_graph(points, Distance.COSINE, HnswConfig(), threads=options.threads)
    report["warm_s"] = round(warm - began, 2)
    report["build_s"] = round(time.perf_counter() - warm, 2)
    if options.graph is not None:
        np.savez(options.graph, order=built.order, **built.graph.arrays())
    return built


def _searcher(index: SlotIndex, search: SlotSearch, order: np.ndarray | None = None) -> Answer:
    if order is None:
        return lambda query: index.search(query, search)[0]
    return lambda query: order[index.search(query, search)[0]]


def _truth(points: np.ndarray, queries: np.ndarray) -> np.ndarray:
    return np.concatenate(
        [np.argpartition(-(block @ points.T), LIMIT, axis=1)[:, :LIMIT] for block in np.array_split(queries, 8)]
    )


def _measured(answer: Answer, queries: np.ndarray, truth: np.ndarray, rounds: int) -> dict[str, float]:
    best = np.full(len(queries), np.inf)
    found = 0
    for number in range(rounds):
        for place, query in enumerate(queries):
            began = time.perf_counter()
            rows = answer(query)
            best[place] = min(best[place], time.perf_counter() - began)
            if number == 0:
                found += len(set(rows) & set(truth[place]))
    return {
        "recall": round(found / LIMIT / len(queries), 4),
        "queries_per_s": round(1 / best.mean()),
        "us_p50": round(1e6 * float(np.median(best)), 1),
        "us_p99": round(1e6 * float(np.percentile(best, 99)), 1),
    }


if __name__ == "__main__":
    main()
