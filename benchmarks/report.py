"""The figures as tables for a person and as JSON for later."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from rich.console import Console
from rich.table import Table

from benchmarks import filtered_tables as filtered
from benchmarks.bench import TITLES
from benchmarks.filtered_tables import titled as _table

EDGE = TITLES["edge"]
SHOAL = TITLES["shoal"]
MB = 2**20
KB = 2**10


def write(results: dict[str, Any], folder: Path) -> Path:
    """Write <date>-<commit>.json and latest.json; gives the first."""
    folder.mkdir(parents=True, exist_ok=True)
    day = datetime.now(UTC).strftime("%Y-%m-%d")
    path = folder / f"{day}-{results['machine']['commit']}.json"
    text = json.dumps(results, indent=1, ensure_ascii=False) + "\n"
    path.write_text(text)
    (folder / "latest.json").write_text(text)
    return path


def show(console: Console, results: dict[str, Any]) -> None:
    """Print what there is."""
    machine, data = results["machine"], results["data"]
    console.print(
        f"[bold]{machine['cpu']}[/], {machine['processors']} processors, {machine['memory_gb']} GB; "
        f"{data['rows']:,} rows of {data['dim']} dimensions, {data['queries']:,} queries; commit {machine['commit']}; "
        f"load {machine['load_1m']:.1f} at the start"
    )
    for name, table in (
        ("graph", _graph),
        ("scan", _scan),
        ("loading", _loading),
        ("rest", _rest),
        ("memory", _memory),
        ("isolation", _isolation),
        ("quantization", _quantization),
        ("many", many),
        ("filtered", filtered.searches),
        ("filtered", filtered.deeds),
        ("filtered", filtered.columns),
        ("tenants", filtered.tenants),
        ("upserting", filtered.upserting),
        ("paging", filtered.paging),
    ):
        if results.get(name):
            console.print(table(results[name]))
    for failure in results.get("failures", []):
        console.print(f"[red]not measured:[/] {failure}")


def many(found: dict[str, Any]) -> Table:
    """Return the table of many empty collections."""
    table = _table(f"{found['collections']:,} empty collections", "", "in all", "parts")
    for title, key in (("memory each", "memory_each"), ("disk each", "disk_each")):
        parts = sorted(found[key].items(), key=lambda item: -item[1])
        text = ", ".join(f"{name} {bytes_ / KB:.1f}" for name, bytes_ in parts)
        table.add_row(title, f"{sum(found[key].values()) / KB:.0f} kB", text)
    each_ms = 1000 * found["create_s"] / found["collections"]
    table.add_row("created over REST, one connection", f"{found['create_s']:.1f} s", f"{each_ms:.0f} ms each")
    table.add_row("restart", f"{found['ready_s']:.1f} s", f"all described after {found['described_s']:.1f} s")
    table.add_row("at rest", f"{found['idle_share']:.1%} of a processor", "")
    return table


def _graph(found: dict[str, Any]) -> Table:
    table = _table("graph search in process, one thread, recall@10", "engine", *[f"≥ {w}" for w in found["wanted"]])
    own = {wanted: engines.get(SHOAL, {}).get("rate") for wanted, engines in found["wanted"].items()}
    for name in found["curves"]:
        cells = []
        for wanted, engines in found["wanted"].items():
            rate, reached = engines[name]["rate"], engines[name]["reached"]
            text = "never reached" if rate is None else f"{rate:,.0f}/s (ef {reached['ef']}, {reached['recall']:.4f})"
            ratio = f"  Shoal x {own[wanted] / rate:.2f}" if rate and own[wanted] and not name.startswith(SHOAL) else ""
            cells.append(text + ratio)
        table.add_row(name, *cells)
    return table


def _scan(found: dict[str, Any]) -> Table:
    table = _table("search before any graph, in process, one thread", "engine", "p50", "p95", "recall@10")
    for name, row in found.items():
        table.add_row(name, f"{row['p50_ms']:.3f} ms", f"{row['p95_ms']:.3f} ms", f"{row['recall']:.4f}")
    if SHOAL in found and EDGE in found:
        table.caption = f"Shoal x {found[EDGE]['p50_ms'] / found[SHOAL]['p50_ms']:.1f}"
    return table


def _loading(found: dict[str, Any]) -> Table:
    table = _table("first upsert to green with a graph", "", "upserts", "to green")
    for title, key in ((f"{SHOAL}, over REST, warm", "warm"), (f"{SHOAL}, over REST, cold", "cold")):
        if key in found:
            start = f", after {found[key]['start_s']:.1f} s to start" if "start_s" in found[key] else ""
            table.add_row(title, f"{found[key]['upserts_s']:.1f} s", f"{found[key]['green_s']:.1f} s{start}")
    for name, row in found.get("in_process", {}).items():
        table.add_row(f"{name}, in process", f"{row['load_s']:.1f} s", f"{row['load_s'] + row['index_s']:.1f} s")
    return table


def _rest(found: dict[str, Any]) -> Table:
    columns = ["p50", "p95", "server says", "warm kernel", "all but it", "search in worker", "all but it", "recall@10"]
    table = _table("REST search, one connection", *columns)
    kernel = found.get("kernel_p50_ms")
    table.add_row(
        f"{found['p50_ms']:.3f} ms",
        f"{found['p95_ms']:.3f} ms",
        f"{found['server_p50_ms']:.3f} ms",
        f"{kernel:.3f} ms" if kernel else "-",
        f"{found['p50_ms'] - kernel:.3f} ms" if kernel else "-",
        f"{found['worker_search_ms']:.3f} ms",
        f"{found['p50_ms'] - found['worker_search_ms']:.3f} ms",
        f"{found['recall']:.4f}",
    )
    return table


def _memory(found: dict[str, Any]) -> Table:
    table = _table("resident memory after loading and searching", "", "PSS", "own", "mapped files")
    for title, row in found.items():
        parts = row.get("roles", {})
        whole = row["total"] if parts else row
        table.add_row(title, *[f"{whole[kind] / MB:.0f} MB" for kind in ("pss", "anonymous", "files")])
        for role, part in sorted(parts.items(), key=lambda item: -item[1]["pss"]):
            table.add_row(f"  {role}", *[f"{part[kind] / MB:.0f} MB" for kind in ("pss", "anonymous", "files")])
    return table


def _quantization(found: dict[str, Any]) -> Table:
    columns = ["codes", "engine", "asked", "recall@10", "p50", "p99", "memory added (own)"]
    table = _table("quantized, raw vectors on disk, codes in memory, in process, one thread", *columns)
    for kind, engines in found.items():
        for name, row in engines.items():
            for asked in [asked for asked in row if asked not in ("memory", "index_s")]:
                part, memory = row[asked], row["memory"]
                table.add_row(
                    kind,
                    name,
                    asked,
                    f"{part['recall']:.4f}",
                    f"{part['p50_ms']:.3f} ms",
                    f"{part['p99_ms']:.3f} ms",
                    f"{memory['pss'] / MB:.0f} MB ({memory['anonymous'] / MB:.0f})",
                )
    return table


def _isolation(found: dict[str, Any]) -> Table:
    table = _table(
        f"search beside other work, 2 x {found['rows']:,} rows; small changes", "", "p50", "p99", "p99 / rest"
    )
    for name, row in found.items():
        if isinstance(row, dict):
            rest = found.get(f"{name.partition('_')[0]}_at_rest")
            times = f"{row['p99_ms'] / rest['p99_ms']:.2f}" if rest else ""
            table.add_row(name.replace("_", " "), f"{row['p50_ms']:.2f} ms", f"{row['p99_ms']:.2f} ms", times)
    return table
