"""Tables of what was measured under filters, and of writes and pages."""

from typing import Any

from rich.table import Table

from benchmarks.bench import TITLES

EDGE, SHOAL = TITLES["edge"], TITLES["shoal"]
MB = 2**20


def titled(title: str, *columns: str) -> Table:
    """Return an empty table."""
    table = Table(title=title, title_justify="left", title_style="bold")
    for column in columns:
        table.add_column(column)
    return table


def searches(found: dict[str, Any]) -> Table:
    """Return p50 and recall by filter and engine, and times as multiples of the engine's search without a filter."""
    engines = list(found["searches"]["no filter"])
    table = titled("filtered search in process, one thread, default beam", "filter", *engines, "Shoal x")
    open_ms = {name: found["searches"]["no filter"][name]["p50_ms"] for name in engines}
    for case, rows in found["searches"].items():
        cells = [
            f"{row['p50_ms'] * 1e3:,.0f} us ({row['p50_ms'] / open_ms[name]:.2f} x open), {row['recall']:.4f}"
            for name, row in rows.items()
        ]
        table.add_row(case, *cells, f"{rows[EDGE]['p50_ms'] / rows[SHOAL]['p50_ms']:.2f}")
    return table


def deeds(found: dict[str, Any]) -> Table:
    """Return the time of everything else."""
    table = titled("counts, facets, pages and payload changes under filters, in process", "", SHOAL, EDGE, "Shoal x")
    for deed, row in found["deeds"].items():
        table.add_row(deed, *[f"{row[name] * 1e3:,.0f} us" for name in (SHOAL, EDGE)], f"{row[EDGE] / row[SHOAL]:.2f}")
    return table


def columns(found: dict[str, Any]) -> Table:
    """Return what payload indexes take."""
    table = titled("memory of payload indexes", "index", "per million points")
    for name, size in found["columns_each"].items():
        table.add_row(name, f"{size / MB:.1f} MB")
    return table


def tenants(found: dict[str, Any]) -> Table:
    """Return what a tenant's search costs."""
    columns = ("", "engine", "p50", "p99", "recall@10", "build")
    table = titled("a tenant's search, m 0, payload_m 16, in process", *columns)
    for name, rows in found.items():
        for engine, row in rows.items():
            if "cut_off" in row:
                table.add_row(name, engine, f"cut off: {row['cut_off']}")
                continue
            recall = f"{row['recall']:.4f}" if "recall" in row else ""
            build = f"{row['index_s']:.1f} s" if "index_s" in row else ""
            times = [f"{row[kind] * 1e3:,.0f} us" for kind in ("p50_ms", "p99_ms")]
            table.add_row(name, engine, *times, recall, build)
    return table


def upserting(found: dict[str, Any]) -> Table:
    """Return points a second."""
    table = titled("upserts over REST until searchable, batches of 256, wait=false", "", "points/s")
    for name, rate in found.items():
        table.add_row(name, f"{rate:,.0f}")
    return table


def paging(found: dict[str, Any]) -> Table:
    """Return what pages cost at either end."""
    title = f"pages of {found['limit']:,} of {found['points']:,} points over REST, one connection"
    table = titled(title, "", "pages", "first ones, p50", "last ones, p50", "last / first", "through all")
    for name, row in found.items():
        if isinstance(row, dict):
            times = [f"{row[kind]:.2f} ms" for kind in ("first_p50_ms", "last_p50_ms")]
            ratio = f"{row['last_p50_ms'] / row['first_p50_ms']:.2f}"
            table.add_row(
                name, f"{row['pages']:,} ({row['compared']} compared)", *times, ratio, f"{row['all_s']:.1f} s"
            )
    table.caption = f"loaded over REST, with two payload indexes and no graph, in {found['load_s']:.0f} s"
    return table
