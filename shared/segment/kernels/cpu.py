"""Which x86-64 level the kernels are compiled for.

Kernels are compiled for a level, not for a host, so that images can carry them ready: numba's own cache key holds the
host's name and would miss on the next machine. Every level gives the same scores, bit for bit (see `float_rows`).
"""

from collections.abc import Mapping
from typing import NamedTuple

_V3 = ("avx2", "bmi", "bmi2", "f16c", "fma", "lzcnt", "movbe")
_V4 = ("avx512f", "avx512bw", "avx512cd", "avx512dq", "avx512vl")


class Level(NamedTuple):
    """A compilation target. `cpu` None leaves numba's choice: this very host."""

    name: str
    cpu: str | None
    features: str | None
    has_vnni: bool


V3 = Level("v3", "x86-64-v3", "", has_vnni=False)
V4 = Level("v4", "x86-64-v4", "-prefer-256-bit", has_vnni=False)
V4_VNNI = Level("v4-vnni", "x86-64-v4", "-prefer-256-bit,+avx512vnni,+avx512vpopcntdq", has_vnni=True)
HOST = Level("host", None, None, has_vnni=False)
LEVELS = {level.name: level for level in (V3, V4, V4_VNNI, HOST)}


def best_level(machine: str, features: Mapping[str, bool]) -> Level:
    """Return the highest level that a machine with these LLVM feature flags runs."""
    if machine not in ("x86_64", "AMD64") or not all(features.get(name) for name in _V3):
        return HOST
    if not all(features.get(name) for name in _V4):
        return V3
    vnni = features.get("avx512vnni") and features.get("avx512vpopcntdq")
    return V4_VNNI if vnni else V4


def choose_level(machine: str, features: Mapping[str, bool], wanted: str) -> Level:
    """Return the level named `wanted` ("" takes the best). Raises ValueError when the machine cannot run it."""
    if not wanted:
        return best_level(machine, features)
    allowed = {*runnable_levels(machine, features), HOST.name}
    if wanted not in allowed:
        raise ValueError(f"kernel level {wanted!r} does not run here, expected one of {sorted(allowed)}")
    return LEVELS[wanted]


def runnable_levels(machine: str, features: Mapping[str, bool]) -> list[str]:
    """Return the names of the levels that a machine runs and that images carry, lowest first."""
    best = best_level(machine, features)
    order = [HOST.name] if best is HOST else [V3.name, V4.name, V4_VNNI.name]
    return order[: order.index(best.name) + 1]
