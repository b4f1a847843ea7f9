"""Changes of one payload: JSON object texts in and out, taken apart only along the paths that change.

What stays passes through byte for byte, so numbers keep the digits that the client sent. Empty bytes are no keys.
Each function is given what changes, and returns what makes the change in one payload after the other.
Source: the reference's engine and qdrant-client's local mode agree on all of it.
"""

from collections.abc import Callable, Mapping, Sequence

import msgspec

from shared.segment.columns.paths import EVERY, Path, parse_path

PayloadEdit = Callable[[bytes], bytes]
"""From a payload to what it becomes."""

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode

_NULL = b"null"


def merging(changes: bytes) -> PayloadEdit:
    """Return what puts the keys of `changes` over those of a payload. A key that is given as null is removed."""
    given = _keys(changes)
    kept = {key: value for key, value in given.items() if bytes(value).strip() != _NULL}
    dropped = given.keys() - kept.keys()
    alone = _encode(kept) if dropped else changes or b"{}"

    def edit(payload: bytes) -> bytes:
        if len(payload) <= 2:
            return alone
        found = _decode(payload)
        found.update(kept)
        return _encode(_without(found, dropped) if dropped else found)

    return edit


def merging_at(path: str, changes: bytes) -> PayloadEdit:
    """Return what merges `changes` into the object at a payload path, which takes the place of any other value there.

    Missing objects on the way are made, missing elements of arrays are not; a value that is no array and is asked for
    its elements becomes an empty one.
    """
    steps, merge = parse_path(path), merging(changes)
    return lambda payload: _merged_at(payload or b"{}", steps, merge)


def removing(paths: Sequence[str]) -> PayloadEdit:
    """Return what removes the values at payload paths. `a[]` empties an array; `a[0]` alone removes nothing."""
    steps = [parse_path(path) for path in paths]
    keys = {path[0] for path in steps if len(path) == 1}
    nested = [path for path in steps if len(path) > 1]

    def edit(payload: bytes) -> bytes:
        if len(payload) <= 2:
            return payload
        if keys:
            payload = _encode(_without(_decode(payload), keys))
        for path in nested:
            payload = _removed(payload, path)
        return payload

    return edit


def replacing(payload: bytes) -> PayloadEdit:
    """Return what puts one payload in the place of any other."""
    return lambda _: payload


def merged(current: bytes, changes: bytes) -> bytes:
    """Return one payload merged with `changes`."""
    return merging(changes)(current)


def _keys(text: bytes) -> dict[str, msgspec.Raw]:
    return _decode(text) if len(text) > 2 else {}


def _without(found: Mapping[str, msgspec.Raw], keys: set[str | int | None] | set[str]) -> dict[str, msgspec.Raw]:
    return {key: value for key, value in found.items() if key not in keys}


def _merged_at(text: bytes, path: Path, merge: PayloadEdit) -> bytes:
    kind = text.lstrip()[:1]
    if not path:
        return merge(text if kind == b"{" else b"{}")
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        found = _decode(text) if kind == b"{" else {}
        found[step] = msgspec.Raw(_merged_at(bytes(found.get(step, _NULL)), rest, merge))
        return _encode(found)
    if kind != b"[":
        return b"[]"
    elements = _decode_array(text)
    for place, element in enumerate(elements):
        if step is EVERY or step == place:
            elements[place] = msgspec.Raw(_merged_at(bytes(element), rest, merge))
    return _encode(elements)


def _removed(text: bytes, path: Path) -> bytes:
    kind, step, rest = text.lstrip()[:1], path[0], path[1:]
    if isinstance(step, str):
        found = _decode(text) if kind == b"{" else {}
        if step not in found:
            return text
        if not rest:
            return _encode(_without(found, {step}))
        found[step] = msgspec.Raw(_removed(bytes(found[step]), rest))
        return _encode(found)
    if kind != b"[" or (step is not EVERY and not rest):
        return text
    if not rest:
        return b"[]"
    elements = _decode_array(text)
    for place, element in enumerate(elements):
        if step is EVERY or step == place:
            elements[place] = msgspec.Raw(_removed(bytes(element), rest))
    return _encode(elements)
