"""The log's promises, once on the fake Redis and once on a real one."""

import pytest
from redis.asyncio import Redis

from shared.errors import (
    GenerationChanged,
    HeadBehind,
    LogFull,
    OutcomeUnknown,
    ShardClosed,
    ShardUnavailable,
    StaleFence,
)
from shared.log.position import RESUME_STEP, Entry, ShardKey, follows
from shared.log.wal import AppendCall, Wal
from shared.schema.operations import Delete, Resume, decode_operation

KEY = ShardKey("0b5e", 0)


def call(*entries: bytes, generation: int = 1, known: int = 0, producer: str = "p", sequence: int = 1) -> AppendCall:
    return AppendCall(list(entries), generation, known, producer, sequence)


@pytest.fixture
async def wal(any_redis: Redis) -> Wal:
    wal = Wal(any_redis)
    await wal.open_shard(KEY, generation=1)
    return wal


async def test_positions_are_dense_from_one(wal: Wal) -> None:
    first = await wal.append(KEY, call(b"a", b"b", sequence=1))
    second = await wal.append(KEY, call(b"c", sequence=2))

    assert (first, second) == ([1, 2], [3])
    assert await wal.read({KEY: 0}, 10, 0) == {KEY: [Entry(1, b"a"), Entry(2, b"b"), Entry(3, b"c")]}


async def test_an_entry_of_any_bytes_comes_back_as_it_was(wal: Wal) -> None:
    entries = [b"", b"\x00\r\n\xff" * 100, bytes(2**20)]

    await wal.append(KEY, call(*entries))

    assert [entry.operation for entry in (await wal.read({KEY: 0}, 10, 0))[KEY]] == entries


async def test_a_repeated_sequence_gets_its_positions_back_and_appends_nothing(wal: Wal) -> None:
    await wal.append(KEY, call(b"a", b"b", sequence=1))
    await wal.append(KEY, call(b"c", sequence=2))

    again = await wal.append(KEY, call(b"a", b"b", sequence=1))

    assert again == [1, 2]
    assert (await wal.head(KEY)).head == 3


async def test_a_repeated_sequence_is_answered_even_when_new_appends_would_be_refused(wal: Wal) -> None:
    await wal.append(KEY, call(b"a", sequence=1))
    await wal.raise_generation(KEY, 2)

    again = await wal.append(KEY, call(b"a", sequence=1))

    assert again == [1]


async def test_a_sequence_that_is_no_longer_remembered_is_outcome_unknown(wal: Wal) -> None:
    for sequence in range(1, 258):
        await wal.append(KEY, call(b"a", sequence=sequence))

    with pytest.raises(OutcomeUnknown):
        await wal.append(KEY, call(b"a", sequence=1))

    assert await wal.append(KEY, call(b"a", sequence=2)) == [2]
    assert (await wal.head(KEY)).head == 257


async def test_a_skipped_sequence_that_comes_late_appends_nothing(wal: Wal) -> None:
    await wal.append(KEY, call(b"a", sequence=5))

    with pytest.raises(OutcomeUnknown):
        await wal.append(KEY, call(b"late", sequence=4))

    assert (await wal.head(KEY)).head == 1


async def test_producers_do_not_share_sequences(wal: Wal) -> None:
    await wal.append(KEY, call(b"a", producer="one"))

    assert await wal.append(KEY, call(b"a", producer="two")) == [2]


async def test_what_a_producer_leaves_expires(wal: Wal, any_redis: Redis) -> None:
    await wal.append(KEY, call(b"a"))

    ttl = await any_redis.ttl("{0b5e:0}:producer:p")

    assert 0 < ttl <= 3600


async def test_an_older_generation_is_refused(wal: Wal) -> None:
    await wal.raise_generation(KEY, 3)

    with pytest.raises(GenerationChanged, match="is 3, validated under 2"):
        await wal.append(KEY, call(b"a", generation=2))

    assert await wal.append(KEY, call(b"a", generation=3)) == [1]


async def test_a_newer_generation_comes_into_force_by_its_first_append(wal: Wal) -> None:
    await wal.append(KEY, call(b"a", generation=2))

    with pytest.raises(GenerationChanged, match="is 2, validated under 1"):
        await wal.append(KEY, call(b"b", generation=1, sequence=2))
    internal = await wal.append_internal(KEY, b"config", fence=0)

    assert internal == 2
    assert (await wal.head(KEY)).generation == 2


