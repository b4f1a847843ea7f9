"""(i): searches, counts, facets, pages and payload changes under filters, in process, beside the peer's with an index.

Shoal answers twice: with the indexes declared, and without any, from the second query with a filter on. Recall counts
what is found among the filter's true best.
"""

from statistics import median
from typing import Any

import numpy as np

from benchmarks.bench import EDGE, SHOAL, TITLES, Bench
from benchmarks.contestants.wheres import Indexes, Where
from benchmarks.dataset import LIMIT
from benchmarks.filtering import NUMBERS, Case, Fields, cases, prepare_fields, truth_of
from benchmarks.remote import Remote, Timing

QUERIES = 300
TIMES = 100
ROUNDS = 9
CHANGED = 100_000
INDEXES: Indexes = {
    "shade": "keyword",
    "pos": "keyword",
    "topic": "keyword",
    "number": "integer",
    "n_lemmas": "integer",
}
COLUMNS: Indexes = {"topic": "keyword", "number": "integer", "text": "text"}
UNDECLARED = "Shoal, no index declared"
Lanes = dict[str, tuple[Remote, str]]


def measure(bench: Bench) -> dict[str, Any]:
    """Return figures by engine for each case, for each other deed, and bytes per million points of columns."""
    fields = prepare_fields(bench.data, bench.work)
    with bench.contestant(EDGE) as edge, bench.contestant(SHOAL) as shoal:
        for remote in (edge, shoal):
            remote.ask("declare", indexes=INDEXES)
            bench.load(remote, fields.path)
            bench.index(remote)
        lanes = {TITLES["edge"]: (edge, "graph"), "Shoal": (shoal, "graph"), UNDECLARED: (shoal, "undeclared")}
        return {
            "searches": _searches(bench, fields, lanes),
            "deeds": _deeds(bench, fields, edge, shoal),
            "columns_each": _columns(bench, shoal),
        }


def _searches(bench: Bench, fields: Fields, lanes: Lanes) -> dict[str, Any]:
    count = min(QUERIES, len(bench.data.truth))
    every = cases(count)
    truths = {case.name: truth_of(bench.data, fields, case) for case in every}
    timings: dict[tuple[str, str], list[Timing]] = {}
    for name, (remote, mode) in lanes.items():
        remote.search(LIMIT, 0, mode, count=50)
        for case in every:
            remote.filtered(case.wheres[:3], LIMIT, mode)
        bench.tell(f"{name}: warm")
    for round_ in range(bench.repeats):
        bench.tell(f"filtered search, round {round_ + 1} of {bench.repeats}")
        for name, (remote, mode) in lanes.items():
            timings.setdefault(("no filter", name), []).append(remote.search(LIMIT, 0, mode, count=count))
        for case in every:
            for name, (remote, mode) in lanes.items():
                timings.setdefault((case.name, name), []).append(remote.filtered(case.wheres, LIMIT, mode))
    truths["no filter"] = bench.data.truth[:count]
    found: dict[str, Any] = {}
    for (case_name, name), several in timings.items():
        found.setdefault(case_name, {})[name] = {
            "p50_ms": median(timing.p50 for timing in several) * 1e3,
            "p99_ms": median(timing.p99 for timing in several) * 1e3,
            "recall": recall_of(several[0].ids, truths[case_name]),
        }
    return found


def _deeds(bench: Bench, fields: Fields, edge: Remote, shoal: Remote) -> dict[str, Any]:
    """Return p50 of counts, facets and pages, and the seconds of a payload change; payloads change last."""
    bench.tell("counts, facets, pages and payload changes under filters")
    found: dict[str, Any] = {}
    by_name = {case.name: case for case in cases(TIMES * ROUNDS)}
    plans: list[tuple[str, str, Case | None, dict[str, Any]]] = []
    for name in ("keyword 10.0%", "keyword 0.1%", "range 10.0%", "range 10.0%, another each time"):
        plans.append((f"count, {name}", "count", by_name[name], {}))
        plans.append((f"page of 10, {name}", "scroll", by_name[name], {"limit": 10}))
        plans.append((f"facet of 45 topics, {name}", "facet", by_name[name], {"key": "topic"}))
    plans.append(("facet of 45 topics, no filter", "facet", None, {"key": "topic"}))
    rounds: dict[str, list[dict[str, dict[str, float]]]] = {title: [] for title, *_ in plans}
    for first in range(0, ROUNDS * TIMES, TIMES):  # spread: a round of milliseconds may fall into a slow moment
        for title, do, case, more in plans:
            wheres = [None] * TIMES if case is None else case.wheres[first : first + TIMES]
            rounds[title].append({remote.name: remote.deed(do, wheres, **more) for remote in (edge, shoal)})
    for title, each in rounds.items():
        assert each[0]["edge"]["found"] == each[0]["shoal"]["found"], f"{title}: {each[0]}"
        found[title] = {TITLES[name]: median(one[name]["p50"] for one in each) * 1e3 for name in ("edge", "shoal")}
    numbers = np.sort(fields.values["number"])
    high = float(numbers[CHANGED]) if len(numbers) > CHANGED else float(NUMBERS)
    change, title = Where("number", None, 0, high), f"set payload of {min(CHANGED, len(numbers)):,} points"
    for remote in (edge, shoal):
        seconds = [remote.deed("set_payload", [change], payload={"mark": mark})["seconds"] for mark in range(5)]
        found.setdefault(title, {})[TITLES[remote.name]] = median(seconds) * 1e3
    return found


def _columns(bench: Bench, shoal: Remote) -> dict[str, float]:
    """Return bytes per million points of columns."""
    shoal.ask("declare", indexes=COLUMNS)
    return {name: 1e6 * size / bench.data.rows for name, size in shoal.ask("column_bytes").items()}


def recall_of(found: np.ndarray, truth: np.ndarray) -> float:
    """Return the share of the true best that was found, where a filter may keep fewer than LIMIT."""
    wanted = [set(best[best >= 0].tolist()) for best in truth]
    hits = sum(len(best & set(mine.tolist())) for mine, best in zip(found, wanted, strict=True))
    return hits / max(1, sum(map(len, wanted)))
