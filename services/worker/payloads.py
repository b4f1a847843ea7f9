"""Merging payloads: JSON object texts, joined at the top level without looking into the values."""

import msgspec

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode


def merged_payload(current: bytes, changes: bytes) -> bytes:
    """Return `current` with the keys of `changes` put over it. Both are JSON object texts; empty bytes are no keys.

    Values pass through byte for byte, so numbers keep the digits that the client sent.
    """
    if len(current) <= 2:
        return changes
    return _encode({**_decode(current), **_decode(changes or b"{}")})
