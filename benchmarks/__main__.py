"""`python -m benchmarks`: everything in one go, on one machine and one data set. See README.md."""

import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
from rich.console import Console

from benchmarks import report
from benchmarks.bench import EDGE, HNSW, SHOAL, TITLES, Bench
from benchmarks.dataset import prepare
from benchmarks.environment import peers_python
from benchmarks.machine import facts
from benchmarks.measures import (
    filtered,
    graph,
    isolation,
    loading,
    many,
    memory,
    paging,
    quantization,
    rest,
    tenants,
    upserting,
)
from benchmarks.remote import ROOT
from benchmarks.service import Client, Service

EFS = (10, 16, 24, 32, 48, 64, 96, 128, 192, 256, 384, 512)
QUICK_EFS = (16, 32, 64, 128, 256)
QUICK_ROWS = 12_000
QUICK_QUERIES = 200
COLLECTIONS = 1000
QUICK_COLLECTIONS = 50
PAGED_POINTS = 1_000_000
QUICK_PAGED_POINTS = 20_000
PARTS = "graph, scan, loading, cold, rest, memory, isolation, quantization, many, filtered, tenants, upserting, paging"


@click.command()
@click.option("--data", type=click.Path(path_type=Path, exists=True), default=ROOT.parent / "shared/data/wordnet")
@click.option("--rows", default=0, help="only the first points; 0 for all")
@click.option("--repeats", default=5, show_default=True, help="interleaved rounds, of which medians are reported")
@click.option("--only", default=PARTS, show_default=True, help="what to measure")
@click.option("--quick", is_flag=True, help="a smoke run: few rows, one round; its figures mean nothing")
@click.option("--peers", type=click.Path(path_type=Path), help="an interpreter that has the peers already")
@click.option("--results", type=click.Path(path_type=Path), default=ROOT / "benchmarks/results", show_default=True)
def main(data: Path, peers: Path | None, results: Path, **options: Any) -> None:
    """Measure Shoal beside its peers, print tables, write JSON."""
    console = Console()
    began = time.monotonic()

    def tell(text: str) -> None:
        console.print(f"[dim]{time.monotonic() - began:6.0f} s  {text}[/]")

    quick = options["quick"]
    work = Path(tempfile.mkdtemp(prefix="shoal-bench-"))
    try:
        machine = facts(ROOT)
        python = peers_python(peers, tell)
        rows = options["rows"] or (QUICK_ROWS if quick else 0)
        bench = Bench(
            data=prepare(data, rows, QUICK_QUERIES if quick else 0, work),
            work=work,
            own_python=Path(sys.executable),
            peers_python=python,
            repeats=1 if quick else options["repeats"],
            efs=QUICK_EFS if quick else EFS,
            tell=tell,
            empty_collections=QUICK_COLLECTIONS if quick else COLLECTIONS,
            paged_points=QUICK_PAGED_POINTS if quick else PAGED_POINTS,
        )
        found = measure(bench, {part.strip() for part in options["only"].split(",")})
    finally:
        shutil.rmtree(work, ignore_errors=True)
    found = {"when": datetime.now(UTC).isoformat(timespec="seconds"), "quick": quick, "machine": machine, **found}
    report.show(console, found)
    if not quick:
        console.print(f"written to {report.write(found, results)}")


def measure(bench: Bench, parts: set[str]) -> dict[str, Any]:
    """Measure the parts that are asked for. One that fails is named and does not stop the others."""
    data = bench.data
    found: dict[str, Any] = {
        "data": {"name": data.name, "rows": data.rows, "dim": data.dim, "queries": len(data.truth)},
        "failures": [],
    }
    for step in (in_process, quantized, over_rest, beside_others, from_cold, empty_ones, under_filters, by_pages):
        try:
            step(bench, parts, found)
        except Exception as error:  # an hour of other figures must not be lost
            found["failures"].append(f"{step.__name__}: {type(error).__name__}: {error}")
    kernel = found.get("graph", {}).get("default_ef", {}).get(TITLES["shoal"], {}).get("bare_p50_ms")
    if kernel and "rest" in found:
        found["rest"]["kernel_p50_ms"] = kernel
    return found


