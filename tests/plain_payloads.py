"""Payload operations on Python dicts: what the engine's changes of JSON texts are compared with."""

import json
from typing import Any

from shared.schema.operations import ClearPayload, DeletePayload, OverwritePayload, SetPayload
from shared.segment.columns.paths import parse_path


def changed(payload: dict[str, Any], operation: Any) -> dict[str, Any]:
    """Return what an operation makes of a payload."""
    match operation:
        case SetPayload(_, text, _, ""):
            return merged(payload, json.loads(text or b"{}"))
        case SetPayload(_, text, _, key):
            return merged_at(payload, list(parse_path(key)), json.loads(text or b"{}"))
        case OverwritePayload(_, text):
            return json.loads(text or b"{}")
        case DeletePayload(_, keys):
            for key in keys:
                remove(payload, list(parse_path(key)))
            return payload
        case ClearPayload():
            return {}
    raise AssertionError(operation)


def merged(value: Any, changes: dict[str, Any]) -> dict[str, Any]:
    """Return an object with the keys of another; those that are null go."""
    whole = {**value, **changes} if isinstance(value, dict) else dict(changes)
    return {key: each for key, each in whole.items() if key not in changes or changes[key] is not None}


def merged_at(value: Any, path: list[Any], changes: dict[str, Any]) -> Any:
    """Return a value with an object merged in at a path."""
    if not path:
        return merged(value, changes)
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        whole = dict(value) if isinstance(value, dict) else {}
        whole[step] = merged_at(whole.get(step), rest, changes)
        return whole
    if not isinstance(value, list):
        return []
    return [merged_at(each, rest, changes) if step in (None, at) else each for at, each in enumerate(value)]


def remove(value: Any, path: list[Any]) -> None:
    """Take away, in place, what is at a path."""
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        if isinstance(value, dict) and step in value:
            if rest:
                remove(value[step], rest)
            else:
                del value[step]
    elif isinstance(value, list):
        if not rest and step is None:
            value.clear()
        for each in [each for at, each in enumerate(value) if step in (None, at)] if rest else []:
            remove(each, rest)
