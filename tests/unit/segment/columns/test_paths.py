"""Payload paths parse as the reference says, or are refused."""

import pytest

from shared.errors import BadFormat
from shared.segment.columns.paths import EVERY, is_blank, parse_path, select


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("a", ("a",)),
        ("a.b", ("a", "b")),
        ("a[].b", ("a", EVERY, "b")),
        ("a[0][12].b", ("a", 0, 12, "b")),
        ('"odd key".b', ("odd key", "b")),
        ('a."x.y[0]"[]', ("a", "x.y[0]", EVERY)),
        ("цвет_1-x", ("цвет_1-x",)),
    ],
)
def test_path_parses_into_steps(text, steps):
    assert parse_path(text) == steps


@pytest.mark.parametrize(
    "text", ["", ".", "a.", ".a", "a..b", "a[", "a]", "a[x]", "a[-1]", "a[0]b", "[0]", "a b", '"a', 'a"b"', "a\n"]
)
def test_malformed_path_is_refused(text):
    with pytest.raises(BadFormat, match="json path"):
        parse_path(text)


def test_index_beyond_64_bits_is_refused():
    with pytest.raises(BadFormat, match="at most"):
        parse_path("a[99999999999999999999]")


@pytest.mark.parametrize(
    ("text", "selected"),
    [
        ("a", [[{"b": 1}, {"b": [2, 3]}, 4]]),
        ("a[].b", [1, [2, 3]]),
        ("a[1].b", [[2, 3]]),
        ("a[1].b[]", [2, 3]),
        ("a.b", []),
        ("a[7]", []),
        ("c.d", []),
    ],
)
def test_path_selects_only_through_values_of_the_right_kind(text, selected):
    payload = {"a": [{"b": 1}, {"b": [2, 3]}, 4], "c": None}

    found = list(select(payload, parse_path(text)))

    assert found == selected


def test_null_and_empty_array_are_blank_but_array_of_null_is_not():
    assert [is_blank(value) for value in (None, [], [None], {}, "", 0)] == [True, True, False, False, False, False]