async def test_generation_never_shrinks(wal: Wal) -> None:
    await wal.raise_generation(KEY, 3)

    await wal.raise_generation(KEY, 2)
    await wal.open_shard(KEY, generation=1)

    assert (await wal.head(KEY)).generation == 3


async def test_a_shard_that_was_never_opened_is_unavailable(any_redis: Redis) -> None:
    wal = Wal(any_redis)

    with pytest.raises(ShardUnavailable):
        await wal.append(KEY, call(b"a"))

    assert (await wal.head(KEY)).state == "missing"


async def test_an_empty_redis_is_behind_for_whoever_knows_a_position(any_redis: Redis) -> None:
    wal = Wal(any_redis)

    with pytest.raises(HeadBehind):
        await wal.append(KEY, call(b"a", known=7))


async def test_a_closed_shard_refuses_appends_and_stays_closed(wal: Wal, any_redis: Redis) -> None:
    await wal.append(KEY, call(b"a"))

    await wal.close_shard(KEY)
    await wal.drop(KEY)

    with pytest.raises(ShardClosed):
        await wal.append(KEY, call(b"b", sequence=2))
    with pytest.raises(ShardClosed):
        await wal.append_internal(KEY, b"seal", fence=9)
    with pytest.raises(ShardClosed):
        await wal.open_shard(KEY, generation=1)
    assert await wal.read({KEY: 0}, 10, 0) == {}
    assert 0 < await any_redis.ttl("{0b5e:0}:meta") <= 86400


async def test_a_shard_closed_before_it_was_opened_stays_closed(any_redis: Redis) -> None:
    wal = Wal(any_redis)

    await wal.close_shard(KEY)

    with pytest.raises(ShardClosed):
        await wal.open_shard(KEY, generation=1)
    with pytest.raises(ShardClosed):
        await wal.append(KEY, call(b"a"))


async def test_a_full_log_refuses_clients_but_not_internal_entries(wal: Wal) -> None:
    await wal.open_shard(KEY, generation=1, capacity_bytes=100)
    await wal.append(KEY, call(b"a" * 200, sequence=1))

    with pytest.raises(LogFull, match="the limit is 100"):
        await wal.append(KEY, call(b"b", sequence=2))
    internal = await wal.append_internal(KEY, b"seal", fence=0)

    assert internal == 2


async def test_trim_makes_room(wal: Wal) -> None:
    await wal.open_shard(KEY, generation=1, capacity_bytes=100)
    await wal.append(KEY, call(b"a" * 200, sequence=1))

    first = await wal.trim(KEY, through=1, fence=0)

    assert first == 2
    assert (await wal.head(KEY)).waiting == 0
    assert await wal.append(KEY, call(b"b", sequence=2)) == [2]


async def test_waiting_bytes_are_those_of_the_entries_that_are_left(wal: Wal) -> None:
    await wal.append(KEY, call(b"a" * 1000, b"b" * 10, b"c" * 20))

    await wal.trim(KEY, through=1, fence=0)

    head = await wal.head(KEY)
    assert (head.first, head.waiting) == (2, 30 + 2 * 64)


async def test_trim_of_many_entries_takes_several_steps(wal: Wal) -> None:
    await wal.append(KEY, call(*[b"x"] * 1000))

    first = await wal.trim(KEY, through=990, fence=0)

    assert first == 991
    assert [entry.position for entry in (await wal.read({KEY: 0}, 100, 0))[KEY]] == list(range(991, 1001))


async def test_trim_beyond_the_head_empties_the_log_and_positions_go_on(wal: Wal) -> None:
    await wal.append(KEY, call(b"a", b"b", sequence=1))

    first = await wal.trim(KEY, through=99, fence=0)

    assert first == 3
    assert await wal.append(KEY, call(b"c", sequence=2)) == [3]


async def test_trim_passes_no_hold(wal: Wal) -> None:
    await wal.append(KEY, call(b"a", b"b", b"c"))
    await wal.hold(KEY, "clone", 1)

    held = await wal.trim(KEY, through=3, fence=0)
    await wal.release_hold(KEY, "clone")
    freed = await wal.trim(KEY, through=3, fence=0)

    assert (held, freed) == (2, 4)


