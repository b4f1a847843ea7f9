"""Answers of a column that still grows: its values are looked at one after another, whole arrays at a time."""

import re
from collections import Counter
from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.schema.filters import (
    FieldCondition,
    HasType,
    IsEmpty,
    IsNotNull,
    IsNull,
    MatchAny,
    MatchExcept,
    MatchPrefix,
    Range,
    Scalar,
)
from shared.schema.payload_index import FieldType
from shared.schema.queries import OrderBy
from shared.segment import bits
from shared.segment.bits import Words
from shared.segment.columns.bounds import HIGH, LOW, integer_bounds
from shared.segment.columns.field_arrays import Counted, Ordered
from shared.segment.columns.growing_values import GrowingValues
from shared.segment.columns.merging import merged_facets, merged_orders
from shared.segment.columns.numbers import INT64_EDGE
from shared.segment.columns.values import Values

Marks = npt.NDArray[np.bool_]

FEW = 4
"""Up to so many wanted values are compared one by one; more go through a table or a sort."""

_UUID = re.compile(r"[0-9a-fA-F]{32}|[0-9a-fA-F]{8}(?:-[0-9a-fA-F]{4}){3}-[0-9a-fA-F]{12}")


def marks_of(column: GrowingValues, condition: FieldCondition) -> Marks:
    """Return which rows satisfy the condition: bool (count,)."""
    match condition:
        case IsEmpty():
            return column.blank.view()
        case IsNull():
            return column.marked(column.nulls)
        case IsNotNull():
            return ~column.marked(column.all_nulls)
    marks = np.zeros(column.count, np.bool_)
    match condition:
        case MatchAny():
            _mark_equal(column, condition.values, marks)
        case MatchExcept():
            _mark_other_than(column, condition.values, marks)
        case MatchPrefix():
            begins = (text.startswith(condition.prefix) for text in column.dictionary.texts())
            _mark_texts(column, begins, marks)
        case Range():
            _mark_range(column, condition, marks)
        case HasType():
            _mark_typed(column, condition.field_type, marks)
        case _:
            raise AssertionError(f"another kind of column serves {type(condition).__name__}")
    return marks


def _mark_equal(column: GrowingValues, wanted: Sequence[Scalar], marks: Marks) -> None:
    if len(column.texts):
        column.texts.mark(_text_marks(column, wanted), marks)
    for values, sought in ((column.integers, _integers(wanted)), (column.booleans, _booleans(wanted))):
        if len(values):
            values.mark(_is_among(values.values.view(), sought), marks)


def _mark_other_than(column: GrowingValues, unwanted: Sequence[Scalar], marks: Marks) -> None:
    if len(column.texts):
        column.texts.mark(~_text_marks(column, unwanted), marks)
    for values, named in ((column.integers, _integers(unwanted)), (column.booleans, _booleans(unwanted))):
        if len(values):
            values.mark(~_is_among(values.values.view(), named), marks)
    column.floats.mark_all(marks)
    column.others.mark_all(marks)


def _text_marks(column: GrowingValues, wanted: Sequence[Scalar]) -> Marks:
    numbers = column.dictionary.numbers_of(text for text in wanted if isinstance(text, str))
    codes = column.texts.values.view()
    if len(numbers) <= FEW:
        return _is_among(codes, numbers)
    table = np.zeros(len(column.dictionary), np.bool_)
    table[numbers] = True
    return np.asarray(table[codes])


def _mark_texts(column: GrowingValues, chosen: Any, marks: Marks) -> None:
    """Mark the rows of texts of the dictionary that are chosen: booleans in the order of their numbers."""
    if len(column.texts):
        table = np.fromiter(chosen, np.bool_, len(column.dictionary))
        column.texts.mark(np.asarray(table[column.texts.values.view()]), marks)


def _mark_range(column: GrowingValues, bounds: Range, marks: Marks) -> None:
    if len(column.floats):
        column.floats.mark(_floats_within(column.floats.values.view(), bounds), marks)
    if len(column.integers):
        column.integers.mark(_integers_within(column.integers.values.view(), bounds), marks)


def _mark_typed(column: GrowingValues, field_type: FieldType, marks: Marks) -> None:
    if field_type is FieldType.KEYWORD:
        column.texts.mark_all(marks)
    elif field_type is FieldType.UUID:
        _mark_texts(column, (_UUID.fullmatch(text) is not None for text in column.dictionary.texts()), marks)
    elif field_type is FieldType.BOOL:
        column.booleans.mark_all(marks)
    else:
        assert field_type in (FieldType.INTEGER, FieldType.FLOAT), f"another kind of column serves {field_type}"
        column.integers.mark_all(marks)
        if field_type is FieldType.FLOAT:
            column.floats.mark_all(marks)
        elif len(column.floats):
            column.floats.mark(_is_whole(column.floats.values.view()), marks)


