"""Every write at random, by ids and by filter: after each of them the live Shoal and local mode hold the same."""

import copy
from collections.abc import Callable
from random import Random
from typing import Any

import pytest
from qdrant_client import models

from tests.contract.answers import assert_same, plain
from tests.contract.conftest import Clients
from tests.contract.wide import data
from tests.contract.wide.conftest import declare, fill

STEPS = 12
Write = Callable[[Any], object]


@pytest.mark.parametrize("seed", range(5))
def test_random_writes_leave_the_same_points(pair: Clients, seed: int) -> None:
    fill(pair, 50 + seed)
    if seed % 2:
        declare(pair.shoal)
    source = Random(seed)

    for _ in range(STEPS):
        name, write = one_write(source)
        for client in pair:
            write(client)
        found, expected = (stored(client) for client in pair)
        assert_same(found, expected, name)


def stored(client: Any) -> Any:
    records = plain(client.scroll("c", limit=1000, with_vectors=True)[0])
    return sorted(records, key=lambda record: (isinstance(record["id"], str), record["id"]))


def one_write(source: Random) -> tuple[str, Write]:
    """Return a write and its name. It makes the same request whenever it is called."""
    name = source.choice(list(WRITES))
    return name, WRITES[name](source)


def selected(source: Random) -> Any:
    """Return ids, or a filter."""
    if source.random() < 0.5:
        return [data.point_id(source.randint(0, 150)) for _ in range(source.randint(1, 12))]
    return models.Filter(must=[data.condition(source)])


def existing(source: Random) -> list[Any]:
    """Return ids of points, as some writes refuse to name others."""
    return [data.point_id(place) for place in source.sample(range(100, 140), 4)]


def _upsert(source: Random) -> Write:
    points = data.points(source, 6, first=source.randint(0, 200))
    return lambda client: client.upsert("c", copy.deepcopy(points), wait=True)


def _upsert_columns(source: Random) -> Write:
    points = data.points(source, 5, first=source.randint(0, 200))
    batch = models.Batch(
        ids=[point.id for point in points],
        vectors=[point.vector for point in points],
        payloads=[point.payload for point in points],
    )
    return lambda client: client.upsert("c", copy.deepcopy(batch), wait=True)


def _upsert_in_mode(source: Random) -> Write:
    points = data.points(source, 8, first=source.randint(130, 160))
    mode = source.choice(list(models.UpdateMode))
    return lambda client: client.upsert("c", copy.deepcopy(points), wait=True, update_mode=mode)


def _upsert_filtered(source: Random) -> Write:
    points, wanted = data.points(source, 8, first=source.randint(60, 160)), data.kept(source)
    return lambda client: client.upsert("c", copy.deepcopy(points), wait=True, update_filter=wanted)


def _delete(source: Random) -> Write:
    some = [data.point_id(source.randint(0, 99)) for _ in range(3)]
    wanted: Any = source.choice(
        [some, models.Filter(must=[data.condition(source), models.HasIdCondition(has_id=some)])]
    )
    return lambda client: client.delete("c", wanted, wait=True)


def _set(source: Random) -> Write:
    payload, chosen = data.payload(source), selected(source)
    known = chosen if isinstance(chosen, models.Filter) else existing(source)
    return lambda client: client.set_payload("c", copy.deepcopy(payload), points=known, wait=True)


def _set_below(source: Random) -> Write:
    payload, key = data.payload(source), source.choice(["deep", "deep.two", "new.path", '"odd key".k'])
    wanted = models.Filter(must=[data.condition(source)])
    return lambda client: client.set_payload("c", copy.deepcopy(payload), points=wanted, key=key, wait=True)


def _overwrite(source: Random) -> Write:
    payload, chosen = data.payload(source), selected(source)
    known = chosen if isinstance(chosen, models.Filter) else existing(source)
    return lambda client: client.overwrite_payload("c", copy.deepcopy(payload), points=known, wait=True)


def _delete_keys(source: Random) -> Write:
    keys, known = source.sample(["k", "n", "deep.one", "arr[].x", "p.lon", '"odd key"', "no"], 3), existing(source)
    chosen = selected(source)
    points = chosen if isinstance(chosen, models.Filter) else known
    return lambda client: client.delete_payload("c", keys, points=points, wait=True)


def _clear(source: Random) -> Write:
    known = existing(source)[:2]
    return lambda client: client.clear_payload("c", points_selector=known, wait=True)


def _update_vectors(source: Random) -> Write:
    points = [models.PointVectors(id=one, vector=data.vector(source)) for one in existing(source)]
    return lambda client: client.update_vectors("c", copy.deepcopy(points), wait=True)


def _delete_vectors(source: Random) -> Write:
    wanted = models.Filter(must=[models.HasIdCondition(has_id=existing(source)[:2])])
    return lambda client: client.delete_vectors("c", [""], points=wanted, wait=True)


def _batch(source: Random) -> Write:
    points, known, payload = (
        data.points(source, 3, first=source.randint(0, 90)),
        existing(source),
        data.payload(source),
    )
    wanted = models.Filter(must=[data.condition(source)])
    operations = [
        models.UpsertOperation(upsert=models.PointsList(points=points)),
        models.SetPayloadOperation(set_payload=models.SetPayload(payload=payload, filter=wanted)),
        models.DeletePayloadOperation(delete_payload=models.DeletePayload(keys=["k"], points=known)),
        models.OverwritePayloadOperation(overwrite_payload=models.SetPayload(payload={"n": 1}, points=known[:1])),
        models.DeleteOperation(delete=models.PointIdsList(points=[points[0].id])),
    ]
    chosen = source.sample(operations, 3)
    return lambda client: client.batch_update_points("c", copy.deepcopy(chosen), wait=True)


WRITES: dict[str, Callable[[Random], Write]] = {
    "upsert": _upsert,
    "upsert columns": _upsert_columns,
    "upsert in a mode": _upsert_in_mode,
    "upsert of those that pass": _upsert_filtered,
    "delete": _delete,
    "set payload": _set,
    "set payload below a key": _set_below,
    "overwrite payload": _overwrite,
    "delete payload keys": _delete_keys,
    "clear payload": _clear,
    "update vectors": _update_vectors,
    "delete vectors": _delete_vectors,
    "batch": _batch,
}
