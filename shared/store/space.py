"""Free space of a volume, and the ballast: a file to delete so that a full disk can be started from again."""

import os
from pathlib import Path

from shared.store.atomic import sync_directory

MB = 2**20


def free_mb(path: Path) -> int:
    """Return the free MB, for ordinary users, of the volume of `path` or of its nearest existing parent."""
    while not path.exists():
        path = path.parent
    volume = os.statvfs(path)
    return volume.f_bavail * volume.f_frsize // MB


def ensure_ballast(path: Path, mb: int) -> bool:
    """Have a file of `mb` MB of really allocated blocks at `path`; 0 removes it.

    Gives whether it is there now: it is left out, without an error, when it would take more than half of what is free.
    """
    if mb == 0:
        path.unlink(missing_ok=True)
        return False
    if path.exists() and path.stat().st_size == mb * MB:
        return True
    path.unlink(missing_ok=True)
    if free_mb(path.parent) < 2 * mb:
        return False
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("xb") as file:
        os.posix_fallocate(file.fileno(), 0, mb * MB)
        os.fsync(file.fileno())
    sync_directory(path.parent)
    return True
