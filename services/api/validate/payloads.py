"""Payloads: from decoded objects to the canonical JSON text that the log and the segments hold.

Whole numbers beyond 64 bits become floats, as in the reference; nesting is bounded so that no reader of the text meets
its own recursion limit.
"""

import re
from typing import Any

import msgspec

from shared.errors import BadFormat

DEPTH_MAX = 128
_encode = msgspec.json.Encoder().encode
_LONG_DIGITS = re.compile(rb"\d{19}")
_INT_MIN, _INT_MAX = -(2**63), 2**64 - 1


def payload_text(payload: dict[str, Any] | None) -> bytes:
    """Return JSON object text; empty bytes for no payload. Raises BadFormat."""
    if not payload:
        return b""
    try:
        text = _encode(payload)
        if text.count(b"{") + text.count(b"[") > DEPTH_MAX and _depth(payload) > DEPTH_MAX:
            raise BadFormat(f"recursion limit exceeded: a payload nests deeper than {DEPTH_MAX}")
        if _LONG_DIGITS.search(text) is not None:
            text = _encode(_without_long_integers(payload))
    except (RecursionError, UnicodeEncodeError, OverflowError) as error:
        raise BadFormat(f"a payload cannot be stored: {error}") from error
    return text


def _depth(value: Any) -> int:
    deepest = 0
    waiting = [(value, 1)]
    while waiting:
        current, depth = waiting.pop()
        deepest = max(deepest, depth)
        if isinstance(current, dict):
            waiting.extend((child, depth + 1) for child in current.values() if isinstance(child, dict | list))
        else:
            waiting.extend((child, depth + 1) for child in current if isinstance(child, dict | list))
    return deepest


def _without_long_integers(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_long_integers(child) for key, child in value.items()}
    if isinstance(value, list):
        return [_without_long_integers(child) for child in value]
    if isinstance(value, int) and not isinstance(value, bool) and not _INT_MIN <= value <= _INT_MAX:
        return float(value)
    return value
