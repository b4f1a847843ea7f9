"""Orders by value and facets over random payloads: a live Shoal against the official client's local mode.

Local mode knows no indexes and takes values of all types, the reference those of the index's type: what local mode
gives beyond is left out here. Local mode leaves equal values in the order in which points came, we in that of ids.
"""

from random import Random
from typing import Any
from uuid import UUID

import pytest
from qdrant_client import models

from tests.contract.conftest import Clients
from tests.contract.wide import data
from tests.contract.wide.conftest import declare, fill

TYPES: dict[str, type] = {"n": int, "arr[].x": int, "k": str, "arr[].s": str, "b": bool, "u": str}


@pytest.fixture(params=range(2))
def declared(request: pytest.FixtureRequest, pair: Clients) -> Clients:
    fill(pair, request.param)
    declare(pair.shoal)
    return pair


def pages(client: Any, limit: int, **given: Any) -> list[tuple[Any, Any]]:
    found, following = client.scroll("c", limit=limit, with_payload=False, **given)
    assert following is None
    return [(record.id, record.order_value) for record in found]


@pytest.mark.parametrize("key", ["n", "f", "d", "arr[].x"])
@pytest.mark.parametrize("direction", list(models.Direction), ids=str)
def test_points_come_in_the_order_of_their_values(declared: Clients, key: str, direction: models.Direction) -> None:
    source = Random(key)
    starts: list[Any] = [None, *(data.DATES if key == "d" else (-1.5, 0, 2, 2.75, 1e12))]
    for start in starts:
        order = models.OrderBy(key=key, direction=direction, start_from=start)
        wanted = data.kept(source) if source.random() < 0.5 else None
        every = pages(declared.local, 10_000, order_by=order, scroll_filter=wanted)
        sign = -1 if direction is models.Direction.DESC else 1
        every = [pair for pair in every if is_shown(key, pair[1])]
        every.sort(key=lambda pair: (sign * pair[1], isinstance(pair[0], str), pair[0]))
        for limit in (1, 7, 1000):
            found = pages(declared.shoal, limit, order_by=order, scroll_filter=wanted)

            assert found == every[:limit], (order, limit)


def is_shown(key: str, value: Any) -> bool:
    """True where an index of the path's type holds a value: of dates those beyond a day of 1970."""
    return not (key == "d" and abs(value) < 1000)


@pytest.mark.parametrize("key", TYPES)
def test_values_are_counted_exactly(declared: Clients, key: str) -> None:
    source = Random(key)
    for limit in (1, 2, 3, 5, 100):
        wanted = data.kept(source) if limit != 100 else None
        hits = declared.local.facet("c", key=key, facet_filter=wanted, limit=1000).hits
        expected = sorted(
            ((hit.value, hit.count) for hit in hits if is_counted(key, hit.value)), key=lambda hit: (-hit[1], hit[0])
        )
        for exact in (False, True):
            found = declared.shoal.facet("c", key=key, facet_filter=wanted, limit=limit, exact=exact).hits

            assert [(hit.value, hit.count) for hit in found] == expected[:limit], (key, limit, wanted)


def is_counted(key: str, value: Any) -> bool:
    """True where an index of the path's type holds a value."""
    if type(value) is not TYPES[key]:
        return False
    return key != "u" or is_uuid(value)


def is_uuid(text: str) -> bool:
    try:
        return bool(UUID(text))
    except ValueError:
        return False
