"""How much of the memory that it may use a process has resident."""

import os
from functools import cache
from pathlib import Path

_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
_STATM = Path("/proc/self/statm")
_PAGE = os.sysconf("SC_PAGE_SIZE")


@cache
def total_bytes() -> int:
    """Return the memory of this machine, or of the control group that bounds this process when that is less."""
    total = _PAGE * os.sysconf("SC_PHYS_PAGES")
    for path in _LIMITS:
        try:
            text = path.read_text().strip()
        except OSError:
            continue
        if text.isdigit():
            total = min(total, int(text))
    return total


def resident_percent() -> float:
    """Return what is resident of this process, mapped files included, in percent of `total_bytes`; 0 if unknown."""
    try:
        pages = int(_STATM.read_text().split()[1])
    except (OSError, ValueError, IndexError):
        return 0.0
    return 100.0 * pages * _PAGE / max(total_bytes(), 1)
