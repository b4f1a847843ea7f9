"""Vector spaces added to and removed from a live collection, against a whole running Shoal over plain HTTP."""

from collections.abc import Iterator
from typing import Any

import httpx
import pytest

DENSE = {"dense": {"size": 3, "distance": "Dot"}}
P = "/collections/c/points"


class Http:
    """Calls of the running Shoal, their results unwrapped. Names itself: httpx is taken for a client of 1.7."""

    def __init__(self, url: str) -> None:
        self._client = httpx.Client(base_url=url, timeout=30, trust_env=False, headers={"User-Agent": "tests"})

    def close(self) -> None:
        self._client.close()

    def ok(self, method: str, path: str, body: Any = None) -> Any:
        answer = self._client.request(method, path, json=body)
        assert answer.status_code == 200, answer.text
        return answer.json()["result"]

    def error(self, method: str, path: str, body: Any = None) -> tuple[int, str]:
        answer = self._client.request(method, path, json=body)
        assert answer.status_code >= 400, answer.text
        return answer.status_code, answer.json()["status"]["error"]


@pytest.fixture
def http(shoal_url: str, client: Any) -> Iterator[Http]:
    """An empty Shoal with the collection `c`: one vector `a` of dimension 2, two points."""
    http = Http(shoal_url)
    http.ok("PUT", "/collections/c", {"vectors": {"a": {"size": 2, "distance": "Dot"}}, "shard_number": 2})
    points = [{"id": n, "vector": {"a": [n, 0]}, "payload": {"n": n}} for n in range(1, 11)]
    http.ok("PUT", f"{P}?wait=true", {"points": points})
    yield http
    http.close()


def vectors_of(http: Http, point_id: int) -> Any:
    return http.ok("GET", f"{P}/{point_id}")["vector"]


def test_added_vector_takes_points_at_once_and_leaves_old_ones_alone(http: Http) -> None:
    answer = http.ok("PUT", "/collections/c/vectors/b?wait=true", DENSE)

    http.ok("PUT", f"{P}?wait=true", {"points": [{"id": n, "vector": {"b": [0, n, 0]}} for n in range(11, 31)]})

    assert answer == {"status": "completed"}
    assert vectors_of(http, 11) == {"b": [0.0, 11.0, 0.0]}
    assert vectors_of(http, 1) == {"a": [1.0, 0.0]}
    found = http.ok("POST", f"{P}/query", {"query": [0, 1, 0], "using": "b", "limit": 3})["points"]
    assert [hit["id"] for hit in found] == [30, 29, 28]


def test_write_right_after_an_addition_that_was_not_waited_for_keeps_its_vectors(http: Http) -> None:
    for n in range(5):
        http.ok("PUT", f"/collections/c/vectors/b{n}", DENSE)

        http.ok("PUT", f"{P}?wait=true", {"points": [{"id": i, "vector": {f"b{n}": [1, 2, i]}} for i in (1, 2, 3, 4)]})

        assert [vectors_of(http, i) for i in (1, 2, 3, 4)] == [{f"b{n}": [1.0, 2.0, float(i)]} for i in (1, 2, 3, 4)]


def test_added_vector_is_shown_and_adding_it_again_changes_nothing(http: Http) -> None:
    multi = {"dense": {**DENSE["dense"], "datatype": "float16", "multivector_config": {"comparator": "max_sim"}}}
    http.ok("PUT", "/collections/c/vectors/m?wait=true", multi)
    http.ok("PUT", "/collections/c/vectors/s?wait=true", {"sparse": {"modifier": "idf"}})

    http.ok("PUT", "/collections/c/vectors/m?wait=true", multi)
    different = http.error("PUT", "/collections/c/vectors/m", DENSE)

    params = http.ok("GET", "/collections/c")["config"]["params"]
    assert params["vectors"] == {"a": {"size": 2, "distance": "Dot"}, "m": multi["dense"]}
    assert params["sparse_vectors"] == {"s": {"modifier": "idf"}}
    assert different == (400, "Wrong input: Vector `m` already exists and is different: delete it first")


def test_removed_vector_is_gone_and_its_points_stay(http: Http) -> None:
    answer = http.ok("DELETE", "/collections/c/vectors/a?wait=true")

    assert answer == {"status": "completed"}
    assert http.ok("POST", f"{P}/count", {"exact": True}) == {"count": 10}
    assert vectors_of(http, 1) == {}
    assert http.ok("GET", f"{P}/3")["payload"] == {"n": 3}
    unknown = (400, "Wrong input: Not existing vector name error: a")
    assert http.error("PUT", P, {"points": [{"id": 1, "vector": {"a": [1, 0]}}]}) == unknown
    assert http.error("DELETE", "/collections/c/vectors/a") == unknown


@pytest.mark.parametrize("size", [2, 5])
def test_vector_that_is_removed_and_added_again_shows_no_old_vectors(http: Http, size: int) -> None:
    http.ok("DELETE", "/collections/c/vectors/a?wait=true")

    http.ok("PUT", "/collections/c/vectors/a?wait=true", {"dense": {"size": size, "distance": "Dot"}})
    http.ok("PUT", f"{P}?wait=true", {"points": [{"id": 99, "vector": {"a": [1] * size}}]})

    assert vectors_of(http, 1) == {}
    assert vectors_of(http, 99) == {"a": [1.0] * size}
    found = http.ok("POST", f"{P}/query", {"query": [1] * size, "using": "a", "limit": 20})["points"]
    assert [hit["id"] for hit in found] == [99]


@pytest.mark.parametrize(
    ("name", "body", "status", "text"),
    [
        ("b", {"dense": {"size": 0, "distance": "Dot"}}, 422, "[dense.size: value 0 invalid, must be from 1 to 65536]"),
        ("b", {"dense": {"size": -1, "distance": "Dot"}}, 400, "size: invalid value: integer `-1`"),
        ("b", {"dense": {"size": 3}}, 400, "dense: Object missing required field `distance`"),
        ("b", {"dense": {**DENSE["dense"], "on_disk": True}}, 400, "dense: Object contains unknown field `on_disk`"),
        ("b", {"dense": {**DENSE["dense"], "datatype": "turbo4"}}, 400, "not supported yet by Shoal"),
        ("b", {"sparse": {"datatype": "turbo4"}}, 422, "sparse vectors do not support"),
        ("b", {**DENSE, "sparse": {}}, 400, "expected an object with `dense` or `sparse`, got dense, sparse"),
        ("b", {}, 400, "expected an object with `dense` or `sparse`, got {}"),
        ("b%3Ac", DENSE, 422, 'vector name "b:c" cannot contain ":" char'),
    ],
)
def test_bad_additions_are_refused(http: Http, name: str, body: Any, status: int, text: str) -> None:
    found = http.error("PUT", f"/collections/c/vectors/{name}", body)

    assert found[0] == status
    assert text in found[1]
    assert list(http.ok("GET", "/collections/c")["config"]["params"]["vectors"]) == ["a"]


def test_vectors_of_a_missing_collection_are_404(http: Http) -> None:
    missing = (404, "Not found: Collection `no` doesn't exist!")

    assert http.error("PUT", "/collections/no/vectors/b", DENSE) == missing
    assert http.error("DELETE", "/collections/no/vectors/b") == missing
