"""The builder's life: orders, failures, death in the middle, abandonment."""

import asyncio
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from services.optimizer.builder import BuildFailed, ProcessBuilder, ThreadBuilder
from services.optimizer.messages import BuildOrder, Built, Progress
from shared.settings import Settings
from tests.builder_stub import work


def order(job_id: str, output: str = "") -> BuildOrder:
    return BuildOrder(job_id, "", output, "b1", b"{}", ["a1"], [""], threads=1, recall_target=0.9)


class Heard:
    """Progress as it came."""

    def __init__(self) -> None:
        self.stages: list[Progress] = []

    async def __call__(self, progress: Progress) -> None:
        self.stages.append(progress)


@pytest.fixture
async def builder() -> AsyncIterator[ProcessBuilder]:
    builder = ProcessBuilder(Settings(), 1, module="tests.builder_stub")
    await builder.start()
    yield builder
    await builder.stop()


async def test_order_gives_progress_and_figures(builder: ProcessBuilder) -> None:
    heard = Heard()

    built = await builder.build(order("print"), heard)

    assert built == Built(rows=7, size_bytes=70, recall=0.99, attempts=1, seconds=0.1)
    assert heard.stages == [Progress("graph", 1, 2)]


async def test_error_in_a_build_fails_the_order_and_keeps_the_process(builder: ProcessBuilder) -> None:
    before = builder.pid

    with pytest.raises(BuildFailed, match="no such thing") as failure:
        await builder.build(order("refuse"), Heard())

    assert failure.value.kind == "RecallMissed"
    assert builder.pid == before


async def test_builder_that_met_a_bug_is_replaced(builder: ProcessBuilder) -> None:
    before = builder.pid

    with pytest.raises(BuildFailed, match="no such name"):
        await builder.build(order("bug"), Heard())

    assert builder.pid != before
    assert (await builder.build(order("next"), Heard())).rows == 7


async def test_builder_that_dies_fails_the_order_and_is_replaced(builder: ProcessBuilder) -> None:
    with pytest.raises(BuildFailed, match="ended with code 9"):
        await builder.build(order("die"), Heard())

    assert (await builder.build(order("next"), Heard())).rows == 7


async def test_builder_that_died_while_idle_is_replaced_at_the_next_order(builder: ProcessBuilder) -> None:
    await builder.build(order("first"), Heard())
    assert builder.pid is not None
    os.kill(builder.pid, 9)

    built = await builder.build(order("next"), Heard())

    assert built.rows == 7


async def test_abandoned_build_ends_the_process_at_once(builder: ProcessBuilder, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    building = asyncio.create_task(builder.build(order("hang", str(begun)), Heard()))
    while not begun.exists() or not begun.read_text():
        await asyncio.sleep(0.01)

    building.cancel()
    await asyncio.gather(building, return_exceptions=True)

    assert not Path(f"/proc/{begun.read_text()}").exists()
    assert (await builder.build(order("next"), Heard())).rows == 7


async def test_thread_builder_gives_the_same_answers() -> None:
    builder = ThreadBuilder(work)

    built = await builder.build(order("any"), Heard())
    with pytest.raises(BuildFailed, match="no such thing"):
        await builder.build(order("refuse"), Heard())

    assert built.rows == 7
