"""The optimizer's side of the builder: an order in, the segment's figures out.

`ProcessBuilder` keeps one warm child process and starts another when it died. `ThreadBuilder` works in this process,
for the mode that keeps everything in memory. Both build one order at a time; who asks meanwhile waits in line.
"""

import asyncio
import os
import sys
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import aclosing
from typing import Protocol

import structlog

from services.optimizer.builder_process import Work
from services.optimizer.messages import (
    BuildOrder,
    Built,
    FromBuilder,
    Progress,
    Ready,
    Refused,
    encode_frame,
    read_answer,
)
from shared.errors import ShoalError
from shared.settings import Settings, child_environment, variable_of

log = structlog.get_logger(__name__)
OnProgress = Callable[[Progress], Awaitable[None]]
THREAD_VARIABLES = ("NUMBA_NUM_THREADS", "OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS")
STOP_WAIT_S = 5.0


class BuildFailed(ShoalError):
    """The order could not be carried out. `kind` names the builder's error, BuilderDied when the process ended."""

    def __init__(self, kind: str, message: str) -> None:
        super().__init__(message)
        self.kind = kind


class _DiedUnheard(BuildFailed):
    """The process ended before it said anything about the order."""


class Builder(Protocol):
    """Carries out one order at a time. Cancelling `build` abandons the order."""

    async def start(self) -> None: ...

    async def stop(self) -> None: ...

    async def build(self, order: BuildOrder, on_progress: OnProgress) -> Built: ...


class ProcessBuilder:
    """A child process that is warm before it is needed."""

    def __init__(self, settings: Settings, threads: int, module: str = "services.optimizer.builder_process") -> None:
        self._settings = settings
        self._threads = threads
        self._module = module
        self._child: asyncio.subprocess.Process | None = None
        self._turn = asyncio.Lock()

    @property
    def pid(self) -> int | None:
        """The child's process id while it runs."""
        return self._child.pid if self._child and self._child.returncode is None else None

    async def start(self) -> None:
        """Start the child, so that it warms up while there is nothing to build."""
        async with self._turn:
            await self._ensure()

    async def stop(self) -> None:
        """End the child, in the middle of an order if need be."""
        await self._end()

    async def build(self, order: BuildOrder, on_progress: OnProgress) -> Built:
        """Carry out one order. Raises BuildFailed; when cancelled the child is killed and another one started."""
        async with self._turn:
            try:
                return await self._ask(order, on_progress)
            except _DiedUnheard:  # most likely it had died while it was idle
                return await self._ask(order, on_progress)

    async def _ask(self, order: BuildOrder, on_progress: OnProgress) -> Built:
        """Ask the child, and have another one ready if this one died, or met a bug and may be in any state."""
        child = await self._ensure()
        answered = False
        try:
            async with aclosing(_conversation(child, order)) as messages:
                async for message in messages:
                    match message:
                        case Progress() as progress:
                            await on_progress(progress)
                        case Built() | Refused():
                            answered = isinstance(message, Built) or message.is_expected
                            return _figures(message)
            raise AssertionError("a conversation ends with an answer")
        finally:
            if not answered:
                await self._end()
                await self._spawn()

    async def _ensure(self) -> asyncio.subprocess.Process:
        child = self._child
        if child is None or child.returncode is not None:
            child = await self._spawn()
        return child

    async def _spawn(self) -> asyncio.subprocess.Process:
        self._child = await asyncio.create_subprocess_exec(
            sys.executable,
            *("-m", self._module, str(os.getpid())),
            stdin=asyncio.subprocess.PIPE,
            stdout=asyncio.subprocess.PIPE,
            env=child_environment(self._settings, self._variables()),
        )
        log.info("builder started", pid=self._child.pid)
        return self._child

    def _variables(self) -> dict[str, str]:
        threads = dict.fromkeys(THREAD_VARIABLES, str(self._threads))
        return {**threads, variable_of("service_name"): "builder", variable_of("ready_fd"): "-1"}

    async def _end(self) -> None:
        child, self._child = self._child, None
        if child is None:
            return
        if child.returncode is None:
            child.kill()
        await asyncio.wait_for(child.wait(), STOP_WAIT_S)


async def _conversation(child: asyncio.subprocess.Process, order: BuildOrder) -> AsyncGenerator[FromBuilder, None]:
    """Send an order, give what comes back. Raises BuildFailed when the process ends."""
    assert child.stdin is not None
    assert child.stdout is not None
    heard = False
    try:
        child.stdin.write(encode_frame(order))
        await child.stdin.drain()
        while True:
            message = await read_answer(child.stdout)
            heard = heard or not isinstance(message, Ready)
            yield message
    except (asyncio.IncompleteReadError, ConnectionError) as error:
        code = await child.wait()
        kind = BuildFailed if heard else _DiedUnheard
        raise kind("BuilderDied", f"the builder process ended with code {code}") from error


def _figures(message: Built | Refused) -> Built:
    if isinstance(message, Refused):
        raise BuildFailed(message.kind, message.message)
    return message


class ThreadBuilder:
    """A thread of this process. It cannot be stopped in the middle of an order: an abandoned one runs on, unheard."""

    def __init__(self, work: Work) -> None:
        self._work = work
        self._turn = asyncio.Lock()

    async def start(self) -> None:
        """Nothing to start."""

    async def stop(self) -> None:
        """Nothing to stop."""

    async def build(self, order: BuildOrder, on_progress: OnProgress) -> Built:
        """Carry out one order. Raises BuildFailed."""
        loop = asyncio.get_running_loop()

        def report(stage: str, done: int, total: int) -> None:
            asyncio.run_coroutine_threadsafe(_quietly(on_progress, Progress(stage, done, total)), loop)

        async with self._turn:
            try:
                return await asyncio.to_thread(self._work, order, report)
            except Exception as error:
                raise BuildFailed(type(error).__name__, str(error) or repr(error)) from error


async def _quietly(on_progress: OnProgress, progress: Progress) -> None:
    try:
        await on_progress(progress)
    except ShoalError as error:
        log.warning("progress not published", error=str(error))
