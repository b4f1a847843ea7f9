"""A `shoal serve` of its own session, which goes on when the demo ends."""

import socket
import subprocess
import sys
import time
from pathlib import Path

from services.launcher.claim import read_record
from services.launcher.identity import is_alive
from services.launcher.plan import held_port
from shared.errors import ShoalError

START_S = 300.0
"""A first start compiles kernels."""


def running_url(data_dir: Path) -> str | None:
    """Where the service on this directory answers; None when none runs."""
    record = read_record(data_dir)
    return record.url if record is not None and record.url and is_alive(record.launcher) else None


def start_server(data_dir: Path, port: int) -> str:
    """Starts the service in the background and waits until it is ready; gives its URL. Log: <data_dir>/serve.log."""
    with held_port("127.0.0.1", port, share=False) as port:
        pass
    data_dir.mkdir(parents=True, exist_ok=True)
    log_path = data_dir / "serve.log"
    options = ["--host", "127.0.0.1", "--port", str(port), "--data-dir", str(data_dir)]
    with log_path.open("ab") as log:
        server = subprocess.Popen(
            [sys.executable, "-m", "services.cli", "serve", *options],
            stdin=subprocess.DEVNULL,
            stdout=log,
            stderr=log,
            start_new_session=True,
        )
    deadline = time.monotonic() + START_S
    while (url := running_url(data_dir)) is None:
        if server.poll() is not None or time.monotonic() > deadline:
            server.kill()
            tail = "\n".join(log_path.read_text(errors="replace").splitlines()[-15:])
            raise ShoalError(f"the service did not start; {log_path} ends:\n{tail}")
        time.sleep(0.05)
    return url


def free_port_near(port: int) -> int:
    """A port to propose when the one asked for is taken."""
    for candidate in range(port + 1, port + 100):
        with socket.socket() as probe:
            if probe.connect_ex(("127.0.0.1", candidate)) != 0:
                return candidate
    return 0
