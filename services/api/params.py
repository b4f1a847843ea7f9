"""Query string parameters: wait, ordering, timeout, consistency. Source: envelope.md section 7.

`ordering` and `consistency` are checked and have no effect: a shard's log is one total order with one writer's view.
"""

from typing import NamedTuple
from urllib.parse import parse_qsl

from shared.errors import BadFormat, Invalid

_WHERE = "query parameters"
_ORDERINGS = frozenset(("weak", "medium", "strong"))
_CONSISTENCIES = frozenset(("", "majority", "quorum", "all"))


class WriteParams(NamedTuple):
    """`wait` for the outcome, at most `timeout_s` seconds; None for as long as it takes."""

    wait: bool = False
    timeout_s: int | None = None


def write_params(query: str) -> WriteParams:
    """Return the parameters of a write. Raises BadFormat."""
    if not query:
        return WriteParams()
    given = _given(query)
    _one_of(given, "ordering", _ORDERINGS)
    return WriteParams(_boolean(given, "wait"), _whole(given, "timeout", 0))


def read_timeout(query: str) -> int | None:
    """Return the timeout of a read in seconds, None when not given. Raises BadFormat."""
    if not query:
        return None
    given = _given(query)
    consistency = given.get("consistency", "")
    if consistency not in _CONSISTENCIES:
        _whole(given, "consistency", 1)
    return _whole(given, "timeout", 1)


def collection_timeout(query: str) -> int | None:
    """Return the timeout of a collection call in seconds. Raises BadFormat, and Invalid for 0."""
    timeout_s = _whole(_given(query), "timeout", 0) if query else None
    if timeout_s == 0:
        raise Invalid("timeout: value 0 invalid, must be 1 or larger", _WHERE)
    return timeout_s


def texts(query: str) -> dict[str, str]:
    """Return all parameters as text, the last of repeated ones."""
    return _given(query) if query else {}


def _given(query: str) -> dict[str, str]:
    return dict(parse_qsl(query, keep_blank_values=True))


def _boolean(given: dict[str, str], name: str) -> bool:
    text = given.get(name, "false")
    if text not in ("true", "false"):
        raise BadFormat(f"{name}: provided string was not `true` or `false`: {text!r}", _WHERE)
    return text == "true"


def _whole(given: dict[str, str], name: str, low: int) -> int | None:
    text = given.get(name)
    if text is None:
        return None
    if not (text.isascii() and text.isdigit() and len(text) <= 18) or int(text) < low:
        raise BadFormat(f"{name}: expected a whole number from {low}, got {text!r}", _WHERE)
    return int(text)


def _one_of(given: dict[str, str], name: str, allowed: frozenset[str]) -> None:
    text = given.get(name)
    if text is not None and text not in allowed:
        raise BadFormat(f"{name}: unknown variant {text!r}, expected one of {', '.join(sorted(allowed))}", _WHERE)
