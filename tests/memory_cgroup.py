"""A control group with a memory limit, where this machine lets us make one: as root, cgroup v1 or v2."""

import contextlib
import os
import tempfile
from collections.abc import Iterator
from pathlib import Path

ROOT = Path("/sys/fs/cgroup")
LIMITS = (("memory", "memory.limit_in_bytes"), (".", "memory.max"))
"""Where groups are made below ROOT, and the file of the limit: version 1, version 2."""


@contextlib.contextmanager
def memory_cgroup(limit_bytes: int) -> Iterator[Path | None]:
    """Give a group whose members may hold so much, page cache included, for the pages that they touch after joining.

    A process joins by writing its id to `cgroup.procs`. None where no group can be made.
    """
    group = _made(limit_bytes)
    try:
        yield group
    finally:
        if group is not None:
            group.rmdir()


def _made(limit_bytes: int) -> Path | None:
    for parent, limit in LIMITS:
        with contextlib.suppress(OSError):
            group = Path(tempfile.mkdtemp(prefix=f"shoal-{os.getpid()}-", dir=ROOT / parent))
            try:
                (group / limit).write_text(str(limit_bytes))
            except OSError:
                group.rmdir()
                continue
            return group
    return None
