"""Writing and reading points: the official client against Shoal and against its local mode."""

from collections.abc import Callable
from typing import Any

import pytest
from qdrant_client import models

from tests.contract.answers import assert_same, plain
from tests.contract.conftest import Clients
from tests.contract.samples import COUNT, DIM, FILTERS, point_id, points

ONE = models.VectorParams(size=DIM, distance=models.Distance.DOT)


def same(clients: Clients, body: Callable[[Any], Any]) -> Any:
    """Run a body on both engines; assert that their answers are the same; return Shoal's."""
    found, expected = plain(body(clients.shoal)), plain(body(clients.local))
    assert_same(found, expected)
    return found


@pytest.fixture
def filled(clients: Clients) -> Clients:
    for client in clients:
        client.create_collection("c", vectors_config=ONE)
        client.upsert("c", points(), wait=True)
    return clients


def test_points_come_back_as_they_were_sent(filled: Clients) -> None:
    ids = [point_id(place) for place in (3, 1, 2, 50)] + [12345]

    found = same(filled, lambda client: client.retrieve("c", ids, with_payload=True, with_vectors=True))

    assert len(found) == 4


def test_batch_form_writes_the_same_points(clients: Clients) -> None:
    given = points(count=5)
    batch = models.Batch(
        ids=[point.id for point in given],
        vectors=[point.vector for point in given],
        payloads=[point.payload for point in given],
    )
    for client in clients:
        client.create_collection("c", vectors_config=ONE)
        client.upsert("c", batch, wait=True)

    same(clients, lambda client: client.scroll("c", with_vectors=True))


def test_upsert_replaces_a_point_whole(filled: Clients) -> None:
    new = models.PointStruct(id=1, vector=[0.5] * DIM, payload={"only": "this"})
    for client in filled:
        client.upsert("c", [new], wait=True)

    same(filled, lambda client: client.retrieve("c", [1], with_vectors=True))
    same(filled, lambda client: client.count("c").count)


@pytest.mark.parametrize("name", FILTERS)
def test_count_and_scroll_keep_what_the_filter_keeps(filled: Clients, name: str) -> None:
    kept = FILTERS[name]

    counted = same(filled, lambda client: client.count("c", count_filter=kept, exact=True).count)
    page = same(filled, lambda client: client.scroll("c", scroll_filter=kept, limit=COUNT)[0])

    assert counted == len(page)


def test_scroll_pages_through_every_point_once(filled: Clients) -> None:
    def pages(client: Any) -> list[Any]:
        offset, found = None, []
        while True:
            page, offset = client.scroll("c", limit=13, offset=offset, with_payload=["n"])
            found.append(page)
            if offset is None:
                return found

    found = same(filled, pages)

    assert sum(len(page) for page in found) == COUNT


def test_delete_by_ids_removes_them_and_nothing_else(filled: Clients) -> None:
    ids = [point_id(place) for place in (1, 2, 3, 30)] + [777]
    for client in filled:
        client.delete("c", models.PointIdsList(points=ids), wait=True)

    same(filled, lambda client: client.count("c").count)
    same(filled, lambda client: client.scroll("c", limit=COUNT))


def test_set_payload_merges_at_the_top(filled: Clients) -> None:
    ids = [point_id(place) for place in (1, 3, 10)]
    for client in filled:
        client.set_payload("c", {"city": "Graz", "new": {"a": [1, None]}}, points=ids, wait=True)

    same(filled, lambda client: client.retrieve("c", ids, with_vectors=True))
    kept = models.Filter(must=[models.FieldCondition(key="city", match=models.MatchValue(value="Graz"))])
    assert same(filled, lambda client: client.count("c", count_filter=kept).count) == 3


@pytest.mark.parametrize(
    "wanted",
    [
        True,
        False,
        ["city", "deep.one"],
        models.PayloadSelectorInclude(include=["n", "deep.list[].k"]),
        models.PayloadSelectorExclude(exclude=["deep", "city"]),
    ],
    ids=str,
)
def test_payload_is_selected_alike(filled: Clients, wanted: Any) -> None:
    same(filled, lambda client: client.scroll("c", limit=20, with_payload=wanted))


def test_named_vectors_are_stored_and_selected_by_name(clients: Clients) -> None:
    config = {
        "image": models.VectorParams(size=3, distance=models.Distance.EUCLID),
        "text": models.VectorParams(size=2, distance=models.Distance.DOT),
    }
    given = [
        models.PointStruct(id=1, vector={"image": [1, 2, 3], "text": [0.5, 0.25]}, payload={}),
        models.PointStruct(id=2, vector={"text": [1, 1]}, payload={"a": 1}),
        models.PointStruct(id=3, vector={}, payload={"a": 2}),
    ]
    for client in clients:
        client.create_collection("c", vectors_config=config)
        client.upsert("c", given, wait=True)

    same(clients, lambda client: client.retrieve("c", [1, 2], with_vectors=True))
    same(clients, lambda client: client.retrieve("c", [1, 2], with_vectors=["text"]))
    same(clients, lambda client: client.count("c").count)


def test_a_write_waited_for_is_completed_and_one_not_waited_for_is_acknowledged(client: Any) -> None:
    client.create_collection("c", vectors_config=ONE)

    waited = client.upsert("c", points(count=2), wait=True)
    unwaited = client.upsert("c", points(count=2), wait=False)

    assert (waited.status, waited.operation_id) == (models.UpdateStatus.COMPLETED, 0)
    assert (unwaited.status, unwaited.operation_id) == (models.UpdateStatus.ACKNOWLEDGED, 1)
