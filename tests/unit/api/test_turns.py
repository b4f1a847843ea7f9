"""A turn of a large body lasts while searches are on their way, and not for ever."""

import asyncio
from collections.abc import Awaitable, Callable
from types import SimpleNamespace
from typing import Any

import orjson

from services.api.last_search import LastSearch, shared_memory
from services.api.params import write_params
from services.api.routes import points as point_routes
from services.api.routes import search as search_routes
from services.api.turns import ENOUGH_PROCESSORS, LATELY_S, Patience, Turns, patience_of
from services.api.validate.filters import FilterLimits
from services.api.validate.in_turns import PIECE_BYTES, parse_upsert_in_turns
from services.api.validate.limits import Limits

LONG_S = 30.0


async def test_a_turn_waits_until_all_searches_are_answered() -> None:
    turns, answered = Turns(Patience(wait_s=LONG_S)), [asyncio.Event(), asyncio.Event()]

    async def search(event: asyncio.Event) -> None:
        with turns.searching():
            await event.wait()

    searches = [asyncio.create_task(search(event)) for event in answered]
    await asyncio.sleep(0)
    turn = asyncio.create_task(turns.take())

    for place in (0, 1):
        await asyncio.wait([turn], timeout=0.02)
        assert not turn.done()
        answered[place].set()
        await searches[place]

    await asyncio.wait_for(turn, LONG_S / 3)


async def test_a_turn_waits_no_longer_than_its_patience() -> None:
    turns = Turns(Patience(wait_s=0.01))

    with turns.searching():
        await asyncio.wait_for(turns.take(), LONG_S)


async def test_without_searches_or_patience_a_turn_is_some_passes_of_the_loop() -> None:
    hasty, idle = Turns(Patience()), Turns(Patience(wait_s=LONG_S))
    with idle.searching():
        pass

    with hasty.searching():
        await asyncio.wait_for(hasty.take(), LONG_S / 3)
    await asyncio.wait_for(idle.take(), LONG_S / 3)


async def test_a_turn_pauses_for_searches_that_come_to_another_process() -> None:
    with shared_memory() as descriptor:
        here, there = (Turns(Patience(pause_s=LONG_S), LastSearch(descriptor), now=lambda: 100.0) for _ in range(2))
        with there.searching():
            pass
        turn = asyncio.create_task(here.take())
        await asyncio.wait([turn], timeout=0.02)
        assert not turn.done()
        turn.cancel()


async def test_a_turn_pauses_while_searches_come_and_no_longer() -> None:
    now = 100.0
    turns = Turns(Patience(pause_s=LONG_S), now=lambda: now)
    await asyncio.wait_for(turns.take(), LONG_S / 3)

    with turns.searching():
        pass
    now += LATELY_S / 2
    turn = asyncio.create_task(turns.take())
    await asyncio.wait([turn], timeout=0.02)
    assert not turn.done()
    turn.cancel()

    now += LATELY_S
    await asyncio.wait_for(turns.take(), LONG_S / 3)


async def test_a_turn_pauses_no_longer_than_it_is_told_to() -> None:
    turns = Turns(Patience(pause_s=0.01))
    with turns.searching():
        await asyncio.wait_for(turns.take(), LONG_S)


async def test_a_search_that_fails_is_no_longer_on_its_way() -> None:
    turns = Turns(Patience(wait_s=LONG_S))
    try:
        with turns.searching():
            raise LookupError
    except LookupError:
        await asyncio.wait_for(turns.take(), LONG_S / 3)


async def test_a_large_body_takes_its_turns_between_pieces() -> None:
    points = [{"id": number, "vector": [float(number)] * 64} for number in range(1000)]
    body, taken = orjson.dumps({"points": points}), 0

    async def turn() -> None:
        nonlocal taken
        taken += 1

    await parse_upsert_in_turns(body, len(points), turn=turn)

    assert len(body) // PIECE_BYTES - 1 <= taken <= len(body) // PIECE_BYTES + 1


def test_only_few_processors_make_a_turn_wait() -> None:
    assert patience_of(1.0, 2.0, ENOUGH_PROCESSORS - 1) == Patience(pause_s=0.001, wait_s=0.002)
    assert patience_of(1.0, 2.0, ENOUGH_PROCESSORS) == Patience()


class CountingTurns(Turns):
    """Counts the turns that were taken, and tells whether a search is on its way."""

    def __init__(self) -> None:
        super().__init__(Patience(LONG_S, LONG_S))
        self.taken = 0

    @property
    def is_searching(self) -> bool:
        return self._searching > 0

    async def take(self) -> None:
        self.taken += 1


async def test_the_route_of_searches_says_when_one_is_on_its_way() -> None:
    turns, seen = CountingTurns(), []

    class Reader:
        async def search(self, *_: object) -> list[Any]:
            seen.append(turns.is_searching)
            return []

    class Directory:
        async def run(self, _name: str, act: Callable[[object], Awaitable[Any]]) -> tuple[object, Any]:
            return None, await act(None)

    strict = SimpleNamespace(searches=lambda *_: None)
    services = SimpleNamespace(turns=turns, reader=Reader(), directory=Directory(), strict_reads=strict)
    call: Any = SimpleNamespace(services=services, names=["c"], asking=lambda *_: None)

    await search_routes._run(call, [], None)

    assert seen == [True]
    assert not turns.is_searching


async def test_the_routes_of_large_writes_take_turns() -> None:
    turns = CountingTurns()
    limits = Limits(10_000, 100, 100, FilterLimits(10, 10))
    call: Any = SimpleNamespace(services=SimpleNamespace(turns=turns, limits=limits, strict_writes=None))
    rows = [{"id": number, "vector": [float(number)] * 64} for number in range(1000)]
    body = orjson.dumps({"points": rows})

    for read in (point_routes.READERS["upsert"], point_routes.READERS["update_vectors"]):
        before = turns.taken
        await read(call, body, write_params(""))
        assert turns.taken > before
