"""The log of every shard: append, read, trim, over one Redis client. Keeps no state of a shard.

Each change is one Lua script (scripts/*.lua, which document the keys they touch). Redis answers a refusal as a word,
and `_refused` turns the word into an error.
"""

from pathlib import Path
from typing import Any, NamedTuple

from redis.asyncio import Redis

from shared.errors import (
    GenerationChanged,
    HeadBehind,
    LogFull,
    LogUnavailable,
    OutcomeUnknown,
    ShardClosed,
    ShardUnavailable,
    StaleFence,
    Unavailable,
)
from shared.log.exchange import ANSWER_S, Argument, Script, ask, exchange, exchange_many
from shared.log.keys import holds_key, meta_key, producer_key, wal_key
from shared.log.position import RESUME_STEP, Entry, ShardHead, ShardKey
from shared.schema.operations import Resume, encode_operation

CAPACITY_BYTES = 32 * 2**20
"""The capacity of a shard whose collection says nothing: `wal_capacity_mb` 32."""

TRIM_STEP = 256
"""Most entries that one trim call removes: large ones cost Redis up to 15 µs each."""

RESUME_ATTEMPTS = 16
"""How often a resume looks again when the head moved meanwhile."""

_SCRIPTS = Path(__file__).parent / "scripts"
_append = Script(_SCRIPTS / "append.lua")
_resume = Script(_SCRIPTS / "resume.lua")
_trim = Script(_SCRIPTS / "trim.lua")
_open = Script(_SCRIPTS / "open.lua")
_close = Script(_SCRIPTS / "close.lua")
_raise = Script(_SCRIPTS / "raise.lua")
_rest = Script(_SCRIPTS / "rest.lua")

_HEAD_FIELDS = ("state", "head", "generation", "fence", "bytes", "trimmed", "first", "capacity", "floor")


