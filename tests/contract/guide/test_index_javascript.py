"""Payload indexes, and pages, counts and facets with filters, through the official JavaScript clients, old and new."""

import json
import os
import subprocess
from typing import Any
from urllib.parse import urlsplit

import pytest

from tests.contract.guide.clients import JAVASCRIPT, Client, require
from tests.contract.guide.speakers import ANSWER_S, HERE, Http

LIMIT = 3
UUID = "550e8400-e29b-41d4-a716-44665544000"
TEXT = {"type": "text", "tokenizer": "word", "min_token_len": 2, "max_token_len": 12, "lowercase": True}
INDEXES: dict[str, Any] = {
    "keyword": "keyword",
    "integer": {"type": "integer", "lookup": True, "range": True},
    "float": "float",
    "bool": "bool",
    "geo": "geo",
    "text": TEXT,
    "datetime": "datetime",
    "uuid": "uuid",
}
KNOWN_TO_OLD = {path: path for path in INDEXES if path != "datetime"} | {"uuid": "keyword"}
"""What clients of 1.6 and 1.7 are shown: a date index was not known to them, a UUID was a keyword."""
INDEXED = 7
EMPTY = 9


def payload(n: int) -> dict[str, Any]:
    return {
        "keyword": ["Ulm", "Bonn"][n % 2],
        "integer": n,
        "float": n / 2,
        "bool": n % 2 == 0,
        "geo": {"lon": 13.0, "lat": 52.0 + n},
        "text": f"a long text, number{n}",
        "datetime": f"2020-01-0{n}T00:00:00Z",
        "uuid": f"{UUID}{n}",
    }


def must(**condition: Any) -> dict[str, Any]:
    return {"must": [condition]}


POINTS = [{"id": n, "vector": [1, n], "payload": payload(n)} for n in range(1, 1 + INDEXED)]
CASES: dict[str, tuple[dict[str, Any], list[int]]] = {
    "keyword": (must(key="keyword", match={"value": "Bonn"}), [1, 3, 5, 7]),
    "any": (must(key="keyword", match={"any": ["Ulm", "Paris"]}), [2, 4, 6]),
    "except": (must(key="keyword", match={"except": ["Ulm"]}), [1, 3, 5, 7]),
    "integer": (must(key="integer", match={"value": 4}), [4]),
    "integer range": (must(key="integer", range={"gt": 2, "lte": 6}), [3, 4, 5, 6]),
    "float range": (must(key="float", range={"gte": 1.5, "lt": 3.0}), [3, 4, 5]),
    "bool": (must(key="bool", match={"value": True}), [2, 4, 6]),
    "geo": (must(key="geo", geo_radius={"center": {"lon": 13.0, "lat": 54.0}, "radius": 120_000}), [1, 2, 3]),
    "text": (must(key="text", match={"text": "number5"}), [5]),
    "datetime": (must(key="datetime", range={"gte": "2020-01-05T00:00:00Z"}), [5, 6, 7]),
    "uuid": (must(key="uuid", match={"value": f"{UUID}6"}), [6]),
    "is_empty": ({"must": [{"is_empty": {"key": "float"}}]}, [EMPTY]),
    "several": (
        {
            "must": [{"key": "integer", "range": {"gte": 2}}],
            "should": [{"key": "bool", "match": {"value": True}}, {"has_id": [7]}],
            "must_not": [{"key": "float", "range": {"lte": 1}}],
        },
        [4, 6, 7],
    ),
}


@pytest.fixture(scope="module")
def tellings() -> dict[Client, Any]:
    """What each client told; its process runs once for all tests."""
    return {}


@pytest.fixture(params=JAVASCRIPT, ids=lambda client: client.name)
def told(request: pytest.FixtureRequest, http: Http, shoal_url: str, tellings: dict[Client, Any]) -> Any:
    client = request.param
    require(client)
    if client not in tellings:
        tellings[client] = spoken(client, shoal_url)
    return tellings[client] | {"era": client.era}


def test_every_javascript_client_declares_reads_and_drops_indexes_of_all_types(told: Any) -> None:
    assert told["statuses"] == ["completed"] * (2 * len(INDEXES))
    assert told["left"] == {}
    shown = told["shown"]
    expected = KNOWN_TO_OLD if told["era"] == "1.7" else {path: path for path in INDEXES}
    assert {path: index["data_type"] for path, index in shown.items()} == expected
    assert {index["points"] for index in shown.values()} == {INDEXED}
    assert {name: shown["text"]["params"][name] for name in TEXT} == TEXT


@pytest.mark.parametrize("when", ["before", "indexed", "after"])
def test_every_javascript_client_counts_and_pages_by_filters_with_and_without_indexes(told: Any, when: str) -> None:
    answers = told[when]

    assert {title: each["count"] for title, each in answers.items()} == {
        title: len(ids) for title, (_, ids) in CASES.items()
    }
    assert {title: each["pages"] for title, each in answers.items()} == {
        title: [ids[first : first + LIMIT] for first in range(0, len(ids), LIMIT)] for title, (_, ids) in CASES.items()
    }


def test_the_newest_javascript_client_facets_by_filter(told: Any) -> None:
    faceted = told["faceted"]

    if told["era"] == "1.7":
        assert faceted is None, "such a client has no facets"
        return
    assert faceted["keyword"] == [{"value": "Bonn", "count": 4}]
    assert sorted(faceted["integer"], key=lambda hit: hit["value"]) == [{"value": n, "count": 1} for n in (1, 3, 5, 7)]
    assert faceted["bool"] == [{"value": False, "count": 4}]


def spoken(client: Client, url: str) -> Any:
    """Run the calls in a client's own process; return what it told."""
    parts = urlsplit(url)
    plan = {
        "name": "indexed",
        "points": [*POINTS, {"id": EMPTY, "vector": [0, 1], "payload": {}}],
        "indexes": INDEXES,
        "filters": {title: wanted for title, (wanted, _) in CASES.items()},
        "facets": ["keyword", "integer", "bool"],
        "limit": LIMIT,
    }
    script = [str(HERE / "index_calls.mjs"), str(client.folder), str(parts.hostname), str(parts.port)]
    command = [str(client.folder / "node"), *script, json.dumps(plan)]
    plain = {name: value for name, value in os.environ.items() if not name.lower().endswith("_proxy")}
    ran = subprocess.run(command, env=plain, timeout=ANSWER_S, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return json.loads(ran.stdout.splitlines()[-1])
