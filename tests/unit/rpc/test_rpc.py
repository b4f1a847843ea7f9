"""RPC between api and worker over real sockets: replies, errors, deadlines, cancelling, a peer that goes away."""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from contextlib import asynccontextmanager
from pathlib import Path

import pytest

from shared.errors import LogFull, NotFound, ShardUnavailable, ShoalError, TimedOut, TooLarge
from shared.rpc.client import RemoteLink
from shared.rpc.frames import FrameReader
from shared.rpc.link import Handler, LocalLink, RpcLimits
from shared.rpc.server import RpcServer, serve
from shared.schema.queries import Count, CountReply, Reply, Retrieve, ShardRequest

COLLECTION = "00000000-0000-0000-0000-000000000001"
LIMITS = RpcLimits(frame_bytes_max=2**20, calls_max=8, grace_s=0.05, backoff_s=(0.01, 0.02))


def request(shard: int = 0, timeout_s: float = 5.0, read: Retrieve | Count | None = None) -> ShardRequest:
    return ShardRequest(COLLECTION, shard, read or Count(None), timeout_s=timeout_s)


def echo(asked: ShardRequest) -> Reply:
    return CountReply(asked.shard)


@asynccontextmanager
async def pair(
    directory: Path, handler: Handler, limits: RpcLimits = LIMITS, address: str = ""
) -> AsyncIterator[tuple[RpcServer, RemoteLink]]:
    server = await serve(address or f"unix:{directory}/w.sock", handler, limits)
    link = RemoteLink(server.address, limits)
    try:
        yield server, link
    finally:
        await link.close()
        await server.close()


@pytest.mark.parametrize("address", ["", "tcp:127.0.0.1:0"])
async def test_replies_reach_the_call_that_asked(tmp_path: Path, address: str) -> None:
    async with pair(tmp_path, echo, address=address) as (_, link):
        replies = await asyncio.gather(*(link.call(request(shard)) for shard in range(8)))

    assert replies == [CountReply(shard) for shard in range(8)]


async def test_a_slow_call_does_not_hold_up_a_quick_one(tmp_path: Path) -> None:
    released = asyncio.Event()

    async def wait() -> Reply:
        await released.wait()
        return CountReply(99)

    def handler(asked: ShardRequest) -> Reply | Awaitable[Reply]:
        return wait() if asked.shard == 1 else echo(asked)

    async with pair(tmp_path, handler) as (_, link):
        slow = asyncio.create_task(link.call(request(1)))
        quick = await link.call(request(0))
        assert not slow.done()
        released.set()

        assert (quick, await slow) == (CountReply(0), CountReply(99))


async def test_errors_keep_their_class_text_and_retry_after(tmp_path: Path) -> None:
    def handler(asked: ShardRequest) -> Reply:
        raise {0: NotFound("no such point"), 1: LogFull("too much log", 7), 2: KeyError("oops")}[asked.shard]

    async with pair(tmp_path, handler) as (_, link):
        with pytest.raises(NotFound, match="no such point"):
            await link.call(request(0))
        with pytest.raises(LogFull) as full:
            await link.call(request(1))
        with pytest.raises(ShoalError, match="internal error: KeyError"):
            await link.call(request(2))

    assert full.value.retry_after_s == 7


async def test_a_cancelled_call_ends_the_handler_and_nothing_else(tmp_path: Path) -> None:
    started, ended = asyncio.Event(), asyncio.Event()

    async def wait() -> Reply:
        started.set()
        try:
            await asyncio.Event().wait()
        finally:
            ended.set()
        raise AssertionError

    async with pair(tmp_path, lambda asked: wait() if asked.shard else echo(asked)) as (_, link):
        task = asyncio.create_task(link.call(request(1)))
        await started.wait()
        task.cancel()

        await asyncio.wait_for(ended.wait(), 5)
        assert await link.call(request(0)) == CountReply(0)


async def test_a_call_past_its_deadline_times_out(tmp_path: Path) -> None:
    async def never() -> Reply:
        await asyncio.Event().wait()
        raise AssertionError

    async with pair(tmp_path, lambda _: never()) as (_, link):
        with pytest.raises(TimedOut):
            await link.call(request(timeout_s=0.01))


async def test_a_dead_peer_fails_calls_in_flight_and_a_new_one_serves_again(tmp_path: Path) -> None:
    started = asyncio.Event()

    async def never() -> Reply:
        started.set()
        await asyncio.Event().wait()
        raise AssertionError

    async with pair(tmp_path, lambda _: never()) as (server, link):
        waiting = asyncio.create_task(link.call(request()))
        await started.wait()
        await server.close()
        with pytest.raises(ShardUnavailable):
            await waiting
        with pytest.raises(ShardUnavailable):
            await link.call(request())

        server = await serve(server.address, echo, LIMITS)
        await asyncio.sleep(LIMITS.backoff_s[1])
        assert await link.call(request(3)) == CountReply(3)
        await server.close()


async def test_an_oversize_request_is_refused_before_it_is_sent(tmp_path: Path) -> None:
    large = Retrieve([bytes(16)] * 2**17, None, None)  # type: ignore[arg-type]

    async with pair(tmp_path, echo) as (_, link):
        with pytest.raises(TooLarge, match="at most 1048576 bytes"):
            await link.call(request(read=large))

        assert await link.call(request(1)) == CountReply(1)


async def test_a_client_that_announces_an_oversize_frame_is_cut_off(tmp_path: Path) -> None:
    async with pair(tmp_path, echo) as (server, link):
        reader, writer = await asyncio.open_unix_connection(server.address.removeprefix("unix:"))
        writer.write(b"\xff\xff\xff\xff")

        assert await reader.read() == b""
        assert await link.call(request(1)) == CountReply(1)
        writer.close()


async def test_more_calls_than_allowed_are_refused_at_once(tmp_path: Path) -> None:
    released = asyncio.Event()

    async def wait() -> Reply:
        await released.wait()
        return CountReply(0)

    async with pair(tmp_path, lambda _: wait()) as (_, link):
        await asyncio.gather(*(asyncio.sleep(0) for _ in range(2)))
        calls = [asyncio.create_task(link.call(request())) for _ in range(LIMITS.calls_max + 1)]
        done, _ = await asyncio.wait(calls, return_when=asyncio.FIRST_COMPLETED)
        released.set()
        results = await asyncio.gather(*calls, return_exceptions=True)

    assert len(done) == 1
    assert sum(isinstance(result, ShardUnavailable) for result in results) == 1


@pytest.mark.parametrize("step", [1, 3, 7, 1000])
def test_frames_are_found_however_the_bytes_arrive(step: int) -> None:
    bodies = [bytes([n % 256]) * n for n in (0, 1, 5, 300)]
    stream = b"".join(len(body).to_bytes(4, "little") + body for body in bodies)
    reader = FrameReader(1000)

    found = [bytes(body) for at in range(0, len(stream), step) for body in reader.feed(stream[at : at + step])]

    assert found == bodies


async def test_a_local_link_answers_plain_and_awaited_replies() -> None:
    async def later(asked: ShardRequest) -> Reply:
        return echo(asked)

    replies = [await LocalLink(echo).call(request(1)), await LocalLink(later).call(request(2))]

    assert replies == [CountReply(1), CountReply(2)]
