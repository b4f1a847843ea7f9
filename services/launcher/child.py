"""One child process, kept alive until it is told to stop.

Takes a `ChildSpec`, gives a running process: started in a process group of its own (so a Ctrl-C in the terminal reaches
only the launcher, and whatever the child starts can be found again), tied to the launcher's life by PR_SET_PDEATHSIG,
started again after a crash with a growing delay, ended with its whole group.

All stay in the launcher's session: Linux' autogroup gives each session an equal share of the CPU whatever the niceness
of its processes (sched(7)), and the builder's niceness must count against the services that answer.
"""

import asyncio
import contextlib
import ctypes
import os
import signal
import time
from collections.abc import Awaitable, Callable, Mapping
from typing import NamedTuple

import structlog

from services.launcher.identity import Identity, end, identify
from services.launcher.restarts import Restarts
from services.process import EXIT_HOPELESS
from shared.errors import ShoalError

log = structlog.get_logger()

_PR_SET_PDEATHSIG = 1
_libc = ctypes.CDLL(None, use_errno=True)


class ChildFailed(ShoalError):
    """A child cannot be kept alive."""


class ChildSpec(NamedTuple):
    """How a child is started and stopped."""

    name: str
    arguments: tuple[str, ...]
    environment: Mapping[str, str]
    is_ready: Callable[[], Awaitable[bool]] | None = None
    """Asked again and again until true; without it the child writes a byte to its SHOAL_READY_FD."""
    inherits: tuple[int, ...] = ()
    """Descriptors that the child keeps open."""
    stop_s: float = 10.0
    """How long after SIGTERM comes SIGKILL."""
    death_signal: int = signal.SIGKILL
    """What the kernel sends the child when the launcher dies. The log holds all that was acknowledged."""


class Child:
    """Starts, restarts and stops one process. `failed` completes with the reason when there is no point in going on."""

    def __init__(self, spec: ChildSpec, record: Callable[[str, Identity | None], None]) -> None:
        self.spec = spec
        self.ready = asyncio.Event()
        self.failed: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self.starts = 0
        self._record = record
        self._process: asyncio.subprocess.Process | None = None
        self._stop_asked = asyncio.Event()
        self._task: asyncio.Task[None] | None = None

    @property
    def pid(self) -> int:
        """The running process, 0 between two lives."""
        return self._process.pid if self._process is not None else 0

    def start(self) -> None:
        """Begins to keep the process alive."""
        self._task = asyncio.create_task(self._keep_alive(), name=f"child {self.spec.name}")

    async def stop(self) -> None:
        """SIGTERM, a bounded wait, SIGKILL; then the rest of its group."""
        self._stop_asked.set()
        if self._task is None:
            return
        self._terminate()
        done, _ = await asyncio.wait({self._task}, timeout=self.spec.stop_s)
        if not done and self._process is not None:
            log.warning("did not stop in time, killed", child=self.spec.name, seconds=self.spec.stop_s)
            with contextlib.suppress(ProcessLookupError):
                self._process.kill()
        await asyncio.gather(self._task, return_exceptions=True)

    async def _keep_alive(self) -> None:
        restarts = Restarts()
        while not self._stop_asked.is_set():
            began = time.monotonic()
            code = await self._live_once()
            if self._stop_asked.is_set():
                return
            restarts = restarts.after(time.monotonic() - began)
            if code == EXIT_HOPELESS or restarts.given_up:
                self.failed.set_result(f"{self.spec.name} ended with {_code_text(code)}")
                return
            log.warning("child ended, starting it again", child=self.spec.name, how=_code_text(code))
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._stop_asked.wait(), restarts.delay_s)

    async def _live_once(self) -> int:
        """From spawn to the end of the last process of its group; gives the exit code."""
        reader, writer = os.pipe() if self.spec.is_ready is None else (-1, -1)
        try:
            self._process = await self._spawn(writer)
        finally:
            if writer >= 0:
                os.close(writer)
        identity = identify(self._process.pid)
        self._record(self.spec.name, identity)
        watching = asyncio.create_task(self._watch_ready(reader))
        if self._stop_asked.is_set():
            self._terminate()
        code = await self._process.wait()
        watching.cancel()
        await asyncio.gather(watching, return_exceptions=True)
        self.ready.clear()
        self._process = None
        if identity is not None:
            await asyncio.to_thread(end, [identity], 1.0)
        self._record(self.spec.name, None)
        return code

    def _terminate(self) -> None:
        if self._process is not None:
            with contextlib.suppress(ProcessLookupError):
                self._process.terminate()

    async def _spawn(self, ready_fd: int) -> asyncio.subprocess.Process:
        spec = self.spec
        environment = dict(spec.environment)
        inherits = spec.inherits
        if ready_fd >= 0:
            environment["SHOAL_READY_FD"] = str(ready_fd)
            inherits = (*inherits, ready_fd)
        self.starts += 1
        return await asyncio.create_subprocess_exec(
            *spec.arguments,
            env=environment,
            stdin=asyncio.subprocess.DEVNULL,
            pass_fds=inherits,
            preexec_fn=_prepare(os.getpid(), spec.death_signal),
        )

    async def _watch_ready(self, reader: int) -> None:
        if self.spec.is_ready is None:
            if await _byte_arrives(reader):
                self.ready.set()
            return
        while not await self.spec.is_ready():  # noqa: ASYNC110  # another process: no event to wait for
            await asyncio.sleep(0.01)
        self.ready.set()


def _prepare(launcher: int, death_signal: int) -> Callable[[], None]:
    """What runs in the child between fork and exec: few system calls, no allocation of note, no locks."""

    def run() -> None:
        os.setpgid(0, 0)
        _libc.prctl(_PR_SET_PDEATHSIG, death_signal)
        if os.getppid() != launcher:
            os._exit(1)

    return run


async def _byte_arrives(reader: int) -> bool:
    """True when the child wrote its byte, False when it closed the pipe without. Closes the pipe."""
    loop = asyncio.get_running_loop()
    arrived: asyncio.Future[bool] = loop.create_future()

    def readable() -> None:
        loop.remove_reader(reader)
        arrived.set_result(os.read(reader, 1) != b"")

    loop.add_reader(reader, readable)
    try:
        return await arrived
    finally:
        loop.remove_reader(reader)
        os.close(reader)


def _code_text(code: int) -> str:
    return f"signal {signal.Signals(-code).name}" if code < 0 else f"exit code {code}"
