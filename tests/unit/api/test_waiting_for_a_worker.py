"""A write with wait=true is logged before anybody applies it: it waits for a worker that comes back, boundedly."""

from tests.unit.api.api_under_test import Api

POINT = {"points": [{"id": 9, "vector": [1, 1]}]}
CALLS_AWAY = 9
"""Answers without a worker, one pause after the other: much longer than the api's `shard_wait_s` of 0.2 s."""


async def test_a_write_waits_for_a_worker_that_comes_back_within_its_timeout(planes: Api) -> None:
    planes.shards.unavailable_calls = CALLS_AWAY

    written = await planes.ok("PUT", "/collections/planes/points?wait=true&timeout=10", POINT)

    assert written["status"] == "completed"
    assert (await planes.ok("GET", "/collections/planes/points/9"))["id"] == 9


async def test_a_write_whose_worker_does_not_come_back_in_time_tells_that_it_waited(planes: Api) -> None:
    planes.shards.is_down = True

    written = await planes.ok("PUT", "/collections/planes/points?wait=true&timeout=1", POINT)
    planes.shards.is_down = False
    point = await planes.ok("GET", "/collections/planes/points/9")

    assert written["status"] == "wait_timeout"
    assert point["id"] == 9


async def test_a_read_does_not_wait_so_long(planes: Api) -> None:
    planes.shards.unavailable_calls = CALLS_AWAY

    status, text = await planes.error("GET", "/collections/planes/points/1")

    assert status == 503
    assert "away" in text
