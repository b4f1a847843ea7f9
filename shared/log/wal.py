"""The log of every shard: append, read, trim, over one Redis client. Keeps no state of a shard."""

from typing import NamedTuple

from redis.asyncio import Redis

from shared.log.position import Entry, ShardHead, ShardKey

CAPACITY_BYTES = 32 * 2**20
"""The capacity of a shard whose collection says nothing: `wal_capacity_mb` 32."""


class AppendCall(NamedTuple):
    """One call of the append script.

    entries      operation bytes; they take dense positions in this order
    generation   the schema generation that they were validated under
    known        the highest position of this shard that this process has seen
    producer     who appends; with `sequence` it makes a repeated call append nothing
    sequence     grows by one with each new call of this producer on this shard
    """

    entries: list[bytes]
    generation: int
    known: int
    producer: str
    sequence: int


class Wal:
    """One per process, over one Redis client."""

    def __init__(self, redis: Redis) -> None:
        self._redis = redis

    async def open_shard(
        self, key: ShardKey, generation: int, fence: int = 0, capacity_bytes: int = CAPACITY_BYTES, known: int = 0
    ) -> ShardHead:
        """Create or update a shard: generation and fence only grow. Raises ShardClosed, StaleFence.

        `known` is the leader's own position: while the head is behind it every append raises HeadBehind, until `resume`.
        """
        raise NotImplementedError

    async def close_shard(self, key: ShardKey) -> None:
        """Refuse appends with ShardClosed from now on. What is left of the shard expires after a day."""
        raise NotImplementedError

    async def raise_generation(self, key: ShardKey, generation: int) -> None:
        """Refuse appends that were validated under an older schema generation from now on."""
        raise NotImplementedError

    async def append(self, key: ShardKey, call: AppendCall) -> list[int]:
        """Append entries in one script call and return their dense positions; a repeated sequence appends nothing.

        Raises GenerationChanged, ShardClosed, ShardUnavailable (never opened), LogFull, HeadBehind, StorageFull,
        LogUnavailable (surely nothing appended), OutcomeUnknown (may have been).
        """
        raise NotImplementedError

    async def append_internal(self, key: ShardKey, entry: bytes, fence: int) -> int:
        """Append an entry of Shoal's own (config, seal, swap), exempt from back-pressure. Raises StaleFence, ...."""
        raise NotImplementedError

    async def resume(self, key: ShardKey, after: int, fence: int) -> int:
        """Append a `resume` entry beyond every known position and return its position.

        For a leader that has applied through `after` and found the head behind it. Publish a checkpoint first.
        """
        raise NotImplementedError

    async def head(self, key: ShardKey) -> ShardHead:
        """Return the shard's head; state "missing" when the log does not know it."""
        raise NotImplementedError

    async def heads(self, keys: list[ShardKey]) -> dict[ShardKey, ShardHead]:
        """Return many heads in one round trip."""
        raise NotImplementedError

    async def read(self, after: dict[ShardKey, int], count: int, block_ms: int) -> dict[ShardKey, list[Entry]]:
        """Return the entries beyond `after`, at most `count` a shard, waiting up to `block_ms` for the first.

        One XREAD over all shards. Shards without news are absent. `block_ms` 0 does not wait. Raises LogUnavailable.
        """
        raise NotImplementedError

    async def trim(self, key: ShardKey, through: int, fence: int) -> int:
        """Remove entries through a position, but none beyond a hold. Returns the first position left. Raises StaleFence."""
        raise NotImplementedError

    async def hold(self, key: ShardKey, name: str, position: int) -> None:
        """Keep the entries beyond `position` from being trimmed, until `release_hold`."""
        raise NotImplementedError

    async def release_hold(self, key: ShardKey, name: str) -> None:
        """End a hold; an unknown one is fine."""
        raise NotImplementedError

    async def drop(self, key: ShardKey) -> None:
        """Unlink the shard's entries. For a closed shard."""
        raise NotImplementedError
