"""Redis keys of one shard, with the hash tag `{<uuid>:<shard>}`. `coordination/keys.py` lists every key of Shoal."""

from shared.log.position import ShardKey, parse_shard_key


def meta_key(key: ShardKey) -> str:
    """Hash: state, generation, fence, head, floor, bytes, trimmed, first, capacity, waker. See scripts/append.lua."""
    return f"{{{key}}}:meta"


def shard_of_meta(name: bytes) -> ShardKey:
    """Return the shard whose meta key this is."""
    return parse_shard_key(name.decode()[1 : -len("}:meta")])


def wal_key(key: ShardKey) -> str:
    """Stream of entries `<position>-0`: `o` operation bytes, `b` cumulative bytes of the log through this entry."""
    return f"{{{key}}}:wal"


def holds_key(key: ShardKey) -> str:
    """Hash: name of a hold -> position beyond which nothing is trimmed."""
    return f"{{{key}}}:holds"


def producer_key(key: ShardKey, producer: str) -> str:
    """Hash: the last sequences of one producer; expires an hour after its last append."""
    return f"{{{key}}}:producer:{producer}"
