"""From payload texts to the values of one path, sorted by kind.

A batch of payloads is decoded as one JSON array into structs with a single field, the first key of the path: the
decoder skips everything else without making objects of it. When a whole batch holds one kind of value, which is the
usual case, no Python code runs per value.
"""

import json
from collections.abc import Callable, Sequence
from typing import Any, NamedTuple

import msgspec
from msgspec import UNSET, UnsetType

from shared.segment.columns.paths import Path, flat_values, has_null, is_blank, select

INT64_MIN, INT64_MAX = -(2**63), 2**63 - 1


class Found(NamedTuple):
    """Values of one kind and the rows (within the batch, ascending) that they belong to."""

    rows: list[int]
    values: list[Any]


class Cells(NamedTuple):
    """What one path selects in a batch of payloads. `others` have no order and no equality: only their rows count.

    blank_rows      rows of which all that is selected, if anything, is null or []
    null_rows       rows of which something selected is null or an array with a null in it
    all_null_rows   those of them of which nothing else is selected
    """

    texts: Found
    integers: Found
    floats: Found
    booleans: Found
    others: Found
    blank_rows: list[int]
    null_rows: list[int]
    all_null_rows: list[int]


def payload_cells(path: Path) -> Callable[[Sequence[bytes]], Cells]:
    """Return a reader of one path."""
    first, below = path[0], path[1:]
    assert isinstance(first, str), "a path begins with a key"
    values_of = first_values(first)

    def cells(payloads: Sequence[bytes]) -> Cells:
        values = values_of(payloads)
        return _nested_cells(values, below) if below else _plain_cells(values)

    return cells


def first_values(key: str) -> Callable[[Sequence[bytes]], list[Any]]:
    """Return a reader of one top-level key: its value in each payload, UNSET where it is missing."""
    fields: Any = msgspec.defstruct("Fields", [("value", Any, UNSET)], rename={"value": key}, gc=False)
    decode = msgspec.json.Decoder(list[fields]).decode

    def values(payloads: Sequence[bytes]) -> list[Any]:
        try:
            decoded = decode(b"[" + b",".join([payload or b"{}" for payload in payloads]) + b"]")
            return [item.value for item in decoded]
        except ValueError:
            return [lenient(payload).get(key, UNSET) for payload in payloads]

    return values


def lenient(payload: bytes) -> dict[str, Any]:
    """Decode a payload with numbers beyond float64 or broken UTF-8: it is in the log, so filters must live with it."""
    decoded = json.loads(payload.decode("utf-8", "replace")) if payload else {}
    assert isinstance(decoded, dict), "a payload is a JSON object"
    return decoded


def no_cells() -> Cells:
    return Cells(Found([], []), Found([], []), Found([], []), Found([], []), Found([], []), [], [], [])


def _plain_cells(values: list[Any]) -> Cells:
    found = no_cells()
    kinds = set(map(type, values))
    if UnsetType in kinds:
        found.blank_rows.extend(row for row, value in enumerate(values) if value is UNSET)
        kinds.discard(UnsetType)
    if len(kinds) == 1 and (whole := _of_one_kind(found, kinds.pop(), values)) is not None:
        return whole
    for row, selected in enumerate(values):
        if selected is UNSET:
            continue
        if is_blank(selected):
            found.blank_rows.append(row)
        if has_null(selected):
            found.null_rows.append(row)
            found.all_null_rows.append(row)
        for value in flat_values(selected):
            _sort_in(found, row, value)
    found.blank_rows.sort()
    return found


def _of_one_kind(found: Cells, kind: type, values: list[Any]) -> Cells | None:
    """Return the cells of values that are all of one kind, or missing; None for kinds that need a look at each."""
    rows = list(range(len(values)))
    if found.blank_rows:
        rows = [row for row, value in enumerate(values) if value is not UNSET]
        values = [values[row] for row in rows]
    whole = Found(rows, values)
    if kind is str:
        return found._replace(texts=whole)
    if kind is float:
        return found._replace(floats=whole)
    if kind is bool:
        return found._replace(booleans=whole)
    if kind is int and min(values) >= INT64_MIN and max(values) <= INT64_MAX:
        return found._replace(integers=whole)
    return None


def _nested_cells(values: list[Any], below: Path) -> Cells:
    found = no_cells()
    for row, top in enumerate(values):
        is_blank_row, nulls, others = True, 0, 0
        for selected in select(top, below):
            is_blank_row = is_blank_row and is_blank(selected)
            if has_null(selected):
                nulls += 1
            else:
                others += 1
            for value in flat_values(selected):
                _sort_in(found, row, value)
        if is_blank_row:
            found.blank_rows.append(row)
        if nulls:
            found.null_rows.append(row)
            if not others:
                found.all_null_rows.append(row)
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
