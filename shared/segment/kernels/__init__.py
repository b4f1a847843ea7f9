"""Compiled kernels: numba only, no Python objects, no allocation on hot paths.

Importing this package decides, before anything compiles, for which CPU level and into which cache directory numba
compiles. The directory's name holds a hash of all kernel sources: numba's cache ignores edits in imported modules.

Every kernel takes one int64 table of addresses and numbers (see `registry`), so a call costs half a microsecond and
read-only maps need no signatures of their own. Whoever fills a table keeps the arrays behind it alive during the call.
"""

import hashlib
import platform
from pathlib import Path

import llvmlite
import llvmlite.binding
import numba
import numpy as np

from shared.segment.kernels.cpu import Level, choose_level
from shared.settings import Settings


def _sources_hash(level: Level) -> str:
    digest = hashlib.blake2b(digest_size=8)
    for path in sorted(Path(__file__).parent.glob("*.py")):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    for version in (numba.__version__, llvmlite.__version__, np.__version__, platform.python_version(), level.name):
        digest.update(version.encode())
    return digest.hexdigest()


def _configure(settings: Settings) -> Level:
    level = choose_level(platform.machine(), llvmlite.binding.get_host_cpu_features(), settings.kernel_level)
    numba.config.CPU_NAME = level.cpu  # type: ignore[attr-defined]
    numba.config.CPU_FEATURES = level.features  # type: ignore[attr-defined]
    directory = settings.kernel_cache_dir.expanduser() / f"{level.name}-{_sources_hash(level)}"
    directory.mkdir(parents=True, exist_ok=True)
    numba.config.CACHE_DIR = str(directory)  # type: ignore[attr-defined]
    return level


LEVEL = _configure(Settings())
"""The level that this process compiles for."""
