"""Small parts of the api on their own: routes, query strings, tokens, links."""

import asyncio

import pytest

from services.api.directory import Directory
from services.api.links import RemoteLinks
from services.api.params import collection_timeout, read_timeout, write_params
from services.api.positions import decode_token, encode_token, merge_tokens
from services.api.route_table import RouteTable
from services.api.version import UNKNOWN_COMMIT, read_commit
from shared.coordination.catalog import CatalogView
from shared.coordination.nodes import NodeInfo, NodeLease
from shared.coordination.placement import claim
from shared.errors import BadFormat, BadRequest, Invalid
from shared.log.position import ShardKey
from shared.schema.queries import CountReply, Reply, ShardRequest

UUID = "11111111-2222-3333-4444-555555555555"


def table() -> RouteTable[str]:
    routes: RouteTable[str] = RouteTable()
    for pattern in (
        "/",
        "/collections",
        "/collections/{}",
        "/collections/{}/points/{}",
        "/collections/{}/points/search",
    ):
        routes.add("GET", pattern, pattern)
    for pattern in ("/collections/aliases", "/collections/{}"):
        routes.add("POST", pattern, pattern)
    return routes


@pytest.mark.parametrize(
    ("path", "target", "names"),
    [
        ("/", "/", []),
        ("/collections/", "/collections", []),
        ("/collections/a%20b%2Fc", "/collections/{}", ["a b/c"]),
        ("/collections/{}", "/collections/{}", ["{}"]),
        ("/collections/points/points/search", "/collections/{}/points/search", ["points"]),
        ("/collections/c/points/7/", "/collections/{}/points/{}", ["c", "7"]),
    ],
)
def test_path_finds_its_route_and_the_decoded_names(path: str, target: str, names: list[str]) -> None:
    assert table().match("GET", path) == (target, names)


def test_a_fixed_part_wins_only_where_it_leads_to_a_route_of_the_method() -> None:
    assert table().match("POST", "/collections/aliases") == ("/collections/aliases", [])
    assert table().match("GET", "/collections/aliases") == ("/collections/{}", ["aliases"])
    assert table().match("GET", "/collections/aliases/points/7") == ("/collections/{}/points/{}", ["aliases", "7"])


@pytest.mark.parametrize(
    "path", ["/nothing", "/collections/c/points", "/collections//points/7", "/collections/c/points/7/8"]
)
def test_path_without_a_route_finds_nothing(path: str) -> None:
    assert table().match("GET", path) is None
    assert table().match("POST", "/collections") is None


def test_parameters_of_writes() -> None:
    assert write_params("") == (False, None)
    assert write_params("wait=true&ordering=strong&timeout=5&other=1") == (True, 5)
    assert write_params("timeout=0") == (False, 0)


def test_parameters_of_reads() -> None:
    assert read_timeout("consistency=quorum&timeout=7") == 7
    assert read_timeout("consistency=2") is None
    assert read_timeout("consistency=") is None


@pytest.mark.parametrize(
    "query", ["consistency=0", "consistency=some", "timeout=0", "timeout=-1", "timeout=1.5", "timeout="]
)
def test_reads_refuse_parameters_that_do_not_parse(query: str) -> None:
    with pytest.raises(BadFormat):
        read_timeout(query)


def test_collection_calls_refuse_a_timeout_of_zero_by_rule() -> None:
    with pytest.raises(Invalid, match="timeout: value 0 invalid"):
        collection_timeout("timeout=0")


def test_token_holds_the_greatest_position_of_each_shard() -> None:
    older, newer = {(UUID, 0): 5, (UUID, 1): 9}, {(UUID, 0): 7}

    token = encode_token(merge_tokens(older, newer))

    assert decode_token(token) == {(UUID, 0): 7, (UUID, 1): 9}
    assert decode_token(token)[ShardKey(UUID, 0)] == 7


@pytest.mark.parametrize("token", ["", "x", "ä", "bm90aGluZw", encode_token({("u", 0): 2**70}), "A" * 100_001])
def test_token_that_was_never_given_is_refused(token: str) -> None:
    with pytest.raises(BadRequest):
        decode_token(token)


def test_commit_is_read_from_a_checkout_or_a_file(tmp_path) -> None:  # type: ignore[no-untyped-def]
    assert read_commit(tmp_path) == UNKNOWN_COMMIT
    (tmp_path / "COMMIT").write_text("a" * 40 + "\n")
    assert read_commit(tmp_path) == "a" * 40
    (tmp_path / "COMMIT").write_text("no commit")
    assert read_commit(tmp_path) == UNKNOWN_COMMIT


class RecordedLink:
    """A link that remembers where it leads."""

    def __init__(self, address: str) -> None:
        self.address = address
        self.is_closed = False

    async def call(self, request: ShardRequest) -> Reply:
        return CountReply(0)

    async def close(self) -> None:
        self.is_closed = True


async def test_links_follow_a_shard_from_worker_to_worker(any_redis) -> None:  # type: ignore[no-untyped-def]
    key, made = ShardKey(UUID, 0), []

    def connect(address: str) -> RecordedLink:
        made.append(RecordedLink(address))
        return made[-1]

    links = RemoteLinks(any_redis, connect)
    first, second = NodeLease(any_redis, 30), NodeLease(any_redis, 30)
    await first.register(NodeInfo("w1:a", "w1", "worker", "unix:/one", 1, "c"))
    await links.refresh()
    assert links.of(key) is None

    await claim(any_redis, key, "w1:a")
    await links.refresh()
    link = links.of(key)
    assert link is made[0]
    assert made[0].address == "unix:/one"

    await first.release()
    await second.register(NodeInfo("w2:a", "w2", "worker", "unix:/two", 2, "c"))
    await claim(any_redis, key, "w2:a")
    await links.refresh()

    moved = links.of(key)
    assert moved is made[1]
    assert made[1].address == "unix:/two"
    assert made[0].is_closed
    await links.stop()
    assert made[1].is_closed


class CountingWatcher:
    """A catalog that counts how often it is read, and reads only when it is let."""

    def __init__(self) -> None:
        self.view = CatalogView()
        self.readings = 0
        self.gate = asyncio.Event()

    async def refresh(self) -> CatalogView:
        self.readings += 1
        await self.gate.wait()
        return self.view


async def test_many_misses_share_a_reading_that_begins_after_them() -> None:
    watcher = CountingWatcher()
    directory = Directory(watcher)  # type: ignore[arg-type]
    first = asyncio.create_task(directory.find("a"))
    while watcher.readings == 0:
        await asyncio.sleep(0)
    others = [asyncio.create_task(directory.find("a")) for _ in range(50)]
    await asyncio.sleep(0)

    watcher.gate.set()

    assert await asyncio.gather(first, *others) == [None] * 51
    assert watcher.readings == 2
