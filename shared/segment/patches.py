"""One change of many payloads, alike for all of them: from JSON object text to JSON object text.

A patch takes the values of some top-level keys away, or all of them, and puts keys of its own at the end of what stays.
What stays passes through byte for byte. Because keys that are set always move to the end,
- two patches in a row are one, to the byte: `two.applied(one.applied(text)) == one.then(two).applied(text)`
- applying a patch again changes nothing, nor does applying one that holds it: a row whose stored payload has the first
  of two patches folded in already may be given both
So it makes no difference when, and how many of them together, patches are folded into payloads.
Texts are canonical at the top level, as the api makes them: no spaces, no key twice, keys as msgspec writes them.
"""

from collections.abc import Iterable
from dataclasses import dataclass, field

import msgspec

_decode = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_encode = msgspec.json.Encoder().encode

NO_KEYS_MAX = len(b"{}")
"""Texts up to so long hold no keys."""

SOUGHT_MAX = 4
"""Up to so many keys are sought in a text before it is taken apart: most often they are not there."""


@dataclass(frozen=True, slots=True)
class PayloadPatch:
    """Made by `setting`, `removing` and `replacing`.

    replaces   nothing of the former payload stays
    keys       whose former values go, those that are set included; empty where all go
    payload    the keys that are put, as JSON object text; b"" for none
    """

    replaces: bool
    keys: frozenset[str]
    payload: bytes
    _sought: tuple[bytes, ...] = field(repr=False, compare=False)

    @classmethod
    def setting(cls, payload: bytes) -> "PayloadPatch":
        """Return what puts the keys of a payload; those whose value is null are removed."""
        given = _keys(payload)
        kept = {key: value for key, value in given.items() if bytes(value) != b"null"}
        return _patch(False, frozenset(given), _text(kept))

    @classmethod
    def removing(cls, keys: Iterable[str]) -> "PayloadPatch":
        """Return what removes top-level keys."""
        return _patch(False, frozenset(keys), b"")

    @classmethod
    def replacing(cls, payload: bytes) -> "PayloadPatch":
        """Return what puts a payload, or none, in the place of any other."""
        return _patch(True, frozenset(), payload)

    @classmethod
    def stored(cls, keys: Iterable[str], payload: bytes) -> "PayloadPatch":
        """Return the patch that had these keys and payload and replaces nothing else."""
        return _patch(False, frozenset(keys), payload)

    def touches(self, key: str) -> bool:
        """Return whether what is at a top-level key comes from this patch, or went by it."""
        return self.replaces or key in self.keys

    def applied(self, text: bytes) -> bytes:
        """Return what becomes of a payload, b"" when nothing is left."""
        if self.replaces or len(text) <= NO_KEYS_MAX:
            return self.payload
        if not self._sought or any(map(text.__contains__, self._sought)):
            text = _text({key: value for key, value in _decode(text).items() if key not in self.keys})
        return _joined(text, self.payload)

    def then(self, later: "PayloadPatch") -> "PayloadPatch":
        """Return the one patch that does what this one and then a later one do."""
        if later.replaces:
            return later
        stays = {key: value for key, value in _keys(self.payload).items() if key not in later.keys}
        keys = self.keys if self.replaces else self.keys | later.keys
        return _patch(self.replaces, keys, _joined(_text(stays), later.payload))


def _patch(replaces: bool, keys: frozenset[str], payload: bytes) -> PayloadPatch:
    sought = tuple(_encode(key) + b":" for key in keys) if len(keys) <= SOUGHT_MAX else ()
    return PayloadPatch(replaces, keys, payload if len(payload) > NO_KEYS_MAX else b"", sought)


def _keys(text: bytes) -> dict[str, msgspec.Raw]:
    return _decode(text) if len(text) > NO_KEYS_MAX else {}


def _text(keys: dict[str, msgspec.Raw]) -> bytes:
    return _encode(keys) if keys else b""


def _joined(first: bytes, second: bytes) -> bytes:
    """Return one object of the keys of two that share none."""
    if not first or not second:
        return first or second
    return first[:-1] + b"," + second[1:]
