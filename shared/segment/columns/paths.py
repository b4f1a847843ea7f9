"""Payload paths: `a.b`, `a[].b` (every element), `a[0].b`, `"odd key".b`.

A path is a tuple of steps: a text is a key of an object, a number an index of an array, `EVERY` all of its elements.
A step that meets a value of another kind selects nothing. Source: features.md section 1, qdrant-client's local mode.
"""

import re
from collections.abc import Iterator
from functools import lru_cache
from typing import Any, Final

from shared.errors import BadFormat

EVERY: Final = None
"""The step `[]`."""

Step = str | int | None
Path = tuple[Step, ...]

INDEX_MAX = 2**64 - 1
_STEP = re.compile(r'(?:"(?P<quoted>[^"]*)"|(?P<bare>[\w-]+))(?P<brackets>(?:\[[0-9]*\])*)(?P<end>\.|\Z)')
_BRACKET = re.compile(r"\[([0-9]*)\]")


@lru_cache(maxsize=4096)
def parse_path(text: str) -> Path:
    """Return the steps of a path. Raises BadFormat."""
    steps: list[Step] = []
    place, open_end = 0, True
    while open_end:
        found = _STEP.match(text, place)
        if found is None:
            raise BadFormat(f"Invalid json path: {text!r}")
        steps.append(found["bare"] if found["quoted"] is None else found["quoted"])
        for digits in _BRACKET.findall(found["brackets"]):
            if digits and (len(digits) > 20 or int(digits) > INDEX_MAX):
                raise BadFormat(f"Invalid json path: {text!r}: an index is at most {INDEX_MAX}")
            steps.append(int(digits) if digits else EVERY)
        place, open_end = found.end(), found["end"] == "."
    return tuple(steps)


def path_text(path: Path) -> str:
    """Return a path as a text that `parse_path` reads."""
    parts = ["[]" if step is EVERY else f"[{step}]" if isinstance(step, int) else f'."{step}"' for step in path]
    return "".join(parts).removeprefix(".")


def select(value: Any, path: Path) -> Iterator[Any]:
    """Yield what the path selects below a decoded value, arrays as they are."""
    for place, step in enumerate(path):
        if step is EVERY:
            if isinstance(value, list):
                for element in value:
                    yield from select(element, path[place + 1 :])
            return
        if isinstance(step, str):
            if not isinstance(value, dict) or step not in value:
                return
            value = value[step]
        else:
            if not isinstance(value, list) or step >= len(value):
                return
            value = value[step]
    yield value


def flat_values(selected: Any) -> list[Any]:
    """Return the values that conditions look at in one selected value: the elements of an array, one level deep."""
    return selected if isinstance(selected, list) else [selected]


def is_blank(selected: Any) -> bool:
    """True for null and []."""
    return selected is None or selected == []


def has_null(selected: Any) -> bool:
    """True for null and for an array with a null among its elements."""
    return selected is None or (isinstance(selected, list) and None in selected)
