"""(g): each kind of quantization beside the peer's with the same config: recall, latency, memory.

Raw vectors are on disk and codes in memory, as one who saves memory has it. Searches ask for what they find to be
rescored, once with each engine's own number of candidates and once with three times the limit. Memory is what opening
the data and searching adds to a process that has compiled or loaded its kernels already.
"""

from statistics import median
from typing import Any

from benchmarks.bench import EDGE, SHOAL, TITLES, Bench
from benchmarks.dataset import LIMIT, recall
from benchmarks.remote import Remote, Timing

KINDS: dict[str, dict[str, Any]] = {
    "scalar int8": {"scalar": {"type": "int8", "quantile": 0.99, "always_ram": True}},
    "product x16": {"product": {"compression": "x16", "always_ram": True}},
    "binary": {"binary": {"always_ram": True}},
}
BEAM = 64
MODES = {"graph": "rescored", "oversampled": "oversampled 3"}


def measure(bench: Bench) -> dict[str, Any]:
    """Return figures by kind, then engine, then how it was asked."""
    return {kind: _of_kind(bench, kind) for kind in KINDS}


def _of_kind(bench: Bench, kind: str) -> dict[str, Any]:
    found: dict[str, Any] = {}
    with bench.contestant(EDGE) as edge, bench.contestant(SHOAL) as shoal:
        remotes = (edge, shoal)
        for remote in remotes:
            remote.ask("quantize", config=KINDS[kind])
            bench.load(remote)
            found[TITLES[remote.name]] = {"index_s": bench.index(remote)}
        timings = _interleaved(bench, kind, remotes)
        for (name, mode), several in timings.items():
            found[name][MODES[mode]] = {
                "p50_ms": median(timing.p50 for timing in several) * 1e3,
                "p99_ms": median(timing.p99 for timing in several) * 1e3,
                "recall": recall(several[0].ids, bench.data.truth),
            }
    for module in (EDGE, SHOAL):
        with bench.contestant(module) as remote:
            remote.ask("quantize", config=KINDS[kind])
            found[TITLES[remote.name]]["memory"] = _added(remote)
    return found


def _interleaved(bench: Bench, kind: str, remotes: tuple[Remote, ...]) -> dict[tuple[str, str], list[Timing]]:
    """Ask the engines in turn, so that a change of the machine's mood meets both."""
    timings: dict[tuple[str, str], list[Timing]] = {}
    for remote in remotes:
        remote.search(LIMIT, BEAM, "graph", count=50)
    for round_ in range(bench.repeats):
        bench.tell(f"{kind}, round {round_ + 1} of {bench.repeats}")
        for mode in MODES:
            for remote in remotes:
                timing = remote.search(LIMIT, BEAM, mode)
                timings.setdefault((TITLES[remote.name], mode), []).append(timing)
    return timings


def _added(remote: Remote) -> dict[str, int]:
    """Return the bytes that opening the data and answering every query adds to a process."""
    remote.ask("warm")
    before: dict[str, int] = remote.ask("memory")
    remote.ask("reopen")
    remote.search(LIMIT, BEAM)
    after: dict[str, int] = remote.ask("memory")
    return {name: after[name] - before[name] for name in after}
