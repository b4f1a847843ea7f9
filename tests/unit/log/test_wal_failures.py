"""What a failing Redis means for an append, on a real one: surely nothing appended, or the outcome is unknown."""

import asyncio
import contextlib
import tempfile
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from redis.asyncio import Redis

from shared.errors import LogUnavailable, OutcomeUnknown, StorageFull
from shared.log.appender import Appender, AppendLimits
from shared.log.connection import connect, ping
from shared.log.exchange import exchange
from shared.log.position import ShardKey
from shared.log.wal import AppendCall, Wal
from tests.unit.log.cutting_proxy import CuttingProxy

KEY = ShardKey("c", 0)


def call(sequence: int) -> AppendCall:
    return AppendCall([b"a"], 1, 0, "p", sequence)


@pytest.fixture
async def client(redis_url: str) -> AsyncIterator[Redis]:
    client = connect(redis_url)
    await Wal(client).open_shard(KEY, generation=1)
    yield client
    await client.config_set("maxmemory", 0)
    await client.aclose()


@pytest.fixture
async def proxy(client: Redis, redis_server: Path) -> AsyncIterator[CuttingProxy]:
    with tempfile.TemporaryDirectory(prefix="shoal-t-", dir="/tmp") as directory:
        async with CuttingProxy(Path(directory) / "proxy.sock", redis_server) as proxy:
            yield proxy


@pytest.fixture
async def cut_client(proxy: CuttingProxy) -> AsyncIterator[Redis]:
    client = connect(proxy.url)
    await ping(client)
    yield client
    await client.aclose()


async def test_a_lost_answer_is_outcome_unknown_and_the_client_did_not_try_again(
    client: Redis, cut_client: Redis, proxy: CuttingProxy
) -> None:
    wal = Wal(cut_client)
    proxy.cut_answers = 1

    with pytest.raises(OutcomeUnknown):
        await wal.append(KEY, call(sequence=1))

    assert (await Wal(client).head(KEY)).head == 1
    assert await wal.append(KEY, call(sequence=1)) == [1]


async def test_an_appender_finds_out_what_became_of_a_lost_answer(
    client: Redis, cut_client: Redis, proxy: CuttingProxy
) -> None:
    appender = Appender(Wal(cut_client))
    proxy.cut_answers = 2

    positions = await appender.append(KEY, [b"a", b"b"], generation=1)

    assert positions == [1, 2]
    assert (await Wal(client).head(KEY)).head == 2
    assert appender.counters(KEY).asked_again == 2


async def test_an_appender_that_never_gets_an_answer_says_that_the_outcome_is_unknown(
    client: Redis, cut_client: Redis, proxy: CuttingProxy
) -> None:
    appender = Appender(Wal(cut_client), AppendLimits(retry_s=0.05))
    proxy.cut_answers = 10**6

    with pytest.raises(OutcomeUnknown):
        await appender.append(KEY, [b"a"], generation=1)

    assert (await Wal(client).head(KEY)).head == 1


async def test_without_a_server_nothing_was_appended() -> None:
    client = connect("unix:///nonexistent/redis.sock")

    with pytest.raises(LogUnavailable):
        await Wal(client).append(KEY, call(sequence=1))
    with pytest.raises(LogUnavailable):
        await Wal(client).read({KEY: 0}, 1, 10)
    with pytest.raises(LogUnavailable):
        await Appender(Wal(client), AppendLimits(retry_s=0.02)).append(KEY, [b"a"], 1)

    await client.aclose()


async def test_a_read_whose_answer_was_lost_is_log_unavailable(cut_client: Redis, proxy: CuttingProxy) -> None:
    proxy.cut_answers = 1

    with pytest.raises(LogUnavailable):
        await Wal(cut_client).read({KEY: 0}, 1, 20)


async def test_a_redis_without_memory_is_storage_full_and_trim_and_close_still_work(client: Redis) -> None:
    wal = Wal(client)
    await wal.append(KEY, AppendCall([b"x" * 1000] * 100, 1, 0, "p", 1))
    await client.config_set("maxmemory", 1)

    with pytest.raises(StorageFull):
        await wal.append(KEY, call(sequence=2))
    first = await wal.trim(KEY, through=100, fence=0)
    await wal.close_shard(KEY)

    assert first == 101
    assert (await wal.head(KEY)).state == "closed"


async def test_a_redis_that_is_busy_with_a_script_has_appended_nothing(client: Redis, redis_url: str) -> None:
    other = connect(redis_url)
    await other.config_set("lua-time-limit", 10)
    busy = asyncio.ensure_future(exchange(other, "EVAL", "while true do end", 0))
    await asyncio.sleep(0.1)

    with pytest.raises(LogUnavailable):
        await Wal(client).append(KEY, call(sequence=1))

    await client.script_kill()
    with contextlib.suppress(Exception):
        await busy
    assert await Wal(client).append(KEY, call(sequence=1)) == [1]
    await other.aclose()


async def test_a_restarted_redis_that_forgot_the_scripts_gets_them_again(client: Redis) -> None:
    wal = Wal(client)
    await wal.append(KEY, call(sequence=1))

    await client.script_flush()

    assert await wal.append(KEY, call(sequence=2)) == [2]


async def test_a_blocking_read_wakes_for_an_append_and_does_not_hold_up_other_calls(client: Redis) -> None:
    wal = Wal(client)
    reading = asyncio.create_task(wal.read({KEY: 0}, 10, 5000))

    await wal.append(KEY, call(sequence=1))

    assert [entry.position for entry in (await asyncio.wait_for(reading, 2))[KEY]] == [1]


async def test_a_cancelled_blocking_read_leaves_the_client_usable(client: Redis) -> None:
    wal = Wal(client)
    reading = asyncio.create_task(wal.read({KEY: 0}, 10, 5000))
    await asyncio.sleep(0.02)

    reading.cancel()
    with pytest.raises(asyncio.CancelledError):
        await reading

    assert await wal.append(KEY, call(sequence=1)) == [1]
