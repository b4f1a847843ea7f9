"""Changes of one payload: the answers are those that the reference's engine and qdrant-client's local mode gave."""

import json
from typing import Any

import pytest

from shared.segment.payload_edits import merging_at, removing

OBJECTS = [{"o": 1}, {"p": 2}, 3]


def text(payload: Any) -> bytes:
    """Return compact JSON."""
    return json.dumps(payload, separators=(",", ":")).encode()


@pytest.mark.parametrize("payload", [b"", b"{}"])
def test_no_payload_and_an_empty_one_are_changed_alike(payload: bytes) -> None:
    edit = merging_at("k", b'{"a":1,"b":null}')

    found = edit(payload)

    assert found == b'{"k":{"a":1}}'


def test_values_that_no_change_names_keep_every_digit() -> None:
    payload = b'{"a":1.10,"b":123456789012345678901234567890,"c":[{"d":1e400,"e":1}]}'

    changed = removing(["c[].e"])(merging_at("c[0]", b'{"f":2.50}')(payload))

    assert changed == b'{"a":1.10,"b":123456789012345678901234567890,"c":[{"d":1e400,"f":2.50}]}'


@pytest.mark.parametrize(
    ("payload", "path", "expected"),
    [
        ({"x": 1}, "k", {"x": 1, "k": {"n": 1}}),
        ({"k": {"o": 1}}, "k", {"k": {"o": 1, "n": 1}}),
        ({"k": 5}, "k", {"k": {"n": 1}}),
        ({"k": None}, "k", {"k": {"n": 1}}),
        ({"k": OBJECTS}, "k", {"k": {"n": 1}}),
        ({"k": OBJECTS}, "k[]", {"k": [{"o": 1, "n": 1}, {"p": 2, "n": 1}, {"n": 1}]}),
        ({"k": OBJECTS}, "k[1]", {"k": [{"o": 1}, {"p": 2, "n": 1}, 3]}),
        ({"k": OBJECTS}, "k[3]", {"k": OBJECTS}),
        ({"k": OBJECTS}, "k[1].q", {"k": [{"o": 1}, {"p": 2, "q": {"n": 1}}, 3]}),
        ({"k": [{"o": 1}]}, "k[0].o", {"k": [{"o": {"n": 1}}]}),
        ({"k": []}, "k[0]", {"k": []}),
        ({}, "a.b.c", {"a": {"b": {"c": {"n": 1}}}}),
        ({"a": {"b": 3}}, "a.b.c", {"a": {"b": {"c": {"n": 1}}}}),
        ({"a": [{"b": {}}, {"b": 1}, 5]}, "a[].b", {"a": [{"b": {"n": 1}}] * 3}),
        ({"a": [{"b": 1}]}, "a.b", {"a": {"b": {"n": 1}}}),
        ({}, "a[].b", {"a": []}),
        ({}, "a[0]", {"a": []}),
        ({"a": 7}, "a[0].b", {"a": []}),
        ({"a": {"c": 1}}, "a[].b", {"a": []}),
        ({"a": [[{"o": 1}], [{"p": 1}, 2]]}, "a[][]", {"a": [[{"o": 1, "n": 1}], [{"p": 1, "n": 1}, {"n": 1}]]}),
        ({"a": [[{"o": 1}], [{"p": 1}, 2]]}, "a[0][0]", {"a": [[{"o": 1, "n": 1}], [{"p": 1}, 2]]}),
        ({}, '"odd key".b', {"odd key": {"b": {"n": 1}}}),
    ],
)
def test_merging_at_a_path_makes_objects_on_the_way_and_no_elements(
    payload: dict[str, Any], path: str, expected: dict[str, Any]
) -> None:
    edit = merging_at(path, b'{"n":1}')

    found = edit(text(payload))

    assert found == text(expected)


@pytest.mark.parametrize(
    ("payload", "expected"),
    [
        ({"k": {"a": 1}}, {"k": {}}),
        ({}, {"k": {}}),
        ({"k": 5}, {"k": {}}),
    ],
)
def test_a_null_at_a_path_removes_its_key(payload: dict[str, Any], expected: dict[str, Any]) -> None:
    edit = merging_at("k", b'{"a":null}')

    found = edit(text(payload))

    assert found == text(expected)


@pytest.mark.parametrize(
    ("payload", "paths", "expected"),
    [
        ({"a": 1, "b": 2}, ["a"], {"b": 2}),
        ({"a": {"b": 1, "c": 2}}, ["a.b"], {"a": {"c": 2}}),
        ({"a": {"b": {"c": 1}}}, ["a.b.c"], {"a": {"b": {}}}),
        ({"a": {"b": 1}}, ["a", "a.b"], {}),
        ({"a": 1}, ["zz", "a.b"], {"a": 1}),
        ({"a": [{"b": 1, "c": 2}, {"b": 3}, 4]}, ["a[].b"], {"a": [{"c": 2}, {}, 4]}),
        ({"a": [{"b": 1}, {"b": 3}]}, ["a[0].b"], {"a": [{}, {"b": 3}]}),
        ({"a": [{"b": 1}]}, ["a.b"], {"a": [{"b": 1}]}),
        ({"a": [1, 2, 3]}, ["a[]"], {"a": []}),
        ({"a": {"b": 1}}, ["a[]"], {"a": {"b": 1}}),
        ({"a": [1, 2, 3]}, ["a[1]"], {"a": [1, 2, 3]}),
        ({"a": [1, 2, 3]}, ["a[9]"], {"a": [1, 2, 3]}),
        ({"a": [[1], [2, 3]]}, ["a[][]"], {"a": [[], []]}),
        ({"a": [[1], [2, 3]]}, ["a[][0]"], {"a": [[1], [2, 3]]}),
        ({"odd key": {"b": 1}}, ['"odd key".b'], {"odd key": {}}),
        ({}, ["a", "b.c"], {}),
    ],
)
def test_removing_leaves_what_no_path_names(
    payload: dict[str, Any], paths: list[str], expected: dict[str, Any]
) -> None:
    edit = removing(paths)

    found = edit(text(payload))

    assert found == text(expected)
