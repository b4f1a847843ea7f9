"""One child, kept alive and ended with all that it started."""

import asyncio
import os
import signal
import sys
from collections.abc import Callable

import pytest

from services.launcher.child import Child, ChildSpec
from services.launcher.identity import Identity, identify, is_alive
from services.process import EXIT_HOPELESS

READY = "import os, time; os.write(int(os.environ['SHOAL_READY_FD']), b'1'); "
STUBBORN = "import signal; signal.signal(signal.SIGTERM, signal.SIG_IGN); "
WITH_CHILD = (
    "import subprocess, sys, pathlib; c = subprocess.Popen([sys.executable, '-c', 'import time; time.sleep(60)']); "
    "pathlib.Path(sys.argv[1]).write_text(str(c.pid)); "
)


def spec(code: str, *arguments: str, stop_s: float = 5.0) -> ChildSpec:
    command = (sys.executable, "-c", code, *arguments)
    return ChildSpec(name="child", arguments=command, environment=dict(os.environ), stop_s=stop_s)


def ignore(_name: str, _identity: Identity | None) -> None:
    """Records nothing."""


async def until(holds: Callable[[], bool]) -> None:
    async with asyncio.timeout(10):
        while not holds():
            await asyncio.sleep(0.01)


async def started(child: Child) -> Child:
    child.start()
    async with asyncio.timeout(10):
        await child.ready.wait()
    return child


async def test_a_killed_child_is_started_again():
    child = await started(Child(spec(READY + "time.sleep(60)"), ignore))
    first = child.pid

    os.kill(first, signal.SIGKILL)
    await until(lambda: child.starts == 2 and child.ready.is_set())

    assert child.pid != first
    await child.stop()


async def test_a_child_that_ignores_sigterm_is_killed_within_its_bound():
    child = await started(Child(spec(STUBBORN + READY + "time.sleep(60)", stop_s=0.2), ignore))
    identity = identify(child.pid)
    assert identity is not None

    async with asyncio.timeout(5):
        await child.stop()

    assert not is_alive(identity)


async def test_stopping_ends_what_the_child_itself_started(tmp_path):
    note = tmp_path / "pid"
    child = await started(Child(spec(WITH_CHILD + READY + "time.sleep(60)", str(note)), ignore))
    grandchild = identify(int(note.read_text()))
    assert grandchild is not None

    await child.stop()

    assert not is_alive(grandchild)


async def test_a_child_shares_the_launchers_session_so_niceness_counts_among_all_but_not_its_process_group():
    child = await started(Child(spec(READY + "time.sleep(60)"), ignore))

    assert os.getsid(child.pid) == os.getsid(0)
    assert os.getpgid(child.pid) == child.pid
    await child.stop()


async def test_a_child_that_says_it_can_never_work_is_not_started_again():
    child = Child(spec(f"raise SystemExit({EXIT_HOPELESS})"), ignore)

    child.start()
    async with asyncio.timeout(10):
        reason = await child.failed

    assert child.starts == 1
    assert f"exit code {EXIT_HOPELESS}" in reason
    await child.stop()


async def test_every_life_is_recorded_and_so_is_its_end():
    records: list[tuple[str, bool]] = []
    child = Child(spec(READY + "time.sleep(60)"), lambda name, identity: records.append((name, identity is not None)))

    await started(child)
    await child.stop()

    assert records == [("child", True), ("child", False)]


@pytest.mark.parametrize("death_signal", [signal.SIGKILL, signal.SIGTERM])
async def test_the_child_dies_with_a_launcher_that_is_killed(tmp_path, death_signal):
    note = tmp_path / "pid"
    launcher = (
        "import asyncio, os, pathlib, sys; from services.launcher.child import Child, ChildSpec\n"
        "async def main():\n"
        "    code = \"import os, time; os.write(int(os.environ['SHOAL_READY_FD']), b'1'); time.sleep(60)\"\n"
        "    arguments = (sys.executable, '-c', code)\n"
        f"    spec = ChildSpec('child', arguments, dict(os.environ), death_signal={int(death_signal)})\n"
        "    child = Child(spec, lambda name, identity: None); child.start(); await child.ready.wait()\n"
        "    pathlib.Path(sys.argv[1] + '.new').write_text(str(child.pid))\n"
        "    os.rename(sys.argv[1] + '.new', sys.argv[1]); await asyncio.sleep(60)\n"
        "asyncio.run(main())\n"
    )
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", launcher, str(note))
    await until(note.exists)
    identity = identify(int(note.read_text()))
    assert identity is not None

    process.kill()
    await process.wait()

    await until(lambda: not is_alive(identity))
