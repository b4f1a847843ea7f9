"""Crash points: places between two steps that a crash could split. Nothing in production, a knife in tests.

`crash_point("name")` ends the process at once, as kill -9 would (exit status 137), when that name was armed. Services
pass the environment's SHOAL_CRASH_POINT to `arm`. A name armed as `name:3` fires at the third visit.
"""

import os

_armed: dict[str, int] = {}


def arm(name: str) -> None:
    """Arm a crash point, `name` or `name:visit`; "" disarms all."""
    _armed.clear()
    if name:
        point, _, visit = name.partition(":")
        _armed[point] = int(visit or 1)


def crash_point(name: str) -> None:
    """End the process here if this point was armed."""
    if not _armed or name not in _armed:
        return
    _armed[name] -= 1
    if _armed[name] == 0:
        os._exit(137)
