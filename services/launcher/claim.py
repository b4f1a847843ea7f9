"""The claim on a data directory: one `shoal serve` at a time, and never two Redis on the same files.

1. `flock` on `<data_dir>/lock`. The private Redis inherits the descriptor, so the lock is held as long as launcher or
   Redis lives: killing the launcher alone does not free the directory.
2. `<data_dir>/launcher.json` records the launcher and every child by pid and start time. Whoever finds the lock taken
   reads there who holds it. When that launcher is dead, its children are orphans: they are ended, the lock is free.
"""

import fcntl
import json
import os
import time
from pathlib import Path
from types import TracebackType
from typing import Self

import msgspec
import structlog

from services.launcher.identity import Identity, end, identify, is_alive
from services.launcher.sockets import choose_socket_dir, remove_socket_dir
from shared.errors import ShoalError

log = structlog.get_logger()

ORPHAN_GRACE_S = 10.0
LOCK_WAIT_S = 15.0


class DirectoryTaken(ShoalError):
    """Another process holds the data directory."""


class Record(msgspec.Struct, frozen=True):
    """What launcher.json holds."""

    launcher: Identity
    url: str = ""
    redis_url: str = ""
    socket_dir: str = ""
    children: dict[str, Identity] = {}


class DirectoryClaim:
    """Holds a data directory from `with` to its end; `descriptor` is for Redis to inherit."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._record = Record(_own_identity())
        self.socket_dir = Path()
        """Where this launch's sockets lie."""
        self.descriptor = -1

    def __enter__(self) -> Self:
        self._data_dir.mkdir(parents=True, exist_ok=True, mode=0o700)
        self.descriptor = os.open(self._data_dir / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            self._lock()
            self._end_orphans()
            self.socket_dir = choose_socket_dir(self._data_dir)
            self._record = msgspec.structs.replace(self._record, socket_dir=str(self.socket_dir))
            self._write()
        except BaseException:
            os.close(self.descriptor)
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        remove_socket_dir(self.socket_dir)
        record_path(self._data_dir).unlink(missing_ok=True)
        os.close(self.descriptor)

    def announce(self, url: str, redis_url: str = "") -> None:
        """Records where the service answers, for `shoal check` and for whoever finds the directory taken."""
        self._record = msgspec.structs.replace(self._record, url=url, redis_url=redis_url)
        self._write()

    def record_child(self, name: str, child: Identity | None) -> None:
        """Records a child, or its end, before anything else can go wrong."""
        children = {key: value for key, value in self._record.children.items() if key != name}
        if child is not None:
            children[name] = child
        self._record = msgspec.structs.replace(self._record, children=children)
        self._write()

    def _lock(self) -> None:
        if self._try_lock():
            return
        holder = read_record(self._data_dir)
        if holder is not None and is_alive(holder.launcher):
            raise DirectoryTaken(_taken(self._data_dir, holder))
        self._end_orphans()
        deadline = time.monotonic() + LOCK_WAIT_S
        while not self._try_lock():
            if time.monotonic() > deadline:
                raise DirectoryTaken(
                    f"data directory {self._data_dir} is locked by a process that is not recorded in launcher.json; "
                    "end it, or choose another directory with --data-dir"
                )
            time.sleep(0.05)

    def _try_lock(self) -> bool:
        try:
            fcntl.flock(self.descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    def _end_orphans(self) -> None:
        former = read_record(self._data_dir)
        if former is None or is_alive(former.launcher):
            return
        ended = end(former.children.values(), ORPHAN_GRACE_S)
        remove_socket_dir(Path(former.socket_dir))
        if ended:
            log.warning("ended orphans of a launcher that was killed", pids=[orphan.pid for orphan in ended])

    def _write(self) -> None:
        path = record_path(self._data_dir)
        fresh = path.with_suffix(".new")
        fresh.write_bytes(msgspec.json.format(msgspec.json.encode(self._record)))
        fresh.replace(path)


def record_path(data_dir: Path) -> Path:
    """Where the claim's holder is written down."""
    return data_dir / "launcher.json"


def read_record(data_dir: Path) -> Record | None:
    """Who holds, or last held, the directory; None when nobody wrote it down or it cannot be read."""
    try:
        return msgspec.json.decode(record_path(data_dir).read_bytes(), type=Record)
    except (OSError, json.JSONDecodeError, msgspec.DecodeError):
        return None


def _own_identity() -> Identity:
    own = identify(os.getpid())
    assert own is not None, "this needs Linux's /proc"
    return own


def _taken(data_dir: Path, holder: Record) -> str:
    at = f", serving {holder.url}" if holder.url else ""
    return (
        f"data directory {data_dir} is in use by another shoal (pid {holder.launcher.pid}{at}); "
        f"stop it with `shoal stop --data-dir {data_dir}`, or choose another directory with --data-dir"
    )
