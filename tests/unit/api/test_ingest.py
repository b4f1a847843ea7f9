"""Large writes are done by the ingest process, with the answers that they would get here."""

import asyncio
import re
import tempfile
import uuid
import zlib
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack
from pathlib import Path
from typing import Any

import aiohttp
import orjson
import pytest

from services.api.app import ApiService
from shared.coordination.nodes import live_nodes
from shared.log.connection import connect
from shared.log.wal import Wal
from shared.settings import Settings
from tests.unit.api.api_under_test import Api
from tests.unit.api.memory_shards import MemoryShards

LARGE = 2**14
POINTS = "/collections/planes/points"
JSON = {"Content-Type": "application/json"}


def upsert(count: int, first: int = 0) -> bytes:
    return orjson.dumps({"points": [{"id": first + each, "vector": [each, 1.0]} for each in range(count)]})


MANY = upsert(1000)
assert len(MANY) > LARGE


class Pair(Api):
    """An api, and the ingest process of its own beside it."""

    ingest: ApiService
    socket: str

    async def ingested(self) -> int:
        """Return how many writes of points the ingest process has answered."""
        async with (
            aiohttp.ClientSession(connector=aiohttp.UnixConnector(self.socket)) as session,
            session.get("http://ingest/metrics") as answer,
        ):
            text = await answer.text()
        found = re.findall(r'^rest_responses_total\{endpoint="/collections/\{\}/points.*\} (\S+)$', text, re.MULTILINE)
        return round(sum(map(float, found)))

    async def count(self) -> int:
        return int((await self.ok("POST", f"{POINTS}/count", {}))["count"])


@pytest.fixture
def socket() -> Any:
    with tempfile.TemporaryDirectory(prefix="ingest-") as directory:
        yield str(Path(directory) / "ingest.sock")


@pytest.fixture
async def start(socket: str) -> AsyncIterator[Callable[[], Any]]:
    """Starts a pair, or only its api where somebody else is to listen on the socket."""
    async with AsyncExitStack() as stack:

        async def start(with_ingest: bool = True) -> Pair:
            redis = connect(f"memory://{uuid.uuid4().hex}")
            stack.push_async_callback(redis.aclose)
            shards = MemoryShards(Wal(redis))
            settings = Settings(
                host="127.0.0.1", port=0, shard_wait_s=0.2, write_wait_s=0.5, ingest_bytes=LARGE, body_bytes_max=200_000
            )
            session = await stack.enter_async_context(aiohttp.ClientSession())
            pair = Pair(
                ApiService(settings.model_copy(update={"ingest_socket": socket}), redis, shards), session, shards, redis
            )
            pair.ingest = ApiService(settings.model_copy(update={"listen_socket": socket}), redis, shards)
            pair.socket = socket
            for service in (pair.service, *([pair.ingest] if with_ingest else [])):
                await service.start()
                stack.push_async_callback(service.stop)
            await pair.ok("PUT", "/collections/planes", {"vectors": {"size": 2, "distance": "Dot"}})
            return pair

        yield start


async def test_a_large_write_is_done_by_the_ingest_process_and_answered_as_any_other(start: Any) -> None:
    pair = await start()

    status, small = await pair.call("PUT", f"{POINTS}?wait=true", raw=upsert(10))
    small_headers = pair.headers
    large_status, large = await pair.call("PUT", f"{POINTS}?wait=true", raw=MANY)

    assert (status, large_status) == (200, 200)
    assert large["result"]["status"] == small["result"]["status"] == "completed"
    assert large["result"]["operation_id"] > small["result"]["operation_id"]
    assert pair.headers["X-Shoal-Position"] > small_headers["X-Shoal-Position"]
    assert pair.headers.keys() == small_headers.keys()
    assert await pair.count() == 1000
    assert await pair.ingested() == 1


@pytest.mark.parametrize("kind", ["delete", "payload", "payload/clear", "vectors/delete", "batch"])
async def test_every_write_of_points_is_passed_on_when_it_is_large(start: Any, kind: str) -> None:
    pair = await start()
    await pair.call("PUT", f"{POINTS}?wait=true", raw=upsert(10))
    ids: dict[str, Any] = {"points": [1, 2, 3], "payload": {"a": 1}, "vector": [""]}
    body = {"operations": [{"delete": ids}]} if kind == "batch" else ids

    status, _ = await pair.call("POST", f"{POINTS}/{kind}?wait=true", raw=orjson.dumps(body) + b" " * LARGE)

    assert status == 200
    assert await pair.ingested() == 1


async def test_a_name_in_any_script_and_the_client_s_era_arrive(start: Any) -> None:
    pair = await start()
    await pair.ok("PUT", "/collections/caf%C3%A9%20%231", {"vectors": {"size": 2, "distance": "Dot"}})

    answers = [
        await pair.call("PUT", "/collections/caf%C3%A9%20%231/points", raw=MANY, headers={"User-Agent": agent})
        for agent in ("python-client/1.15.0", "python-httpx/0.27")
    ]

    assert [answer["result"]["status"] for _, answer in answers] == ["acknowledged"] * 2
    assert await pair.ingested() == 2


async def test_a_mistake_is_told_in_the_same_words(start: Any) -> None:
    pair = await start()
    broken, missing = MANY[:-1], "/collections/nobody/points"

    told = [await pair.call("PUT", path, raw=body) for path, body in ((POINTS, broken), (missing, MANY))]
    await pair.ingest.stop()
    told_here = [await pair.call("PUT", path, raw=body) for path, body in ((POINTS, broken), (missing, MANY))]

    assert [status for status, _ in told] == [400, 404]
    assert [answer["status"] for _, answer in told] == [answer["status"] for _, answer in told_here]


