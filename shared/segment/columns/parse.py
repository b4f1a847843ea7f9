"""From payload texts to the values of one path, sorted by kind.

A batch of payloads is decoded as one JSON array into structs with a single field, the first key of the path: the
decoder skips everything else without making objects of it. When a whole batch holds one kind of value, which is the
usual case, no Python code runs per value.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec

from shared.segment.columns.paths import Path, flat_values, is_blank, select

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


class Found(NamedTuple):
    """Values of one kind and the rows (within the batch, ascending) that they belong to."""

    rows: list[int]
    values: list[Any]


class Cells(NamedTuple):
    """What one path selects in a batch of payloads. `others` have no order and no equality: only their rows count."""

    texts: Found
    integers: Found
    floats: Found
    booleans: Found
    others: Found
    blank_rows: list[int]


def payload_cells(path: Path) -> Callable[[Sequence[bytes]], Cells]:
    """Return a reader of one path."""
    first, below = path[0], path[1:]
    assert isinstance(first, str), "a path begins with a key"
    fields: Any = msgspec.defstruct("Fields", [("value", Any, None)], rename={"value": first}, gc=False)
    decode = msgspec.json.Decoder(list[fields]).decode

    def cells(payloads: Sequence[bytes]) -> Cells:
        try:
            decoded = decode(b"[" + b",".join([payload or b"{}" for payload in payloads]) + b"]")
            values = [item.value for item in decoded]
        except ValueError:
            values = [_lenient(payload).get(first) for payload in payloads]
        return _nested_cells(values, below) if below else _plain_cells(values)

    return cells


def _lenient(payload: bytes) -> dict[str, Any]:
    """Decode a payload with numbers beyond float64 or broken UTF-8: it is in the log, so filters must live with it."""
    decoded = json.loads(payload.decode("utf-8", "replace")) if payload else {}
    assert isinstance(decoded, dict), "a payload is a JSON object"
    return decoded


def no_cells() -> Cells:
    return Cells(Found([], []), Found([], []), Found([], []), Found([], []), Found([], []), [])


def _plain_cells(values: list[Any]) -> Cells:
    found = no_cells()
    kinds = set(map(type, values))
    whole = Found(list(range(len(values))), values)
    if kinds == {str}:
        return found._replace(texts=whole)
    if kinds == {float}:
        return found._replace(floats=whole)
    if kinds == {bool}:
        return found._replace(booleans=whole)
    if kinds == {int} and min(values) >= INT64_MIN and max(values) <= INT64_MAX:
        return found._replace(integers=whole)
    for row, selected in enumerate(values):
        if is_blank(selected):
            found.blank_rows.append(row)
        for value in flat_values(selected):
            _sort_in(found, row, value)
    return found


def _nested_cells(values: list[Any], below: Path) -> Cells:
    found = no_cells()
    for row, top in enumerate(values):
        blank = True
        for selected in select(top, below):
            blank = blank and is_blank(selected)
            for value in flat_values(selected):
                _sort_in(found, row, value)
        if blank:
            found.blank_rows.append(row)
    return found


def _sort_in(found: Cells, row: int, value: Any) -> None:
    kind = type(value)
    if kind is str:
        place = found.texts
    elif kind is int:
        if INT64_MIN <= value <= INT64_MAX:
            place = found.integers
        else:
            place, value = found.floats, rounded(value)
    elif kind is float:
        place = found.floats
    elif kind is bool:
        place = found.booleans
    elif value is None:
        return
    else:
        place, value = found.others, True
    place.rows.append(row)
    place.values.append(value)


def rounded(integer: int) -> float:
    """Return a large integer as float64; beyond its range, infinity."""
    try:
        return float(integer)
    except OverflowError:
        return float("inf") if integer > 0 else float("-inf")
