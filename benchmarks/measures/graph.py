"""(a) and (b): searches in process, one thread, engines interleaved.

All engines live at once, and each round asks each of them in turn, so that a change of the machine's mood meets all.
Contestants that are indexed already are passed in, as building takes longest.
"""

from statistics import median
from typing import Any

from benchmarks.bench import TITLES, Bench
from benchmarks.curve import Point, at_recall
from benchmarks.dataset import LIMIT, recall
from benchmarks.remote import Remote, Timing

WANTED = (0.985, 0.995)
SCAN_QUERIES = 200
Lane = tuple[str, Remote, str]
"""A name in the report, its process and the mode of its searches."""


def sweep(bench: Bench, lanes: list[Lane]) -> dict[str, Any]:
    """Return queries a second at each wanted recall, and the whole curves."""
    for _, remote, mode in lanes:
        remote.search(LIMIT, 64, mode, count=50)
    timings: dict[tuple[str, int], list[Timing]] = {}
    for round_ in range(bench.repeats):
        bench.tell(f"graph search, round {round_ + 1} of {bench.repeats}")
        for ef in bench.efs:
            for name, remote, mode in lanes:
                timings.setdefault((name, ef), []).append(remote.search(LIMIT, ef, mode))
    curves = {name: [_point(bench, ef, timings[name, ef]) for ef in bench.efs] for name, _, _ in lanes}
    return {
        "wanted": {str(wanted): {name: _at(curves[name], wanted) for name in curves} for wanted in WANTED},
        "curves": {name: [point._asdict() for point in points] for name, points in curves.items()},
        "default_ef": {name: _default(bench, remote, mode) for name, remote, mode in lanes if name == TITLES["shoal"]},
    }


def scan(bench: Bench, remotes: list[Remote]) -> dict[str, Any]:
    """Return p50 of a search over rows that have no graph, with its recall."""
    timings: dict[str, list[Timing]] = {}
    for remote in remotes:
        remote.search(LIMIT, 0, "scan", count=20)
    for round_ in range(bench.repeats):
        bench.tell(f"search without a graph, round {round_ + 1} of {bench.repeats}")
        for remote in remotes:
            timings.setdefault(TITLES[remote.name], []).append(remote.search(LIMIT, 0, "scan", count=SCAN_QUERIES))
    return {
        name: {
            "p50_ms": median(timing.p50 for timing in found) * 1e3,
            "p95_ms": median(timing.p95 for timing in found) * 1e3,
            "recall": recall(found[0].ids, bench.data.truth),
        }
        for name, found in timings.items()
    }


def _point(bench: Bench, ef: int, timings: list[Timing]) -> Point:
    rate = median(len(timing.ids) / timing.total for timing in timings)
    return Point(ef, recall(timings[0].ids, bench.data.truth), rate)


def _at(points: list[Point], wanted: float) -> dict[str, Any]:
    found = at_recall(points, wanted)
    return {"rate": found.rate, "reached": found.reached._asdict() if found.reached else None}


def _default(bench: Bench, remote: Remote, mode: str) -> dict[str, float]:
    """What a search without an `ef` costs: the kernel's own time in (d)."""
    timing = remote.search(LIMIT, 0, mode)
    bare = remote.search(LIMIT, 0, "bare")
    return {"p50_ms": timing.p50 * 1e3, "bare_p50_ms": bare.p50 * 1e3, "recall": recall(timing.ids, bench.data.truth)}
