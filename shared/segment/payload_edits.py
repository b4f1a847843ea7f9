"""Changes within payloads, along paths: JSON object texts in and out, taken apart only where they change.

What stays passes through byte for byte, so numbers keep the digits that the client sent. Empty bytes are no keys.
Changes of top-level keys, the same for many rows at once, are patches (patches.py).
Source: the reference's engine and qdrant-client's local mode agree on all of it.
"""

from collections.abc import Callable, Sequence

import msgspec

from shared.segment.columns.paths import EVERY, Path, parse_path
from shared.segment.patches import PayloadPatch

PayloadEdit = Callable[[bytes], bytes]
"""From a payload to what it becomes."""

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


def merging_at(path: str, changes: bytes) -> PayloadEdit:
    """Return what merges `changes` into the object at a payload path, which takes the place of any other value there.

    Missing objects on the way are made, missing elements of arrays are not; a value that is no array and is asked for
    its elements becomes an empty one. Keys that are given as null are removed there.
    """
    steps, merge = parse_path(path), PayloadPatch.setting(changes).applied
    return lambda payload: _merged_at(payload or b"{}", steps, merge)


def removing(paths: Sequence[str]) -> PayloadEdit:
    """Return what removes the values at payload paths. `a[]` empties an array; `a[0]` alone removes nothing."""
    steps = [parse_path(path) for path in paths]

    def edit(payload: bytes) -> bytes:
        for path in steps:
            payload = _removed(payload, path)
        return payload

    return edit


def _merged_at(text: bytes, path: Path, merge: PayloadEdit) -> bytes:
    kind = text.lstrip()[:1]
    if not path:
        return merge(text if kind == b"{" else b"{}") or b"{}"
    step, rest = path[0], path[1:]
    if isinstance(step, str):
        found = _decode(text) if kind == b"{" else {}
        found[step] = msgspec.Raw(_merged_at(bytes(found.get(step, b"null")), rest, merge))
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
            del found[step]
            return _encode(found)
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
