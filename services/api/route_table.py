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
        """Return the target and the named parts; None when there is no such route. A fixed part wins over `{}`."""
        node = self._root
        names: list[str] = []
        for part in _parts(raw_path):
            child = node.children.get(part)
            if child is None or part == _ANY:
                child = node.children.get(_ANY)
                if child is None or not part:
                    return None
                names.append(unquote(part) if "%" in part else part)
            node = child
        target = node.targets.get(method)
        return None if target is None else (target, names)


def _parts(path: str) -> list[str]:
    trimmed = path.strip("/")
    return trimmed.split("/") if trimmed else []
