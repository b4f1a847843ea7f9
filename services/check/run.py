"""`shoal check` from end to end, and its table."""

import asyncio
from contextlib import AsyncExitStack
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table

from services.check.adopt import adopt
from services.check.inspect import ShardReport, compare_with_log, inspect_directory
from services.launcher.app import PrivateRedis
from services.launcher.claim import DirectoryClaim, read_record
from services.launcher.identity import is_alive
from shared.coordination.cluster import ensure_cluster
from shared.errors import WrongCluster
from shared.log.connection import connect
from shared.log.wal import Wal
from shared.settings import Settings


def run_check(data_dir: Path, redis_url: str, with_adopt: bool) -> int:
    """Checks, and adopts when asked; gives the exit code: 0 when all is well."""
    data_dir = data_dir.resolve()
    console = Console()
    reports: list[ShardReport] = []
    with console.status("reading") as status:
        for report in inspect_directory(data_dir):
            reports.append(report)
            status.update(f"reading: {len(reports)} shards, {sum(one.points for one in reports):,} points")
    problems = asyncio.run(_with_redis(console, data_dir, redis_url, with_adopt, reports))
    if reports:
        console.print(_table(reports))
    else:
        console.print(f"{data_dir} holds no collections")
    for problem in problems:
        console.print(f"problem: {problem}", style="red", markup=False)
    for report in reports:
        for problem in report.problems:
            console.print(f"problem: {report.key}: {problem}", style="red", markup=False)
    found = len(problems) + sum(len(report.problems) for report in reports)
    console.print("all is well" if not found else f"{found} problems", style="green" if not found else "bold red")
    return 1 if found else 0


async def _with_redis(
    console: Console, data_dir: Path, redis_url: str, with_adopt: bool, reports: list[ShardReport]
) -> list[str]:
    """What Redis adds to the reports; gives problems of the whole directory."""
    async with AsyncExitStack() as stack:
        url = redis_url or _url_of_running(data_dir)
        if not url and with_adopt:
            url = await _private_redis(stack, data_dir)
        if not url:
            console.print("no redis given, none running here: log positions are not compared")
            return []
        redis = connect(url)
        stack.push_async_callback(redis.aclose)
        if with_adopt:
            records = await adopt(redis, data_dir, reports)
            names = ", ".join(record.name for record in records)
            console.print(f"registered {len(records)} collections: {names}")
        try:
            await ensure_cluster(redis, data_dir)
        except WrongCluster as error:
            return [str(error)]
        heads = await Wal(redis).heads([report.key for report in reports])
    for report in reports:
        compare_with_log(report, heads[report.key])
    return []


def _url_of_running(data_dir: Path) -> str:
    record = read_record(data_dir)
    return record.redis_url if record is not None and is_alive(record.launcher) else ""


async def _private_redis(stack: AsyncExitStack, data_dir: Path) -> str:
    """The directory's own Redis, for as long as the check takes."""
    settings = Settings(data_dir=data_dir)
    claim = stack.enter_context(DirectoryClaim(settings.data_dir))
    redis = PrivateRedis(settings, claim)
    stack.push_async_callback(redis.stop)
    await redis.start(asyncio.Event())
    return redis.url


def _table(reports: list[ShardReport]) -> Table:
    table = Table(box=box.SIMPLE_HEAD)
    for column in ("collection", "shard"):
        table.add_column(column)
    for column in ("manifest", "checkpoint", "log head", "segments", "points"):
        table.add_column(column, justify="right")
    table.add_column("state")
    for report in reports:
        manifest = report.manifest
        table.add_row(
            manifest.name if manifest else report.key.collection,
            str(report.key.shard),
            f"{manifest.fence}.{manifest.generation}" if manifest else "none",
            str(manifest.checkpoint) if manifest else "-",
            f"{report.head.head} {report.head.state}" if report.head else "-",
            str(report.segments),
            f"{report.points:,}",
            "[red]damaged[/red]" if report.problems else "[green]ok[/green]",
        )
    return table