def in_process(bench: Bench, parts: set[str], found: dict[str, Any]) -> None:
    """(a), (b), the peers' half of (c) and of (e)."""
    if not parts & {"graph", "scan", "loading", "memory"}:
        return
    with bench.contestant(EDGE) as edge, bench.contestant(SHOAL) as shoal, bench.contestant(HNSW) as hnsw:
        seconds: dict[str, dict[str, float]] = {}
        for remote in (edge, shoal, hnsw):
            seconds[TITLES[remote.name]] = {"load_s": bench.load(remote)}
        if "scan" in parts:
            found["scan"] = graph.scan(bench, [shoal, edge])
        for remote in (edge, shoal, hnsw):
            seconds[TITLES[remote.name]]["index_s"] = bench.index(remote)
        found.setdefault("loading", {})["in_process"] = seconds
        if "graph" in parts:
            lanes = [("Shoal", shoal, "graph"), ("Shoal, bare index", shoal, "bare")]
            lanes += [(TITLES[remote.name], remote, "graph") for remote in (edge, hnsw)]
            found["graph"] = graph.sweep(bench, lanes)
    if "memory" in parts:
        with bench.contestant(EDGE) as edge:
            found.setdefault("memory", {})[f"{TITLES['edge']}, in process"] = memory.of_contestant(bench, edge)


def quantized(bench: Bench, parts: set[str], found: dict[str, Any]) -> None:
    """(g)."""
    if "quantization" in parts:
        found["quantization"] = quantization.measure(bench)


def over_rest(bench: Bench, parts: set[str], found: dict[str, Any]) -> None:
    """The service's half of (c) and (e), and (d)."""
    if not parts & {"loading", "rest", "memory"}:
        return
    with Service(bench.work / "warm", bench.work / "warm.log") as service:
        client = Client(service.url)
        loading.warm_up(bench, client)
        bench.tell("Shoal: loading over REST")
        figures = loading.load(client, bench.data.dim, loading.bodies(bench), bench.data.rows)
        found.setdefault("loading", {})["warm"] = figures
        if parts & {"rest", "memory"}:
            bench.tell("Shoal: searching over REST")
            found["rest"] = rest.search(bench, client)
        if "memory" in parts:
            found.setdefault("memory", {})["Shoal, all processes"] = memory.of_service(service)


def beside_others(bench: Bench, parts: set[str], found: dict[str, Any]) -> None:
    """(f)."""
    if "isolation" not in parts:
        return
    with Service(bench.work / "isolation", bench.work / "isolation.log") as service:
        loading.warm_up(bench, Client(service.url))
        found["isolation"] = isolation.measure(bench, service.url)


def from_cold(bench: Bench, parts: set[str], found: dict[str, Any]) -> None:
    """The cold half of (c)."""
    if "cold" in parts:
        found.setdefault("loading", {})["cold"] = loading.cold(bench)


def empty_ones(bench: Bench, parts: set[str], found: dict[str, Any]) -> None:
    """(h)."""
    if "many" in parts:
        bench.tell("Shoal: many empty collections")
        found["many"] = many.measure(bench.work, bench.empty_collections, bench.data.dim)


def under_filters(bench: Bench, parts: set[str], found: dict[str, Any]) -> None:
    """(i), (j), (k)."""
    for part, measured in (("filtered", filtered), ("tenants", tenants), ("upserting", upserting)):
        if part in parts:
            found[part] = measured.measure(bench)


def by_pages(bench: Bench, parts: set[str], found: dict[str, Any]) -> None:
    """(l)."""
    if "paging" in parts:
        found["paging"] = paging.measure(bench)


if __name__ == "__main__":
    main()
