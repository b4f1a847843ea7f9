"""The reader of all logs: hands over in order, bounded, notices changes at once, survives a Redis that is away."""

import asyncio

from redis.asyncio import Redis

from services.worker.source import ReadLimits, Source
from shared.actor.mailbox import Mailbox
from shared.clock import SystemClock
from shared.errors import LogUnavailable, WrongCluster
from shared.log.position import Entry, ShardKey
from shared.log.wal import AppendCall, Wal

KEYS = [ShardKey("00000000-0000-0000-0000-00000000000a", number) for number in range(2)]
LIMITS = ReadLimits(entries_max=2, block_ms=5000)


async def nothing() -> None:
    """All is well."""


def source_of(wal: Wal) -> Source:
    return Source(wal, LIMITS, nothing, SystemClock())


async def append(wal: Wal, key: ShardKey, *entries: bytes) -> None:
    await wal.append(key, AppendCall(list(entries), 1, 0, f"test-{id(entries)}", 1))


async def taken(batches: Mailbox[list[Entry]], count: int) -> list[bytes]:
    """Take batches until they hold so many entries."""
    found: list[bytes] = []
    async with asyncio.timeout(5):
        while len(found) < count:
            found += [entry.operation for entry in await batches.get()]
    return found


async def test_each_shard_gets_its_own_entries_in_order(any_redis: Redis) -> None:
    wal = Wal(any_redis)
    for key in KEYS:
        await wal.open_shard(key, 1)
    await append(wal, KEYS[0], b"a", b"b", b"c")
    await append(wal, KEYS[1], b"x")
    source, boxes = source_of(wal), [Mailbox[list[Entry]](9) for _ in KEYS]
    source.start()

    for key, box in zip(KEYS, boxes, strict=True):
        source.follow(key, 0, box)
    found = [await taken(boxes[0], 3), await taken(boxes[1], 1)]
    await source.stop()

    assert found == [[b"a", b"b", b"c"], [b"x"]]


async def test_a_new_shard_interrupts_a_read_that_blocks(any_redis: Redis) -> None:
    wal = Wal(any_redis)
    for key in KEYS:
        await wal.open_shard(key, 1)
    source, boxes = source_of(wal), [Mailbox[list[Entry]](9) for _ in KEYS]
    source.start()
    source.follow(KEYS[0], 0, boxes[0])
    await asyncio.sleep(0.05)

    await append(wal, KEYS[1], b"x")
    source.follow(KEYS[1], 0, boxes[1])
    async with asyncio.timeout(2):
        found = await taken(boxes[1], 1)
    await source.stop()

    assert found == [b"x"]


async def test_a_shard_whose_applier_is_behind_does_not_hold_up_others(any_redis: Redis) -> None:
    wal = Wal(any_redis)
    for key in KEYS:
        await wal.open_shard(key, 1)
        await append(wal, key, *[bytes([number]) for number in range(6)])
    source, small, large = source_of(wal), Mailbox[list[Entry]](1), Mailbox[list[Entry]](9)
    source.start()

    source.follow(KEYS[0], 0, small)
    source.follow(KEYS[1], 0, large)
    others = await taken(large, 6)
    held = len(small)
    own = await taken(small, 6)
    await source.stop()

    assert held == 1
    assert own == others


class FailingWal(Wal):
    """Cannot be reached for a while."""

    def __init__(self, failures: int) -> None:
        self.failures = failures

    async def read(self, after: dict[ShardKey, int], count: int, block_ms: int) -> dict[ShardKey, list[Entry]]:
        await asyncio.sleep(0)
        if self.failures > 0:
            self.failures -= 1
            raise LogUnavailable("redis is away")
        return {key: [Entry(position + 1, b"x")] for key, position in after.items()}


async def test_after_redis_was_away_it_is_verified_before_the_next_read() -> None:
    verdicts: list[Exception | None] = [WrongCluster("another redis"), LogUnavailable("away"), None]
    seen: list[str] = []

    async def verify() -> None:
        verdict = verdicts.pop(0)
        seen.append(source.trouble)
        if verdict is not None:
            raise verdict

    class Hasty(SystemClock):
        async def sleep(self, seconds: float) -> None:
            await asyncio.sleep(0)

    source, box = Source(FailingWal(1), LIMITS, verify, Hasty()), Mailbox[list[Entry]](1)
    source.start()
    source.follow(KEYS[0], 0, box)
    found = await taken(box, 1)
    await source.stop()

    assert found == [b"x"]
    assert seen == ["redis is away", "another redis", "away"]
    assert source.trouble == ""