def facet_of(column: GrowingValues, words: Words) -> Counted:
    """Return texts, integers (whole floats among them) and booleans, and how many rows in words have each."""
    passing = bits.to_bool(words, column.count)
    texts = column.dictionary.texts()
    parts: list[Counted] = [
        [(texts[number], rows) for number, rows in _counts(column.texts, passing)],
        [(int(value), rows) for value, rows in _counts(column.integers, passing)],
        [(bool(value), rows) for value, rows in _counts(column.booleans, passing)],
        [(int(value), rows) for value, rows in _counts(column.floats, passing) if _is_whole(np.float64(value))],
        [(value, -rows) for value, rows in _rows_with_both(column, passing).items()],
    ]
    return merged_facets([part for part in parts if part])


def _rows_with_both(column: GrowingValues, passing: Marks) -> Counter[int]:
    """Return how many of the passing rows have a number twice, as an integer and as a float: 2 and 2.0."""
    floats, rows = column.floats.values.view(), column.floats.row_numbers()
    chosen = _is_whole(floats) & passing[rows]
    if not chosen.any() or not len(column.integers):
        return Counter()
    whole = set(zip(rows[chosen].tolist(), floats[chosen].astype(np.int64).tolist(), strict=True))
    owners = column.integers.row_numbers()
    near = np.isin(owners, rows[chosen])
    both = whole.intersection(zip(owners[near].tolist(), column.integers.values.view()[near].tolist(), strict=True))
    return Counter(value for _, value in both)


def order_of(column: GrowingValues, words: Words, order: OrderBy, limit: int) -> Ordered:
    """Return the first numbers in an order, and the row of each."""
    passing = bits.to_bool(words, column.count)
    start = order.start_from
    bounds = Range(order.key, lte=start) if order.is_descending else Range(order.key, gte=start)
    floats = column.floats.values.view()
    within = _floats_within(floats, bounds)
    if order.is_whole:
        within &= _is_whole(floats)
    values, rows = ordered_values(column.floats, passing, within, order, limit)
    parts: list[Ordered] = [
        ordered_values(column.integers, passing, _integers_within(column.integers.values.view(), bounds), order, limit),
        ([int(value) for value in values] if order.is_whole else values, rows),
    ]
    return merged_orders(parts, limit, is_descending=order.is_descending)


def ordered_values(values: Values, passing: Marks, within: Marks, order: OrderBy, limit: int) -> Ordered:
    """Return the first of those values that are within bounds and whose rows pass, each once a row, and all ties."""
    rows = values.row_numbers()
    chosen = within & passing[rows]
    kept, owners = values.values.view()[chosen], rows[chosen]
    ranks = np.lexsort((owners, kept))
    if order.is_descending:
        ranks = ranks[::-1]
    kept, owners = kept[ranks], owners[ranks]
    fresh = np.ones(len(kept), np.bool_)
    fresh[1:] = (kept[1:] != kept[:-1]) | (owners[1:] != owners[:-1])
    kept, owners = kept[fresh], owners[fresh]
    if len(kept) > limit:
        last = limit + int(np.argmin(np.append(kept[limit:] == kept[limit - 1], False)))
        kept, owners = kept[:last], owners[:last]
    return kept.tolist(), owners.astype(np.int64)


def _counts(values: Values, passing: Marks) -> list[tuple[Any, int]]:
    """Return each distinct value of the passing rows with its number of rows."""
    if not len(values):
        return []
    rows = values.row_numbers()
    chosen = passing[rows]
    distinct, numbers = np.unique(values.values.view()[chosen], return_inverse=True)
    pairs = np.unique(numbers.astype(np.int64) * len(passing) + rows[chosen])
    return list(
        zip(distinct.tolist(), np.bincount(pairs // len(passing), minlength=len(distinct)).tolist(), strict=True)
    )


def _is_whole(values: Any) -> Any:
    return (np.floor(values) == values) & (values >= -INT64_EDGE) & (values < INT64_EDGE)


def _integers(wanted: Sequence[Scalar]) -> list[int]:
    return [value for value in wanted if type(value) is int and LOW <= value <= HIGH]


def _booleans(wanted: Sequence[Scalar]) -> list[bool]:
    return [value for value in wanted if isinstance(value, bool)]


def _is_among(values: npt.NDArray[Any], wanted: Sequence[int]) -> Marks:
    if len(wanted) > FEW:
        return np.isin(values, np.asarray(wanted, values.dtype))
    if not wanted:
        return np.zeros(len(values), np.bool_)
    found = values == wanted[0]
    for value in wanted[1:]:
        found |= values == value
    return np.asarray(found)


def _floats_within(values: npt.NDArray[np.float64], bounds: Range) -> Marks:
    found = ~np.isnan(values)
    if bounds.gt is not None:
        found &= values > np.float64(bounds.gt)
    if bounds.gte is not None:
        found &= values >= np.float64(bounds.gte)
    if bounds.lt is not None:
        found &= values < np.float64(bounds.lt)
    if bounds.lte is not None:
        found &= values <= np.float64(bounds.lte)
    return found


def _integers_within(values: npt.NDArray[np.int64], bounds: Range) -> Marks:
    """Compare exactly: a float64 bound becomes the nearest integer on its inner side."""
    low, high = integer_bounds(bounds)
    if low > high:
        return np.zeros(len(values), np.bool_)
    if low == LOW:
        return np.asarray(values <= high)
    if high == HIGH:
        return np.asarray(values >= low)
    return np.asarray((values >= low) & (values <= high))
