"""Paths to handlers: a tree of path parts, where `{}` stands for any one part. A trailing slash is trimmed.

One walk of a few dictionary look-ups, instead of one regular expression after the other.
"""

from typing import Generic, TypeVar
from urllib.parse import unquote

T = TypeVar("T")
_ANY = "{}"


class _Node(Generic[T]):
    __slots__ = ("children", "targets")

    def __init__(self) -> None:
        self.children: dict[str, _Node[T]] = {}
        self.targets: dict[str, T] = {}


class RouteTable(Generic[T]):
    """Takes method and raw path, gives what was added for them and the decoded parts that `{}` stood for."""

    def __init__(self) -> None:
        self._root: _Node[T] = _Node()

    def add(self, method: str, pattern: str, target: T) -> None:
        """Add a route, for example GET /collections/{}/points/{}."""
        node = self._root
        for part in _parts(pattern):
            node = node.children.setdefault(part, _Node())
        assert method not in node.targets, f"{method} {pattern} added twice"
        node.targets[method] = target

    def match(self, method: str, raw_path: str) -> tuple[T, list[str]] | None:
        """Return the target and the named parts; None when there is no such route. A fixed part wins over `{}`.

        Where the fixed part leads to no route of this method, `{}` is tried: a collection may be called `aliases`.
        """
        return _match(self._root, method, _parts(raw_path), 0)


def _match(node: _Node[T], method: str, parts: list[str], place: int) -> tuple[T, list[str]] | None:
    """Match the parts from `place` on; goes no deeper than the routes do, however long the path is."""
    if place == len(parts):
        target = node.targets.get(method)
        return None if target is None else (target, [])
    part = parts[place]
    fixed = node.children.get(part) if part != _ANY else None
    found = None if fixed is None else _match(fixed, method, parts, place + 1)
    if found is not None or not part:
        return found
    named = node.children.get(_ANY)
    found = None if named is None else _match(named, method, parts, place + 1)
    if found is not None:
        found[1].insert(0, unquote(part) if "%" in part else part)
    return found


def _parts(path: str) -> list[str]:
    trimmed = path.strip("/")
    return trimmed.split("/") if trimmed else []
