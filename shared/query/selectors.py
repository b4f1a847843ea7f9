"""Which part of a payload comes back: include and exclude by payload paths, on the JSON text.

Objects are taken apart only along the paths; what is kept is passed on byte for byte. Only `[]` reaches into arrays: an
index selects nothing. Source: features.md section 11, qdrant-client's local mode.
"""

from collections.abc import Callable
from functools import lru_cache

import msgspec

from shared.schema.queries import PayloadSelector
from shared.segment.columns.paths import EVERY, Step, parse_path

Tree = dict[Step, "Tree | None"]
"""Steps to what is selected below them; None selects everything below."""

_decode_object = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_array = msgspec.json.Decoder(list[msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


def selected_payload(selector: PayloadSelector) -> Callable[[bytes], bytes] | None:
    """Return what cuts a payload text to the selector; None when it is wanted whole. Raises BadFormat."""
    if selector.include is None and selector.exclude is None:
        return None
    kept = None if selector.include is None else _tree(tuple(selector.include))
    dropped = None if selector.exclude is None else _tree(tuple(selector.exclude))

    def cut(payload: bytes) -> bytes:
        if kept is not None:
            payload = _included(payload, kept)
        return payload if dropped is None else _excluded(payload, dropped)

    return cut


@lru_cache(maxsize=256)
def _tree(keys: tuple[str, ...]) -> Tree:
    root: Tree = {}
    for key in keys:
        *parents, last = parse_path(key)
        below: Tree | None = root
        for step in parents:
            assert below is not None
            below = below.setdefault(step, {})
            if below is None:
                break
        if below is not None:
            below[last] = None
    return root


def _included(text: bytes, tree: Tree) -> bytes:
    kind = text[:1]
    if kind == b"{":
        return _encode(
            {key: _kept(value, tree[key]) for key, value in _decode_object(text).items() if key in tree},
        )
    if kind == b"[":
        if EVERY not in tree:
            return b"[]"
        below = tree[EVERY]
        return text if below is None else _encode([_kept(value, below) for value in _decode_array(text)])
    return text


def _kept(value: msgspec.Raw, below: Tree | None) -> msgspec.Raw:
    return value if below is None else msgspec.Raw(_included(bytes(value).lstrip(), below))


def _excluded(text: bytes, tree: Tree) -> bytes:
    kind = text[:1]
    if kind == b"{":
        return _encode(
            {key: _left(value, tree.get(key, {})) for key, value in _decode_object(text).items() if _stays(key, tree)},
        )
    if kind == b"[" and EVERY in tree:
        below = tree[EVERY]
        return b"[]" if below is None else _encode([_left(value, below) for value in _decode_array(text)])
    return text


def _stays(key: str, tree: Tree) -> bool:
    return tree.get(key, {}) is not None


def _left(value: msgspec.Raw, below: Tree | None) -> msgspec.Raw:
    return msgspec.Raw(_excluded(bytes(value).lstrip(), below)) if below else value
