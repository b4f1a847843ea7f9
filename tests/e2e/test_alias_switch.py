"""A hot switch of an alias under load: two api processes, real Redis, readers and a writer that never pause.

Both collections hold the same ids; what differs is the side that every payload names. So an answer that mixed two
collections would show both sides, and a lost request would be an error.
"""

import asyncio
from collections import Counter
from typing import Any

import aiohttp

SIDES = ("blue", "green")
POINTS = 40
READERS = 16
SWITCHES = 200
DIM = 4


def point(number: int, side: str) -> dict[str, Any]:
    vector = [1.0 + number, 2.0, float(number % 7), 1.0]
    return {"id": number, "vector": vector, "payload": {"side": side}}


class Load:
    """Reads through the alias as fast as answers come, and notes every answer that is not wholly one side's."""

    def __init__(self, url: str) -> None:
        self.url = url
        self.is_over = False
        self.answers: Counter[str] = Counter()
        self.wrong: list[str] = []

    async def read(self, place: int) -> None:
        """One reader with a connection of its own, so that the kernel spreads readers over the api processes."""
        async with aiohttp.ClientSession(connector=aiohttp.TCPConnector(limit=1)) as session:
            while not self.is_over:
                await self._note(await self._sides(session, place))
                place += 1

    async def write(self) -> None:
        """Upserts a point through the alias; it may land on either side, whole."""
        async with aiohttp.ClientSession() as session:
            while not self.is_over:
                body = {"points": [{"id": 1000, "vector": [0.0, 0.0, 0.0, 0.1], "payload": {"side": "both"}}]}
                async with session.put(f"{self.url}/collections/live/points?wait=true", json=body) as answer:
                    if answer.status != 200:
                        self.wrong.append(f"write: {answer.status} {await answer.text()}")

    async def _sides(self, session: aiohttp.ClientSession, place: int) -> list[str]:
        nearest = {"vector": [1.0, 1.0, 0.0, 0.5], "limit": 10, "with_payload": True}
        calls: list[tuple[str, Any]] = [
            ("points/search", nearest),
            ("points/search/batch", {"searches": [nearest, {**nearest, "limit": 5}, {**nearest, "offset": 3}]}),
            ("points/scroll", {"limit": 20, "with_payload": True}),
            ("points", {"ids": [1, 2, 3, 30], "with_payload": True}),
        ]
        path, body = calls[place % len(calls)]
        async with session.post(f"{self.url}/collections/live/{path}", json=body) as answer:
            if answer.status != 200:
                self.wrong.append(f"{path}: {answer.status} {await answer.text()}")
                return []
            return sides_in((await answer.json())["result"])

    async def _note(self, sides: list[str]) -> None:
        if len(set(sides)) == 1:
            self.answers[sides[0]] += 1
        else:
            self.wrong.append(f"mixed or empty: {Counter(sides)}")


def sides_in(result: Any) -> list[str]:
    """Return the side of every point anywhere in a result, but for the writer's."""
    if isinstance(result, list):
        return [side for each in result for side in sides_in(each)]
    if "points" in result:
        return sides_in(result["points"])
    return [result["payload"]["side"]] if result["id"] < 1000 else []


async def fill(session: aiohttp.ClientSession, url: str) -> None:
    for side in SIDES:
        body: dict[str, Any] = {"vectors": {"size": DIM, "distance": "Dot"}}
        assert (await session.put(f"{url}/collections/{side}", json=body)).status == 200
        body = {"points": [point(number, side) for number in range(1, POINTS + 1)]}
        assert (await session.put(f"{url}/collections/{side}/points?wait=true", json=body)).status == 200
    await point_to(session, url, SIDES[0], [])


async def point_to(session: aiohttp.ClientSession, url: str, side: str, first: list[dict[str, Any]]) -> None:
    create = {"create_alias": {"alias_name": "live", "collection_name": side}}
    async with session.post(f"{url}/collections/aliases", json={"actions": [*first, create]}) as answer:
        assert answer.status == 200, await answer.text()


async def seen_by_new_connections(url: str) -> set[str]:
    """Return what several new connections see: they are spread over the api processes."""
    seen: set[str] = set()
    for _ in range(3):
        async with aiohttp.ClientSession() as session:
            body = {"limit": 1, "with_payload": True}
            async with session.post(f"{url}/collections/live/points/scroll", json=body) as answer:
                seen |= set(sides_in((await answer.json())["result"]))
    return seen


async def test_a_hot_switch_loses_no_request_and_never_mixes_two_collections(serve) -> None:
    url = serve("--api", "2").url
    load = Load(url)
    async with aiohttp.ClientSession() as session:
        await fill(session, url)
        running = [asyncio.create_task(load.read(place)) for place in range(READERS)]
        running.append(asyncio.create_task(load.write()))

        late = []
        for switch in range(SWITCHES):
            side = SIDES[(switch + 1) % 2]
            await point_to(session, url, side, [{"delete_alias": {"alias_name": "live"}}])
            if switch % 10 == 0 and await seen_by_new_connections(url) != {side}:
                late.append(switch)
        load.is_over = True
        await asyncio.gather(*running)

    assert load.wrong == []
    assert late == [], "a switch that was answered is in force in every api process"
    assert min(load.answers[side] for side in SIDES) > SWITCHES, load.answers
