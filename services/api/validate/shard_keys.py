"""`shard_key` in all its forms. No collection here is sharded by keys, so there is none that could be found."""

import msgspec

from shared.errors import BadInput

WireKey = int | str


class WireFallback(msgspec.Struct):
    """A key, and another to be taken where that one is not ready."""

    target: WireKey
    fallback: WireKey


WireShardKey = WireKey | list[WireKey] | WireFallback | None


def refuse_shard_key(given: WireShardKey) -> None:
    """Refuse to look into the shards of a key, once the collection is known. An empty list asks for none."""
    if isinstance(given, WireFallback):
        given = given.target
    elif isinstance(given, list):
        given = given[0] if given else None
    if given is not None:
        raise BadInput(f"Shard key {given} not found")
