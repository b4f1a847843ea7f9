"""What `shoal serve` starts: pure functions from settings to child specifications."""

import contextlib
import os
import signal
import socket as sockets
import sys
from collections.abc import Iterator
from pathlib import Path

from services.launcher.child import ChildSpec
from services.redis_server import answers, redis_arguments
from shared.errors import BadRequest
from shared.settings import Settings, child_environment

WORKER_STOP_S = 25.0
OTHER_STOP_S = 12.0
REDIS_STOP_S = 30.0


def redis_spec(program: Path, settings: Settings, socket: Path, lock: int) -> ChildSpec:
    """The private Redis. It gets SIGTERM when the launcher dies: it may write out its file."""
    return ChildSpec(
        name="redis",
        arguments=redis_arguments(program, settings, socket),
        environment=child_environment(settings, {}),
        is_ready=lambda: answers(socket),
        inherits=(lock,),
        stop_s=REDIS_STOP_S,
        death_signal=signal.SIGTERM,
    )


def service_specs(settings: Settings, socket_dir: Path, searches: int = -1) -> dict[str, list[ChildSpec]]:
    """The services by role, in the order in which they are started. `searches` is the memory that apis share."""
    if settings.rpc_address and settings.workers > 1:
        raise BadRequest("--rpc-address names one place: leave it empty, or give one worker")
    prefix = _prefix(settings)
    return {
        "worker": [
            _worker(settings, f"{prefix}worker-{number}", socket_dir) for number in range(1, settings.workers + 1)
        ],
        "optimizer": [_optimizer(settings, f"{prefix}optimizer")],
        **api_specs(settings, socket_dir, searches),
    }


def api_specs(settings: Settings, socket_dir: Path, searches: int = -1) -> dict[str, list[ChildSpec]]:
    """The api processes; the kernel spreads connections over them (SO_REUSEPORT). With each its ingest process."""
    found: dict[str, list[ChildSpec]] = {"ingest": [], "api": []}
    prefix = _prefix(settings)
    for number in range(1, settings.api + 1):
        socket = str(socket_dir / f"ingest-{number}.sock") if settings.ingest else ""
        shared = settings.model_copy(update={"searches_fd": searches})
        if settings.ingest:
            own = shared.model_copy(update={"listen_socket": socket})
            found["ingest"].append(_api(own, f"{prefix}ingest-{number}"))
        found["api"].append(_api(shared.model_copy(update={"ingest_socket": socket}), f"{prefix}api-{number}"))
    return found


def _api(settings: Settings, name: str) -> ChildSpec:
    spec = _service("api", settings, name, OTHER_STOP_S, 1)
    return spec._replace(inherits=(settings.searches_fd,)) if settings.searches_fd >= 0 else spec


def _prefix(settings: Settings) -> str:
    return f"{settings.node_name}-" if settings.node_name else ""


def _worker(settings: Settings, name: str, socket_dir: Path) -> ChildSpec:
    address = settings.rpc_address or f"unix:{socket_dir / name}.sock"
    return _service("worker", settings.model_copy(update={"rpc_address": address}), name, WORKER_STOP_S, 1)


def _optimizer(settings: Settings, name: str) -> ChildSpec:
    threads = settings.indexing_threads or os.cpu_count() or 1
    return _service("optimizer", settings, name, OTHER_STOP_S, threads)


def _service(role: str, settings: Settings, name: str, stop_s: float, threads: int) -> ChildSpec:
    named = settings.model_copy(update={"node_name": name, "service_name": name})
    return ChildSpec(
        name=name,
        arguments=(sys.executable, "-m", f"services.{role}"),
        environment=child_environment(named, thread_environment(threads)),
        stop_s=stop_s,
    )


def thread_environment(threads: int) -> dict[str, str]:
    """How many threads numeric libraries start: set on purpose, for every one of them starts one per core by itself.

    A worker searches with one thread per running kernel, so its libraries get none of their own.
    """
    count = str(threads)
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    return dict.fromkeys(names, count)


class PortTaken(OSError):
    """Somebody else listens there."""


@contextlib.contextmanager
def held_port(host: str, port: int, share: bool) -> Iterator[int]:
    """Makes sure that nobody listens there, and gives the port (a free one for 0).

    With `share` it is kept for several api processes by a socket that is bound and does not listen. The first bind is
    without SO_REUSEPORT, because with it two servers of one user would silently share a port.
    """
    family = sockets.AF_INET6 if ":" in host else sockets.AF_INET
    with sockets.socket(family, sockets.SOCK_STREAM) as probe:
        probe.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
        _bind(probe, host, port)
        port = probe.getsockname()[1]
    if not share:
        yield port
        return
    with sockets.socket(family, sockets.SOCK_STREAM) as held:
        held.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEADDR, 1)
        held.setsockopt(sockets.SOL_SOCKET, sockets.SO_REUSEPORT, 1)
        _bind(held, host, port)
        yield port


def _bind(endpoint: sockets.socket, host: str, port: int) -> None:
    try:
        endpoint.bind((host, port))
    except OSError as error:
        raise PortTaken(
            f"cannot listen on {host}:{port} ({error.strerror}); choose another port with --port"
        ) from error
