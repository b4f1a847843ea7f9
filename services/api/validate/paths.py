"""Payload paths as clients write them: `a.b`, `a[].b`, `a[0].b`, `"odd key".b`."""

import re

from shared.errors import BadFormat

_KEY = r'(?:"[^"]*"|[\w-]+)(?:\[[0-9]{0,19}\])*'
_PATH = re.compile(rf"{_KEY}(?:\.{_KEY})*")


def check_path(path: str, where: str = "JSON body") -> str:
    """Return the path if it is one. Raises BadFormat."""
    if _PATH.fullmatch(path) is None:
        raise BadFormat(f"invalid payload path: {path!r}", where)
    return path
