"""Damaged requests to every endpoint of a live server: never a 500, never a log entry that cannot be applied."""

from random import Random
from typing import Any
from urllib.parse import quote

import httpx
import pytest

from services.api.app import ROUTES
from tests.contract.wide import data
from tests.contract.wide.fuzz_bodies import GOOD, body_of

REQUESTS = 60
REQUESTS_WITHOUT_BODY = 8
QUERIES = [
    *[""] * 6,
    *["wait=true"] * 6,
    "wait=true&timeout=5",
    "ordering=strong",
    "wait=maybe",
    "timeout=0",
    "consistency=x",
]
NAMES = [
    "planes",
    "planes",
    "planes",
    "1",
    "k",
    "",
    "nowhere",
    "a/b",
    "..",
    "é",
    "x" * 300,
    "00000000-0000-0000-0000-00000000",
]
REFUSALS = {400, 404, 405, 409, 413, 422}


@pytest.mark.parametrize(("method", "pattern"), [(route.method, route.pattern) for route in ROUTES])
def test_no_request_makes_the_server_fail(small_url: str, method: str, pattern: str) -> None:
    source = Random(f"{method} {pattern}")

    with httpx.Client(base_url=small_url, trust_env=False, timeout=20) as session:
        for place in range(REQUESTS if (method, pattern) in GOOD else REQUESTS_WITHOUT_BODY):
            if place % 30 == 0:
                _prepare(session)
            path = _filled(source, pattern, place)
            body = body_of(source, (method, pattern)) if method in ("PUT", "POST", "PATCH") else b""
            headers = {"Content-Type": source.choice(["application/json"] * 9 + ["text/plain"])}
            answer = session.request(method, path, content=body, headers=headers)
            _check(answer, body)
            if answer.status_code == 200 and (method, pattern) in (
                ("PUT", "/collections/{}"),
                ("PATCH", "/collections/{}"),
            ):
                _remove_others(session)
        _still_serves(session)


def _prepare(session: httpx.Client) -> None:
    """Begin with a small collection that is as it should be."""
    _remove_others(session)
    session.delete("/collections/planes")
    created = session.put("/collections/planes", json={"vectors": {"size": data.DIM, "distance": "Dot"}})
    assert created.status_code == 200, created.text
    for path, kind in (("n", "integer"), ("k", "keyword")):
        session.put("/collections/planes/index", json={"field_name": path, "field_schema": kind})
    source = Random(1)
    points = [
        {"id": data.point_id(place), "vector": data.vector(source), "payload": data.payload(source)}
        for place in range(12)
    ]
    assert session.put("/collections/planes/points?wait=true", json={"points": points}).status_code == 200


def _remove_others(session: httpx.Client) -> None:
    for collection in session.get("/collections").json()["result"]["collections"]:
        if collection["name"] != "planes":
            session.delete(f"/collections/{quote(collection['name'], safe='')}")


def _filled(source: Random, pattern: str, place: int) -> str:
    """Return a pattern with names in place of its braces, mostly good ones, and a query string."""
    path = pattern
    while "{}" in path:
        is_collection = path.count("{}") == pattern.count("{}") and pattern.startswith("/collections/{}")
        name = "planes" if is_collection and place % 6 else source.choice(NAMES)
        path = path.replace("{}", quote(name, safe=""), 1)
    return f"{path}?{source.choice(QUERIES)}"


def _check(answer: httpx.Response, body: bytes) -> None:
    where = (answer.request.method, str(answer.request.url), body[:2000], answer.text[:500])
    assert answer.status_code == 200 or answer.status_code in REFUSALS, where
    if answer.status_code != 200 and answer.headers.get("Content-Type", "").startswith("application/json"):
        answered: Any = answer.json()
        assert answered["status"]["error"], where
        assert "result" not in answered, where


def _still_serves(session: httpx.Client) -> None:
    """A write that is waited for is applied only after everything that was logged before it."""
    _prepare_if_gone(session)
    written = session.post("/collections/planes/points/delete?wait=true&timeout=10", json={"points": [999]})
    assert written.json()["result"]["status"] == "completed", written.text
    assert session.get("/collections/planes").json()["result"]["status"] != "red"


def _prepare_if_gone(session: httpx.Client) -> None:
    if session.get("/collections/planes").status_code == 404:
        _prepare(session)
