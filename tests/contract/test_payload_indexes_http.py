"""Payload indexes of a whole running Shoal: declared on live data under load, in force at once, told by the info."""

import threading
import time
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from tests.contract.test_vector_names import Http

C = "/collections/c"
P = f"{C}/points"


@pytest.fixture
def http(shoal_url: str, client: Any) -> Iterator[Http]:
    """An empty Shoal with the collection `c`: two shards, dimension 2, 300 points."""
    http = Http(shoal_url)
    http.ok("PUT", C, {"vectors": {"size": 2, "distance": "Dot"}, "shard_number": 2})
    write(http, range(300))
    yield http
    http.close()


def payload(number: int) -> dict[str, Any]:
    return {"city": f"c{number % 3}", "n": number, "text": f"Left Number{number}", "at": [{"lon": 1.0, "lat": 2.0}]}


def write(http: Http, numbers: range) -> None:
    given = [{"id": n, "vector": [n, 1], "payload": payload(n)} for n in numbers]
    http.ok("PUT", f"{P}?wait=true", {"points": given})


def declare(http: Http, path: str, schema: Any, wait: str = "true") -> Any:
    return http.ok("PUT", f"{C}/index?wait={wait}", {"field_name": path, "field_schema": schema})


def count(http: Http, **condition: Any) -> int:
    return int(http.ok("POST", f"{P}/count", {"filter": {"must": [condition]}})["count"])


def awaited(http: Http, is_reached: Callable[[Any], bool], path: str = C) -> Any:
    deadline = time.monotonic() + 30
    while True:
        info = http.ok("GET", path)
        if is_reached(info):
            return info
        assert time.monotonic() < deadline, info
        time.sleep(0.02)


def test_points_follow_every_write_to_the_indexed_path(http: Http) -> None:
    declare(http, "n", "integer")
    declare(http, "at[].lon", {"type": "float"})
    before = {path: index["points"] for path, index in http.ok("GET", C)["payload_schema"].items()}

    write(http, range(300, 310))
    http.ok("POST", f"{P}/payload?wait=true", {"payload": {"n": "text"}, "points": [1, 2]})
    http.ok("POST", f"{P}/delete?wait=true", {"points": [3, 4, 5]})

    after = {path: index["points"] for path, index in http.ok("GET", C)["payload_schema"].items()}
    assert before == {"n": 300, "at[].lon": 300}
    assert after == {"n": 305, "at[].lon": 307}


def test_a_text_index_means_what_it_says_at_once_and_ends_with_its_drop(http: Http) -> None:
    before = count(http, key="text", match={"text": "numb"})

    declare(http, "text", {"type": "text", "tokenizer": "prefix", "min_token_len": 2, "max_token_len": 8})
    declared = count(http, key="text", match={"text": "numb"})
    http.ok("DELETE", f"{C}/index/text?wait=true")

    assert (before, declared) == (0, 300)
    assert count(http, key="text", match={"text": "numb"}) == 0


def test_writes_and_searches_go_on_while_indexes_come_and_go(http: Http) -> None:
    failures: list[BaseException] = []
    written = [300]
    ending = threading.Event()

    def load() -> None:
        try:
            while not ending.is_set():
                write(http, range(written[0], written[0] + 20))
                written[0] += 20
                assert len(http.ok("POST", f"{P}/query", {"query": [1, 0], "limit": 5})["points"]) == 5
        except BaseException as error:
            failures.append(error)

    thread = threading.Thread(target=load)
    thread.start()
    try:
        for schema in ("keyword", {"type": "keyword", "on_disk": True}, {"type": "text"}, "uuid"):
            declare(http, "city", schema)
            declare(http, "n", {"type": "integer", "is_principal": True})
            http.ok("DELETE", f"{C}/index/n?wait=true")
    finally:
        ending.set()
        thread.join(30)

    assert not failures
    declare(http, "city", "keyword")
    info = awaited(http, lambda info: info["points_count"] == written[0])
    assert info["payload_schema"]["city"]["points"] == written[0]


def test_segments_that_the_optimizer_builds_have_their_columns(http: Http) -> None:
    declare(http, "city", "keyword")
    declare(http, "text", {"type": "text", "stopwords": "english", "memory": "cold"})

    http.ok("PATCH", C, {"optimizers_config": {"indexing_threshold": 1}})
    info = awaited(http, lambda info: info["indexed_vectors_count"] == 300 and info["status"] == "green")

    assert {path: index["points"] for path, index in info["payload_schema"].items()} == {"city": 300, "text": 300}
    assert count(http, key="city", match={"value": "c1"}) == 100
    assert count(http, key="text", match={"text": "number7"}) == 1


def test_a_collection_that_begins_with_another_has_its_indexes_and_their_points(http: Http) -> None:
    declare(http, "city", {"type": "keyword", "is_tenant": True})
    body = {"vectors": {"size": 2, "distance": "Dot"}, "init_from": {"collection": "c"}}

    http.ok("PUT", "/collections/copy", body)
    info = awaited(http, lambda info: info["points_count"] == 300 and info["status"] == "green", "/collections/copy")

    params = {"type": "keyword", "is_tenant": True}
    assert info["payload_schema"] == {"city": {"data_type": "keyword", "params": params, "points": 300}}
