"""Commands and their answers, apart from the log."""

import asyncio
import uuid
from pathlib import Path

import pytest
from redis.asyncio import Redis
from redis.exceptions import ResponseError

from shared.log.connection import connect, ping
from shared.log.exchange import Script, ask, exchange, exchange_many


async def test_clients_of_one_memory_name_share_a_server_and_others_do_not() -> None:
    name = uuid.uuid4().hex
    one, two, other = connect(f"memory://{name}"), connect(f"memory://{name}"), connect(f"memory://{name}-other")

    await exchange(one, "SET", "key", "value")

    assert await ask(two, "GET", "key") == b"value"
    assert await ask(other, "GET", "key") is None
    for client in (one, two, other):
        await client.aclose()


async def test_many_commands_are_answered_in_order(any_redis: Redis) -> None:
    answers = await exchange_many(any_redis, [("SET", "key", 7), ("GET", "key"), ("HMGET", "hash", "a", "b")])

    assert answers[1:] == [b"7", [None, None]]


async def test_a_mistake_of_ours_is_raised_as_it_is_and_leaves_the_client_usable(any_redis: Redis) -> None:
    await exchange(any_redis, "SET", "key", "value")

    with pytest.raises(ResponseError, match="WRONGTYPE"):
        await exchange_many(any_redis, [("HGET", "key", "field"), ("GET", "key")])

    assert await ask(any_redis, "GET", "key") == b"value"


async def test_a_task_that_waits_for_news_can_be_cancelled_when_the_news_come(any_redis: Redis) -> None:
    async def follow() -> None:
        last = b"0"
        while True:
            answer = await ask(any_redis, "XREAD", "BLOCK", 1000, "STREAMS", "stream", last)
            if answer:
                last = answer[0][1][-1][0]
                news.set()

    news = asyncio.Event()
    task = asyncio.create_task(follow())
    await asyncio.sleep(0.02)
    await exchange(any_redis, "XADD", "stream", "*", "field", "value")
    await news.wait()

    task.cancel()
    done, _ = await asyncio.wait([task], timeout=1)

    assert done == {task}
    assert task.cancelled()


async def test_a_script_that_the_server_does_not_know_is_sent_and_run_once(any_redis: Redis, tmp_path: Path) -> None:
    source = tmp_path / "count.lua"
    source.write_text("return redis.call('INCR', KEYS[1])")
    script = Script(source)

    assert [await script.call(any_redis, ["count"], []) for _ in range(2)] == [1, 2]
    await any_redis.script_flush()
    assert await script.call(any_redis, ["count"], []) == 3


async def test_more_commands_than_connections_wait_for_each_other(redis_url: str) -> None:
    client = connect(redis_url, connections_max=2)

    await asyncio.gather(*[ping(client) for _ in range(50)])

    await client.aclose()