@pytest.mark.parametrize(
    ("path", "headers"),
    [
        (POINTS, {"Content-Type": "text/plain"}),
        (f"{POINTS}?wait=perhaps", {}),
        (POINTS, {"X-Shoal-Position": "no token"}),
    ],
)
async def test_a_refusal_that_needs_no_body_is_told_in_the_same_words(start: Any, path: str, headers: Any) -> None:
    pair = await start()
    body = MANY + b" " * 150_000

    status, told = await pair.call("PUT", path, raw=body, headers=headers)
    await pair.ingest.stop()
    status_here, told_here = await pair.call("PUT", path, raw=body, headers=headers)

    assert status == status_here == 400
    assert told["status"] == told_here["status"]


async def test_what_is_small_or_of_unknown_size_or_compressed_or_too_large_is_answered_here(start: Any) -> None:
    pair = await start()

    async def pieces() -> AsyncIterator[bytes]:
        yield MANY[:100]
        yield MANY[100:]

    statuses = [
        (await pair.call("PUT", POINTS, raw=upsert(10)))[0],
        (await pair.call("PUT", POINTS, raw=pieces()))[0],
        (await pair.call("PUT", POINTS, raw=zlib.compress(MANY, 0), headers={"Content-Encoding": "deflate"}))[0],
        (await pair.call("PUT", POINTS, raw=MANY + b" " * 200_000))[0],
    ]

    assert statuses == [200, 200, 200, 400]
    assert await pair.ingested() == 0


async def test_as_many_as_may_be_are_passed_on_at_once_and_more_are_answered_here(
    start: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.api.ingest.UNDER_WAY_MAX", 1)
    pair = await start()
    _, slow = await asyncio.open_connection("127.0.0.1", pair.service.port)
    slow.write(f"PUT {POINTS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n".encode())
    slow.write(f"Content-Length: {len(MANY)}\r\n\r\n".encode() + MANY[:100])
    while not pair.service._ingest._under_way:
        await asyncio.sleep(0.001)

    assert (await pair.call("PUT", POINTS, raw=MANY))[0] == 200
    assert await pair.ingested() == 0

    slow.write(MANY[100:])
    while not await pair.ingested():
        await asyncio.sleep(0.001)
    assert (await pair.call("PUT", POINTS, raw=MANY))[0] == 200
    assert await pair.ingested() == 2
    slow.close()


async def test_writes_with_a_rate_are_counted_in_one_place(start: Any) -> None:
    pair = await start()
    strict = {"enabled": True, "write_rate_limit": 1500}
    await pair.ok("PATCH", "/collections/planes", {"strict_mode_config": strict})

    statuses = [(await pair.call("PUT", POINTS, raw=MANY))[0] for _ in range(2)]

    assert statuses == [200, 429]
    assert await pair.ingested() == 0


async def test_a_client_that_asks_first_is_told_to_go_on_once(start: Any) -> None:
    pair = await start()
    for is_there in (True, False):
        reader, writer = await asyncio.open_connection("127.0.0.1", pair.service.port)
        head = f"PUT {POINTS} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nExpect: 100-continue\r\n"
        writer.write(f"{head}Content-Length: {len(MANY)}\r\n\r\n".encode())

        assert await reader.readuntil(b"\r\n\r\n") == b"HTTP/1.1 100 Continue\r\n\r\n"
        writer.write(MANY)
        assert (await reader.readline()).startswith(b"HTTP/1.1 200")

        writer.close()
        if is_there:
            assert await pair.ingested() == 1
            await pair.ingest.stop()


async def test_a_write_after_an_alias_switch_goes_to_the_new_collection_and_nobody_waits_for_an_ingest_process(
    start: Any,
) -> None:
    pair = await start()
    await pair.ok("PUT", "/collections/ships", {"vectors": {"size": 2, "distance": "Dot"}})
    for round_, name in enumerate(["planes", "ships"] * 5):
        create = {"create_alias": {"collection_name": name, "alias_name": "live"}}
        await pair.ok("POST", "/collections/aliases", {"actions": [create]})
        status, _ = await pair.call("PUT", "/collections/live/points?wait=true", raw=upsert(1000, round_ * 1000))
        assert status == 200
        assert (await pair.ok("POST", f"/collections/{name}/points/count", {}))["count"] == 1000 * (round_ // 2 + 1)

    assert await pair.ingested() == 10
    assert len(await live_nodes(pair.redis, "api")) == 1


async def test_without_an_ingest_process_large_writes_are_done_here(start: Any) -> None:
    pair = await start(with_ingest=False)
    Path(pair.socket).touch()

    assert (await pair.call("PUT", f"{POINTS}?wait=true", raw=MANY))[0] == 200

    assert await pair.count() == 1000


async def test_a_write_whose_ingest_process_dies_has_an_unknown_outcome(start: Any) -> None:
    pair = await start(with_ingest=False)

    async def die(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        await reader.readuntil(b"\r\n\r\n")
        writer.transport.abort()

    async with await asyncio.start_unix_server(die, pair.socket):
        status, answer = await pair.call("PUT", POINTS, raw=MANY)

    assert status == 503
    assert answer["status"]["error"].startswith(
        "Outcome unknown, the write may or may not have been logged: the ingest"
    )
