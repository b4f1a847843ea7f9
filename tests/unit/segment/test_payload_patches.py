"""Patches: what they make of a payload, and that two in a row are one, to the byte."""

import json
import random
from typing import Any

import pytest

from shared.segment.patches import PayloadPatch
from tests.builders import payload_text

KEYS = ["a", "b", "c", "ä", 'q"uote', "back\\slash", ""]
VALUES: list[Any] = [1, -2.5, "x", None, [], {}, {"a": 1}, [{"b": None}], 'a":', 12345678901234567890]


def some_keys(chance: random.Random) -> dict[str, Any]:
    return {key: chance.choice(VALUES) for key in chance.sample(KEYS, chance.randrange(len(KEYS)))}


def some_patch(chance: random.Random) -> PayloadPatch:
    kind = chance.randrange(4)
    if kind == 0:
        return PayloadPatch.removing(chance.sample(KEYS, 2))
    if kind == 1 and chance.random() < 0.4:
        return PayloadPatch.replacing(payload_text(some_keys(chance)))
    return PayloadPatch.setting(payload_text(some_keys(chance)))


@pytest.mark.parametrize(
    ("patch", "before", "after"),
    [
        (PayloadPatch.setting(b'{"b":2}'), b'{"a":1}', b'{"a":1,"b":2}'),
        (PayloadPatch.setting(b'{"a":2}'), b'{"a":1,"c":3}', b'{"c":3,"a":2}'),
        (PayloadPatch.setting(b'{"a":2}'), b"", b'{"a":2}'),
        (PayloadPatch.setting(b'{"a":null,"b":2}'), b'{"a":1}', b'{"b":2}'),
        (PayloadPatch.setting(b'{"a":null}'), b'{"a":1}', b""),
        (PayloadPatch.setting(b"{}"), b'{"a":1}', b'{"a":1}'),
        (PayloadPatch.setting(b'{"a":{"b":null}}'), b"{}", b'{"a":{"b":null}}'),
        (PayloadPatch.removing(["a", "z"]), b'{"a":1,"b":1.50}', b'{"b":1.50}'),
        (PayloadPatch.removing(["a"]), b'{"b":{"a":1}}', b'{"b":{"a":1}}'),
        (PayloadPatch.replacing(b'{"a":null}'), b'{"b":1}', b'{"a":null}'),
        (PayloadPatch.replacing(b"{}"), b'{"b":1}', b""),
    ],
)
def test_a_patch_takes_keys_away_and_puts_its_own_at_the_end(patch: PayloadPatch, before: bytes, after: bytes) -> None:
    assert patch.applied(before) == after


def test_keys_of_a_patch_have_their_latest_values_whatever_was_there() -> None:
    chance = random.Random(3)

    for _ in range(500):
        before, given = some_keys(chance), some_keys(chance)
        after = PayloadPatch.setting(payload_text(given)).applied(payload_text(before))
        wanted = {key: value for key, value in {**before, **given}.items() if given.get(key, 1) is not None}
        assert json.loads(after or b"{}") == wanted, (before, given)


def test_two_patches_in_a_row_are_one_to_the_byte() -> None:
    chance = random.Random(1)

    for _ in range(2000):
        text, one, two, three = payload_text(some_keys(chance)), *(some_patch(chance) for _ in range(3))
        in_turn = three.applied(two.applied(one.applied(text)))
        assert one.then(two).then(three).applied(text) == in_turn, (text, one, two, three)
        assert one.then(two.then(three)).applied(text) == in_turn, (text, one, two, three)


def test_a_patch_over_a_payload_that_holds_its_beginning_changes_nothing_but_the_rest() -> None:
    chance = random.Random(2)

    for _ in range(2000):
        text, one, two = payload_text(some_keys(chance)), some_patch(chance), some_patch(chance)
        in_turn = two.applied(one.applied(text))
        assert one.then(two).applied(one.applied(text)) == in_turn, (text, one, two)
        assert one.then(two).applied(in_turn) == in_turn, (text, one, two)


def test_a_patch_touches_its_keys_and_after_a_replacement_all() -> None:
    setting = PayloadPatch.setting(b'{"a":1,"b":null}')

    touched = [key for key in ("a", "b", "c") if setting.touches(key)]

    assert touched == ["a", "b"]
    assert PayloadPatch.replacing(b"").then(setting).touches("c")
