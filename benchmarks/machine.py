"""On what the figures were measured."""

import os
import platform
import subprocess
import sys
from importlib import metadata
from pathlib import Path
from typing import Any

FLAGS = ("avx2", "avx512f", "avx512_vnni", "avx512_vpopcntdq", "avx_vnni")


def facts(root: Path) -> dict[str, Any]:
    """Return the machine, the versions and the commit."""
    cpu = _cpu()
    return {
        "cpu": cpu["model name"],
        "flags": [flag for flag in FLAGS if flag in cpu["flags"].split()],
        "processors": len(os.sched_getaffinity(0)),
        "memory_gb": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 1e9, 1),
        "kernel": platform.release(),
        "python": sys.version.split()[0],
        "versions": {name: metadata.version(name) for name in ("numpy", "numba", "pynndescent", "redis")},
        "load_1m": os.getloadavg()[0],
        "commit": commit(root),
    }


def commit(root: Path) -> str:
    """Return the short commit, marked when files differ from it."""
    text = ["git", "-C", str(root), "describe", "--always", "--dirty", "--exclude", "*"]
    found = subprocess.run(text, capture_output=True, text=True, check=False)
    return found.stdout.strip() or "unknown"


def _cpu() -> dict[str, str]:
    first = Path("/proc/cpuinfo").read_text().split("\n\n")[0]
    pairs = (line.partition(":") for line in first.splitlines())
    found = {name.strip(): value.strip() for name, _, value in pairs}
    return {"model name": found.get("model name", platform.processor() or "unknown"), "flags": found.get("flags", "")}
