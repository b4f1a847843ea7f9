"""Resting shards: the next append is told once, to the one who rests, and nothing is missed in between."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

import pytest
from redis.asyncio import Redis

from shared.errors import ShardClosed, ShardUnavailable, StaleFence
from shared.log.position import ShardKey
from shared.log.wakeups import WakeUps
from shared.log.wal import AppendCall, Wal

KEY = ShardKey("00000000-0000-0000-0000-00000000000a", 3)


class Ears:
    """What a listener heard."""

    def __init__(self) -> None:
        self.begun = asyncio.Event()
        self.heard: asyncio.Queue[ShardKey] = asyncio.Queue()


@asynccontextmanager
async def listening(redis: Redis) -> AsyncIterator[tuple[WakeUps, Ears]]:
    wakeups, ears = WakeUps(redis), Ears()
    task = asyncio.create_task(wakeups.listen(ears.begun.set, ears.heard.put_nowait))
    try:
        async with asyncio.timeout(5):
            await ears.begun.wait()
            yield wakeups, ears
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def append(wal: Wal, sequence: int) -> int:
    return (await wal.append(KEY, AppendCall([b"x"], 1, 0, "test", sequence)))[0]


async def test_the_first_append_after_a_rest_is_told_and_the_second_is_not(any_redis: Redis) -> None:
    wal = Wal(any_redis)
    await wal.open_shard(KEY, 1, 7)
    async with listening(any_redis) as (wakeups, ears):
        assert await wal.rest(KEY, 0, 7, wakeups.channel)

        await append(wal, 1)
        await append(wal, 2)
        assert await wal.rest(KEY, 2, 7, wakeups.channel)
        await append(wal, 3)
        heard = [await ears.heard.get() for _ in range(2)]

        assert heard == [KEY, KEY]
        assert ears.heard.empty()


async def test_a_reader_that_has_not_read_everything_does_not_rest(any_redis: Redis) -> None:
    wal = Wal(any_redis)
    await wal.open_shard(KEY, 1, 7)
    await append(wal, 1)
    async with listening(any_redis) as (wakeups, ears):
        assert not await wal.rest(KEY, 0, 7, wakeups.channel)
        await append(wal, 2)
        assert await wal.rest(KEY, 2, 7, wakeups.channel)
        await append(wal, 3)

        assert await ears.heard.get() == KEY
        assert ears.heard.empty()


async def test_entries_of_shoal_itself_wake_too(any_redis: Redis) -> None:
    wal = Wal(any_redis)
    await wal.open_shard(KEY, 1, 7)
    async with listening(any_redis) as (wakeups, ears):
        await wal.rest(KEY, 0, 7, wakeups.channel)
        await wal.append_internal(KEY, b"config", 7)
        await wal.rest(KEY, 1, 7, wakeups.channel)
        await wal.resume(KEY, 1, 7)

        assert [await ears.heard.get() for _ in range(2)] == [KEY, KEY]


async def test_who_takes_a_shard_over_ends_the_rest_of_the_one_before(any_redis: Redis) -> None:
    wal = Wal(any_redis)
    await wal.open_shard(KEY, 1, 7)
    async with listening(any_redis) as (former, former_ears), listening(any_redis) as (new, new_ears):
        await wal.rest(KEY, 0, 7, former.channel)
        await wal.open_shard(KEY, 1)
        await wal.open_shard(KEY, 1, 8)
        with pytest.raises(StaleFence):
            await wal.rest(KEY, 0, 7, former.channel)
        await wal.rest(KEY, 0, 8, new.channel)
        await append(wal, 1)

        assert await new_ears.heard.get() == KEY
        assert former_ears.heard.empty()


async def test_an_api_that_opens_a_shard_leaves_the_rest_of_its_leader(any_redis: Redis) -> None:
    wal = Wal(any_redis)
    await wal.open_shard(KEY, 1, 7)
    async with listening(any_redis) as (wakeups, ears):
        await wal.rest(KEY, 0, 7, wakeups.channel)
        await wal.open_shard(KEY, 1)
        await append(wal, 1)

        assert await ears.heard.get() == KEY


async def test_closed_and_unknown_shards_do_not_rest(any_redis: Redis) -> None:
    wal = Wal(any_redis)
    with pytest.raises(ShardUnavailable):
        await wal.rest(KEY, 0, 7, "channel")
    await wal.open_shard(KEY, 1, 7)
    await wal.close_shard(KEY)

    with pytest.raises(ShardClosed):
        await wal.rest(KEY, 0, 7, "channel")
