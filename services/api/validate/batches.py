"""Bodies of several changes: each is an object with one key that says which, and what the route of that name takes."""

from typing import NamedTuple

import msgspec

from services.api.validate.body import decode
from shared.errors import BadFormat, TooLarge

KINDS = (
    "upsert",
    "delete",
    "set_payload",
    "overwrite_payload",
    "delete_payload",
    "clear_payload",
    "update_vectors",
    "delete_vectors",
)

OPERATIONS_MAX = 1000
"""Changes in one request."""


class WireBatchUpdate(msgspec.Struct):
    operations: list[dict[str, msgspec.Raw]]


class Item(NamedTuple):
    """One change: which of KINDS, and its own body."""

    kind: str
    body: bytes


_decoder = msgspec.json.Decoder(WireBatchUpdate)


def parse_batch(body: bytes) -> list[Item]:
    """Return the changes in order. Raises BadFormat, TooLarge."""
    wire = decode(_decoder, body)
    if len(wire.operations) > OPERATIONS_MAX:
        raise TooLarge(f"{len(wire.operations)} operations in one request, at most {OPERATIONS_MAX} are taken")
    items = []
    for place, given in enumerate(wire.operations):
        named = [kind for kind in KINDS if kind in given]
        if len(named) != 1:
            raise BadFormat(
                f"operations[{place}]: data did not match any variant of untagged enum UpdateOperation: "
                f"expected one of {', '.join(KINDS)}"
            )
        items.append(Item(named[0], bytes(given[named[0]])))
    return items
