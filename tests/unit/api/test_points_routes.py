"""Point routes over HTTP, through the real log scripts, down to shards in a dictionary."""

from tests.unit.api.api_under_test import Api

UUID = "00000000-0000-0000-0000-000000000003"
P = "/collections/planes/points"


async def test_first_write_is_operation_zero_and_each_later_one_is_one_more(planes: Api) -> None:
    first = await planes.ok("POST", f"{P}/delete?wait=true", {"points": [77]})

    second = await planes.ok("PUT", P, {"points": [{"id": 9, "vector": [1, 1]}]})

    assert first == {"operation_id": 1, "status": "completed"}
    assert second == {"operation_id": 2, "status": "acknowledged"}


async def test_stored_point_comes_back_with_the_decimals_that_were_sent(planes: Api) -> None:
    point = await planes.ok("GET", f"{P}/{UUID}")

    assert point == {"id": UUID, "payload": {}, "vector": [0.5, 0.15]}


async def test_missing_point_is_404_and_a_name_that_is_no_id_is_400(planes: Api) -> None:
    assert await planes.error("GET", f"{P}/7") == (404, "Not found: Point with id 7 does not exists!")
    assert await planes.error("GET", f"{P}/abc") == (400, 'Wrong input: Can not recognize "abc" as point id')


async def test_points_come_in_the_order_asked_and_missing_ones_are_left_out(planes: Api) -> None:
    found = await planes.ok("POST", P, {"ids": [2, 99, UUID, 1], "with_payload": ["city"]})

    assert [point["id"] for point in found] == [2, UUID, 1]
    assert found[0] == {"id": 2, "payload": {"city": "Rom"}}


async def test_scroll_pages_in_id_order_and_names_the_next_page(planes: Api) -> None:
    first = await planes.ok("POST", f"{P}/scroll", {"limit": 2, "with_payload": False})

    second = await planes.ok("POST", f"{P}/scroll", {"limit": 2, "offset": first["next_page_offset"]})

    assert first == {"points": [{"id": 1}, {"id": 2}], "next_page_offset": UUID}
    assert second == {"points": [{"id": UUID, "payload": {}}], "next_page_offset": None}


async def test_count_honours_a_nested_filter(planes: Api) -> None:
    wanted = {"must": [{"should": [{"key": "n", "range": {"gte": 2}}, {"has_id": [1]}]}], "must_not": {"has_id": [2]}}

    counted = await planes.ok("POST", f"{P}/count", {"filter": wanted, "exact": True})

    assert counted == {"count": 1}


async def test_set_payload_merges_keys_and_removes_those_given_as_null(planes: Api) -> None:
    await planes.ok("POST", f"{P}/payload?wait=true", {"payload": {"n": 5, "new": [None], "old": None}, "points": [1]})

    point = await planes.ok("GET", f"{P}/1")

    assert point["payload"] == {"city": "Ulm", "n": 5, "new": [None]}


async def test_set_payload_on_a_missing_point_is_404_only_when_waited_for(planes: Api) -> None:
    body = {"payload": {"n": 5}, "points": [1, 3]}

    waited = await planes.error("POST", f"{P}/payload?wait=true", body)
    unwaited = await planes.ok("POST", f"{P}/payload", body)

    assert waited == (404, "Not found: No point with id 3 found")
    assert unwaited["status"] == "acknowledged"


async def test_last_of_points_with_one_id_wins(planes: Api) -> None:
    points = [{"id": 4, "vector": [1, 1], "payload": {"a": 1}}, {"id": 4, "vector": [2, 2]}]

    await planes.ok("PUT", f"{P}?wait=true", {"points": points})

    assert await planes.ok("GET", f"{P}/4") == {"id": 4, "payload": {}, "vector": [2.0, 2.0]}


async def test_batch_form_means_the_same_as_the_list_form(planes: Api) -> None:
    batch = {"ids": [5, 6], "vectors": [[1, 2], [3, 4]], "payloads": [{"a": 1}, None]}

    await planes.ok("PUT", f"{P}?wait=true", {"batch": batch})

    found = await planes.ok("POST", P, {"ids": [5, 6], "with_vector": True})
    assert found == [
        {"id": 5, "payload": {"a": 1}, "vector": [1.0, 2.0]},
        {"id": 6, "payload": {}, "vector": [3.0, 4.0]},
    ]


async def test_wait_that_runs_out_of_time_says_so_with_200(planes: Api) -> None:
    planes.shards.applies = False

    answer = await planes.ok("PUT", f"{P}?wait=true&timeout=0", {"points": [{"id": 9, "vector": [1, 1]}]})

    assert answer == {"operation_id": 1, "status": "wait_timeout"}


async def test_deleting_no_points_logs_nothing_and_has_no_operation_id(planes: Api) -> None:
    answer = await planes.ok("POST", f"{P}/delete?wait=true", {"points": []})

    assert answer == {"status": "completed"}


async def test_operations_are_split_over_shards_and_answers_are_merged(api: Api) -> None:
    await api.ok("PUT", "/collections/wide", {"vectors": {"size": 1, "distance": "Dot"}, "shard_number": 4})
    points = [{"id": each, "vector": [each]} for each in range(40)]

    await api.ok("PUT", "/collections/wide/points?wait=true", {"points": points})

    assert {request.shard for request in api.shards.requests} == {0, 1, 2, 3}
    assert await api.ok("POST", "/collections/wide/points/count", {}) == {"count": 40}
    page = await api.ok("POST", "/collections/wide/points/scroll", {"limit": 3, "offset": 5, "with_payload": False})
    assert page == {"points": [{"id": 5}, {"id": 6}, {"id": 7}], "next_page_offset": 8}
    best = await api.ok("POST", "/collections/wide/points/search", {"vector": [1], "limit": 3, "offset": 1})
    assert [hit["id"] for hit in best] == [38, 37, 36]


async def test_a_read_with_the_token_of_a_write_waits_for_it_and_times_out_with_408(planes: Api) -> None:
    await planes.ok("PUT", P, {"points": [{"id": 9, "vector": [1, 1]}]})
    token = planes.headers["X-Shoal-Position"]
    planes.shards.applies = False
    await planes.ok("PUT", P, {"points": [{"id": 10, "vector": [1, 1]}]}, {"X-Shoal-Position": token})
    newer = planes.headers["X-Shoal-Position"]

    late = await planes.error("POST", f"{P}/count?timeout=3", {}, {"X-Shoal-Position": newer})
    planes.shards.applies = True
    counted = await planes.ok("POST", f"{P}/count", {}, {"X-Shoal-Position": newer})

    assert late == (408, "Timeout: Timeout error: Operation 'Count' timed out after 3s")
    assert counted == {"count": 5}
    assert planes.shards.requests[-1].min_position == 3


async def test_a_token_that_shoal_never_gave_is_refused(planes: Api) -> None:
    status, text = await planes.error("POST", f"{P}/count", {}, {"X-Shoal-Position": "bm90aGluZw"})

    assert (status, text) == (400, "Bad request: the header X-Shoal-Position holds no token that Shoal gave")
