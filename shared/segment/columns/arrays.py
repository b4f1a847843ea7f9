"""The values of one payload path over rows, as arrays: what filters read instead of payload texts.

Each kind of value has its own arrays (values.py), because kinds never equal each other: `true` is not 1, 1 is not 1.0,
and conditions name the kind that they mean. Texts are numbers of a dictionary. Integers outside int64 count as floats.
Objects and arrays within arrays have no comparable value; they only count as "some other value" for `except`.
Nulls are not values. A row is blank when all that its path selects is null or [].
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from shared.schema.filters import FieldCondition, IsEmpty, MatchAny, MatchExcept, Range
from shared.segment import bits
from shared.segment.bits import Words
from shared.segment.columns.bounds import HIGH, LOW, integer_bounds
from shared.segment.columns.dictionary import Dictionary
from shared.segment.columns.field_arrays import Kind, StoredArrays
from shared.segment.columns.growable import Growable
from shared.segment.columns.parse import Cells, payload_cells
from shared.segment.columns.paths import Path
from shared.segment.columns.values import Values

Marks = npt.NDArray[np.bool_]

FEW = 4
"""Up to so many wanted values are compared one by one; more go through a table or a sort."""


class ColumnArrays:
    """One path over rows 0 … count-1. Grows by `extend`; `freeze` makes it compact and final."""

    def __init__(self, path: Path) -> None:
        self._cells: Callable[[Sequence[bytes]], Cells] = payload_cells(path)
        self.count = 0
        self.dictionary = Dictionary()
        self.texts = Values(np.int32)
        self.integers = Values(np.int64)
        self.floats = Values(np.float64)
        self.booleans = Values(np.bool_)
        self.others = Values(np.bool_)
        self._blank = Growable(np.bool_)
        self._frozen = False

    def extend(self, payloads: Sequence[bytes]) -> None:
        """Add the next rows by their payload texts; empty bytes are an empty payload."""
        cells = self._cells(payloads)
        first = self.count
        if cells.texts.rows:
            self.texts.append(_rows(cells.texts.rows, first), self.dictionary.add(cells.texts.values))
        for values, found in (
            (self.integers, cells.integers),
            (self.floats, cells.floats),
            (self.booleans, cells.booleans),
            (self.others, cells.others),
        ):
            if found.rows:
                values.append(_rows(found.rows, first), found.values)
        blank = np.zeros(len(payloads), np.bool_)
        blank[cells.blank_rows] = True
        self._blank.append(blank)
        self.count += len(payloads)

    def freeze(self) -> None:
        """Take no more rows; give spare memory back."""
        self.dictionary.freeze()
        for values in self._kinds():
            values.trim()
        self._blank.trim()
        self._frozen = True

    @property
    def is_frozen(self) -> bool:
        """True once no more rows come."""
        return self._frozen

    def words(self, condition: FieldCondition) -> Words:
        """Return which rows satisfy the condition: bit words of `count` rows."""
        return bits.from_bool(self._marks(condition))

    def matching(self, condition: FieldCondition) -> int | None:
        """Return how many rows satisfy the condition; None: only a scan can tell."""
        return None

    def arrays(self) -> StoredArrays:
        raise NotImplementedError

    def _marks(self, condition: FieldCondition) -> Marks:
        if isinstance(condition, IsEmpty):
            return self._blank.view()
        marks = np.zeros(self.count, np.bool_)
        if isinstance(condition, Range):
            self._mark_range(condition, marks)
        elif isinstance(condition, MatchAny):
            self._mark_equal(condition.values, marks)
        elif isinstance(condition, MatchExcept):
            self._mark_other_than(condition.values, marks)
        else:
            raise NotImplementedError(f"condition {type(condition).__name__}")
        return marks

    @property
    def nbytes(self) -> int:
        return sum(values.nbytes for values in self._kinds()) + self._blank.nbytes + self.dictionary.nbytes

    def _kinds(self) -> Iterable[Values]:
        return self.texts, self.integers, self.floats, self.booleans, self.others

    def _mark_equal(self, wanted: Sequence[object], marks: Marks) -> None:
        if len(self.texts):
            self.texts.mark(self._text_marks(wanted), marks)
        if len(self.integers):
            self.integers.mark(_is_among(self.integers.values.view(), _integers(wanted)), marks)
        if len(self.booleans):
            self.booleans.mark(_is_among(self.booleans.values.view(), _booleans(wanted)), marks)

    def _mark_other_than(self, unwanted: Sequence[object], marks: Marks) -> None:
        if len(self.texts):
            self.texts.mark(~self._text_marks(unwanted), marks)
        if len(self.integers):
            self.integers.mark(~_is_among(self.integers.values.view(), _integers(unwanted)), marks)
        if len(self.booleans):
            self.booleans.mark(~_is_among(self.booleans.values.view(), _booleans(unwanted)), marks)
        self.floats.mark_all(marks)
        self.others.mark_all(marks)

    def _text_marks(self, wanted: Sequence[object]) -> Marks:
        numbers = self.dictionary.numbers_of(text for text in wanted if isinstance(text, str))
        codes = self.texts.values.view()
        if len(numbers) <= FEW:
            return _is_among(codes, numbers)
        table = np.zeros(len(self.dictionary), np.bool_)
        table[numbers] = True
        return np.asarray(table[codes])

    def _mark_range(self, bounds: Range, marks: Marks) -> None:
        if len(self.floats):
            self.floats.mark(_floats_within(self.floats.values.view(), bounds), marks)
        if len(self.integers):
            self.integers.mark(_integers_within(self.integers.values.view(), bounds), marks)


def _rows(rows: Sequence[int], first: int) -> npt.NDArray[np.int32]:
    return np.asarray(rows, np.int32) + np.int32(first)


def _integers(wanted: Sequence[object]) -> list[int]:
    return [value for value in wanted if type(value) is int and LOW <= value <= HIGH]


def _booleans(wanted: Sequence[object]) -> list[bool]:
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
    found = np.ones(len(values), np.bool_)
    if bounds.gt is not None:
        found &= values > bounds.gt
    if bounds.gte is not None:
        found &= values >= bounds.gte
    if bounds.lt is not None:
        found &= values < bounds.lt
    if bounds.lte is not None:
        found &= values <= bounds.lte
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


def _restored(path: Path, arrays: StoredArrays) -> ColumnArrays:
    raise NotImplementedError


PLAIN = Kind("plain", ColumnArrays, _restored)