async def test_a_smaller_fence_may_neither_append_trim_resume_nor_open(wal: Wal) -> None:
    await wal.append(KEY, call(b"a"))
    await wal.open_shard(KEY, generation=1, fence=5)

    with pytest.raises(StaleFence, match="fence 5 is in force, came with 4"):
        await wal.append_internal(KEY, b"swap", fence=4)
    with pytest.raises(StaleFence):
        await wal.trim(KEY, through=1, fence=4)
    with pytest.raises(StaleFence):
        await wal.resume(KEY, after=9, fence=4)
    with pytest.raises(StaleFence):
        await wal.open_shard(KEY, generation=1, fence=4)
    assert await wal.append_internal(KEY, b"swap", fence=5) == 2


async def test_a_head_behind_a_known_position_is_refused_and_remembered_for_the_leader(wal: Wal) -> None:
    await wal.append(KEY, call(b"a", sequence=1))

    with pytest.raises(HeadBehind):
        await wal.append(KEY, call(b"b", known=9, sequence=2))

    head = await wal.head(KEY)
    assert (head.head, head.floor, head.is_behind(applied=1)) == (1, 9, True)
    with pytest.raises(HeadBehind):
        await wal.append(KEY, call(b"b", known=0, sequence=3))


async def test_a_leader_that_knows_more_stops_appends_until_it_resumes(wal: Wal) -> None:
    await wal.append(KEY, call(b"a", sequence=1))
    await wal.open_shard(KEY, generation=1, fence=1, known=7)
    with pytest.raises(HeadBehind):
        await wal.append(KEY, call(b"b", sequence=2))

    at = await wal.resume(KEY, after=7, fence=1)

    assert at == 7 + RESUME_STEP
    assert await wal.append(KEY, call(b"b", known=7, sequence=3)) == [at + 1]
    entries = (await wal.read({KEY: 7}, 10, 0))[KEY]
    assert [entry.position for entry in entries] == [at, at + 1]
    assert decode_operation(entries[0].operation) == Resume(after=7, at=at)


async def test_resume_after_less_than_the_head_names_the_head(wal: Wal) -> None:
    await wal.append(KEY, call(b"a", b"b"))

    at = await wal.resume(KEY, after=1, fence=0)

    entries = (await wal.read({KEY: 2}, 10, 0))[KEY]
    assert decode_operation(entries[0].operation) == Resume(after=2, at=at)
    assert at == 2 + RESUME_STEP


async def test_trim_steps_over_the_leap_of_a_resume(wal: Wal) -> None:
    await wal.append(KEY, call(b"a", b"b", sequence=1))
    at = await wal.resume(KEY, after=2, fence=0)
    await wal.append(KEY, call(b"c", known=at, sequence=2))

    first = await wal.trim(KEY, through=at, fence=0)

    head = await wal.head(KEY)
    assert (first, head.first, head.waiting) == (at + 1, at + 1, 1 + 64)


async def test_one_read_serves_many_shards(any_redis: Redis) -> None:
    wal = Wal(any_redis)
    keys = [ShardKey("c", shard) for shard in range(5)]
    for key in keys:
        await wal.open_shard(key, generation=1)
    await wal.append(keys[1], call(b"a"))
    await wal.append(keys[3], call(b"b", b"c"))

    news = await wal.read(dict.fromkeys(keys, 0), 1, 0)

    assert news == {keys[1]: [Entry(1, b"a")], keys[3]: [Entry(1, b"b")]}


async def test_heads_come_in_one_answer(wal: Wal) -> None:
    await wal.append(KEY, call(b"a"))
    other = ShardKey("other", 1)

    heads = await wal.heads([KEY, other])

    assert (heads[KEY].head, heads[other].state) == (1, "missing")


def test_a_reader_goes_on_with_the_next_position_or_a_resume_of_its_own() -> None:
    plain = Delete([1])

    assert follows(4, 5, plain)
    assert not follows(4, 6, plain)
    assert follows(4, 4 + RESUME_STEP, Resume(4, 4 + RESUME_STEP))
    assert not follows(3, 4 + RESUME_STEP, Resume(4, 4 + RESUME_STEP))
    assert not follows(5, 4 + RESUME_STEP, Resume(4, 4 + RESUME_STEP))
