"""Heads of several logs at one moment, on the fake Redis and on a real one."""

import asyncio

import pytest
from redis.asyncio import Redis

from shared.errors import ShardUnavailable
from shared.log.cutting import heads_at_once
from shared.log.position import ShardKey
from shared.log.wal import AppendCall, Wal

A, B = ShardKey("0b5e", 0), ShardKey("0b5e", 1)


async def append(wal: Wal, key: ShardKey, sequence: int) -> None:
    await wal.append(key, AppendCall([b"x"], 1, 0, "p", sequence))


async def test_a_write_that_followed_an_answer_is_never_in_a_cut_without_that_one(any_redis: Redis) -> None:
    wal, cuts = Wal(any_redis), []
    for key in (A, B):
        await wal.open_shard(key, generation=1)

    async def write_in_turn() -> None:
        for sequence in range(1, 40):
            await append(wal, B, sequence)
            await asyncio.sleep(0)
            await append(wal, A, sequence)
            await asyncio.sleep(0)

    async def cut_in_turn() -> None:
        for _ in range(40):
            cuts.append(await heads_at_once(any_redis, {A: 0, B: 0}))
            await asyncio.sleep(0)

    await asyncio.gather(write_in_turn(), cut_in_turn())

    assert all(later <= earlier <= later + 1 for later, earlier in cuts)
    assert len({tuple(cut) for cut in cuts}) > 3


async def test_a_log_behind_what_was_seen_is_not_cut(any_redis: Redis) -> None:
    wal = Wal(any_redis)
    await wal.open_shard(A, generation=1)
    await wal.open_shard(B, generation=1, known=1)
    await append(wal, A, 1)

    assert await heads_at_once(any_redis, {A: 1}) == [1]
    with pytest.raises(ShardUnavailable, match="ends at 1"):
        await heads_at_once(any_redis, {A: 2})
    with pytest.raises(ShardUnavailable, match="ends at 0"):
        await heads_at_once(any_redis, {A: 1, B: 0})


async def test_a_log_that_was_never_opened_is_empty_unless_something_of_it_was_seen(any_redis: Redis) -> None:
    assert await heads_at_once(any_redis, {A: 0}) == [0]

    with pytest.raises(ShardUnavailable, match="not in the log"):
        await heads_at_once(any_redis, {A: 1})