class AppendCall(NamedTuple):
    """One call of the append script.

    entries      operation bytes; they take dense positions in this order
    generation   the schema generation that they were validated under
    known        the highest position of this shard that this process has seen
    producer     who appends; with `sequence` it makes a repeated call append nothing
    sequence     from 1, grows with each new call of this producer on this shard
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
    ) -> None:
        """Create or update a shard: generation and fence only grow. Raises ShardClosed, StaleFence.

        `known` is the leader's position: while the head is behind it, appends raise HeadBehind, until `resume`.
        """
        answer = await _open.call(self._redis, [meta_key(key)], [generation, fence, capacity_bytes, known])
        if answer[0] != b"ok":
            raise _refused(key, answer, fence=fence)

    async def close_shard(self, key: ShardKey) -> None:
        """Refuse appends with ShardClosed from now on. What is left of the shard expires after a day."""
        await _close.call(self._redis, [meta_key(key)], [])

    async def raise_generation(self, key: ShardKey, generation: int) -> None:
        """Refuse appends that were validated under an older schema generation from now on."""
        answer = await _raise.call(self._redis, [meta_key(key)], [generation])
        if answer[0] != b"ok":
            raise _refused(key, answer)

    async def append(self, key: ShardKey, call: AppendCall) -> list[int]:
        """Append entries in one script call and return their dense positions; a repeated sequence appends nothing.

        Raises GenerationChanged, ShardClosed, ShardUnavailable (never opened), LogFull, HeadBehind, StorageFull,
        LogUnavailable (surely nothing appended), OutcomeUnknown (may have been).
        """
        keys = [meta_key(key), wal_key(key), producer_key(key, call.producer)]
        answer = await _append.call(self._redis, keys, [call.generation, "", call.known, call.sequence, *call.entries])
        if answer[0] != b"ok":
            raise _refused(key, answer, generation=call.generation, known=call.known)
        first = int(answer[1])
        return list(range(first, first + len(call.entries)))

    async def append_internal(self, key: ShardKey, entry: bytes, fence: int) -> int:
        """Append an entry of Shoal's own (config, seal, swap) and return its position. Exempt from back-pressure.

        Raises StaleFence, ShardClosed, ShardUnavailable, HeadBehind, LogUnavailable, OutcomeUnknown: after the last the
        entry may be appended again, because such entries change nothing the second time.
        """
        keys = [meta_key(key), wal_key(key), producer_key(key, "internal")]
        answer = await _append.call(self._redis, keys, ["", fence, 0, 0, entry])
        if answer[0] != b"ok":
            raise _refused(key, answer, fence=fence)
        return int(answer[1])

    async def resume(self, key: ShardKey, after: int, fence: int) -> int:
        """Append a `resume` entry beyond every known position and return its position.

        For a leader that has applied through `after` and found the head behind (`ShardHead.is_behind`). It publishes a
        checkpoint at `after` first, because no reader can get the lost entries from the log any more. When the head is
        beyond `after` the entry says so, and the leader reads up to it.
        """
        for _ in range(RESUME_ATTEMPTS):
            head = await self.head(key)
            at = max(head.head, head.floor, after) + RESUME_STEP
            entry = encode_operation(Resume(after=max(after, head.head), at=at))
            answer = await _resume.call(self._redis, [meta_key(key), wal_key(key)], [fence, head.head, at, entry])
            if answer[0] == b"ok":
                return int(answer[1])
            if answer[0] != b"moved":
                raise _refused(key, answer, fence=fence)
        raise LogUnavailable(f"shard {key}: the head moved in each of {RESUME_ATTEMPTS} attempts to resume")

    async def head(self, key: ShardKey) -> ShardHead:
        """Return the shard's head; state "missing" when the log does not know it. Raises LogUnavailable."""
        return _head(await ask(self._redis, "HMGET", meta_key(key), *_HEAD_FIELDS))

    async def heads(self, keys: list[ShardKey]) -> dict[ShardKey, ShardHead]:
        """Return many heads in one round trip. Raises LogUnavailable."""
        if not keys:
            return {}
        commands: list[tuple[Argument, ...]] = [("HMGET", meta_key(key), *_HEAD_FIELDS) for key in keys]
        answers = await exchange_many(self._redis, commands, lost=LogUnavailable)
        return {key: _head(answer) for key, answer in zip(keys, answers, strict=True)}

    async def read(self, after: dict[ShardKey, int], count: int, block_ms: int) -> dict[ShardKey, list[Entry]]:
        """Return the entries beyond `after`, at most `count` a shard, waiting up to `block_ms` for the first.

        One XREAD over all shards. Shards without news are absent. `block_ms` 0 does not wait. Raises LogUnavailable.
        XREAD does not tell that entries were trimmed: check each with `position.follows`.
        """
        if not after:
            return {}
        streams = {wal_key(key).encode(): key for key in after}
        block: tuple[Argument, ...] = ("BLOCK", block_ms) if block_ms > 0 else ()
        positions = [f"{position}-0" for position in after.values()]
        command: tuple[Argument, ...] = ("XREAD", "COUNT", count, *block, "STREAMS", *streams, *positions)
        answer = await ask(self._redis, *command, timeout_s=block_ms / 1000 + ANSWER_S)
        # An entry is [id, [b"o", operation, b"b", bytes]] and its id ends in "-0".
        return {
            streams[stream]: [Entry(int(identity[:-2]), fields[1]) for identity, fields in entries]
            for stream, entries in answer or ()
        }

    async def rest(self, key: ShardKey, position: int, fence: int, channel: str) -> bool:
        """Stop reading a shard at its head: its next append is told on the channel, once (wakeups.py).

        False when there is more to read than through `position`. Raises StaleFence, ShardClosed, ShardUnavailable,
        LogUnavailable, OutcomeUnknown: then it is told perhaps, so go on reading.
        """
        answer = await _rest.call(self._redis, [meta_key(key)], [fence, position, channel])
        if answer[0] == b"moved":
            return False
        if answer[0] != b"ok":
            raise _refused(key, answer, fence=fence)
        return True

    async def trim(self, key: ShardKey, through: int, fence: int) -> int:
        """Remove entries through a position, but none beyond a hold; return the first position left.

        In steps of TRIM_STEP entries, so that Redis serves others in between. Raises StaleFence, ShardUnavailable,
        LogUnavailable, OutcomeUnknown (trimming again does no harm).
        """
        keys = [meta_key(key), wal_key(key), holds_key(key)]
        while True:
            answer = await _trim.call(self._redis, keys, [fence, through, TRIM_STEP])
            if answer[0] != b"ok":
                raise _refused(key, answer, fence=fence)
            first, allowed = int(answer[1]), int(answer[2])
            if first > allowed:
                return first

    async def hold(self, key: ShardKey, name: str, position: int) -> None:
        """Keep the entries beyond `position` from being trimmed, until `release_hold`."""
        await exchange(self._redis, "HSET", holds_key(key), name, position)

    async def release_hold(self, key: ShardKey, name: str) -> None:
        """End a hold; an unknown one is fine."""
        await exchange(self._redis, "HDEL", holds_key(key), name)

    async def drop(self, *keys: ShardKey) -> None:
        """Unlink the shards' entries and holds. For closed shards: what says that they are closed stays its day."""
        names = [name for key in keys for name in (wal_key(key), holds_key(key))]
        commands: list[tuple[Argument, ...]] = [("UNLINK", name) for name in names]
        if commands:
            await exchange_many(self._redis, commands)


def _head(fields: list[bytes | None]) -> ShardHead:
    state, head, generation, fence, total, trimmed, first, capacity, floor = fields
    return ShardHead(
        state=state.decode() if state else "missing",
        head=int(head or 0),
        generation=int(generation or 0),
        fence=int(fence or 0),
        waiting=int(total or 0) - int(trimmed or 0),
        first=int(first or 1),
        capacity=int(capacity or 0),
        floor=int(floor or 0),
    )


def _refused(key: ShardKey, answer: list[Any], generation: int = 0, known: int = 0, fence: int = 0) -> Unavailable:
    """Return the error behind a script's refusal; the numbers are what the caller came with."""
    reason, *details = [part.decode() if isinstance(part, bytes) else str(part) for part in answer]
    detail = details[0] if details else ""
    match reason:
        case "generation":
            return GenerationChanged(f"shard {key}: schema generation is {detail}, validated under {generation}")
        case "closed":
            return ShardClosed(f"shard {key} is closed: its collection was deleted")
        case "missing":
            return ShardUnavailable(f"shard {key} is not open yet")
        case "fence":
            return StaleFence(f"shard {key}: fence {detail} is in force, came with {fence}")
        case "behind":
            return HeadBehind(f"shard {key}: head is {detail}, behind a position that was seen (at least {known})")
        case "full":
            return LogFull(f"shard {key}: {detail} bytes of log await a checkpoint, the limit is {details[1]}")
        case "forgotten":
            return OutcomeUnknown(f"shard {key}: the call is too old for the log to say whether it was appended")
    raise AssertionError(f"script answered {reason!r}")
