"""A kind of column that holds integers made of what a path selects: dates as microseconds, numbers of values.

Growing they are scanned, frozen they are lists of rows by value (numbers.py).
"""

from collections.abc import Callable, Sequence
from typing import Self

import numpy as np
import numpy.typing as npt

from shared.schema.filters import DatetimeRange, FieldCondition, Range, ValuesCount
from shared.schema.queries import OrderBy
from shared.segment import bits
from shared.segment.bits import Words
from shared.segment.columns.bounds import Bounds, integer_bounds
from shared.segment.columns.field_arrays import Found, Ordered, StoredArrays
from shared.segment.columns.growing_scan import ordered_values
from shared.segment.columns.numbers import Numbers
from shared.segment.columns.postings import Piece, found_in
from shared.segment.columns.values import Values

Read = Callable[[Sequence[bytes]], tuple[Sequence[int], Sequence[int]]]
"""Payloads to values and the row of each, within the batch and ascending."""


class NumberColumn:
    """Integers of rows 0 … count-1; a base of kinds (see field_arrays.FieldArrays)."""

    def __init__(self, read: Read) -> None:
        self._read = read
        self._growing: Values | None = Values(np.int64)
        self._final: Numbers | None = None
        self.count = 0

    @property
    def is_frozen(self) -> bool:
        """True once no more rows come."""
        return self._growing is None

    def extend(self, payloads: Sequence[bytes]) -> None:
        """Add the next rows by their payload texts."""
        assert self._growing is not None, "a frozen column takes no rows"
        values, rows = self._read(payloads)
        if values:
            self._growing.append(np.asarray(rows, np.int32) + np.int32(self.count), values)
        self.count += len(payloads)

    def freeze(self) -> None:
        """Take no more rows; make lists of the values."""
        if self._growing is not None:
            growing = self._growing
            self._final = Numbers.of(growing.values.view(), growing.owners, self.count) if len(growing) else None
            self._growing = None

    def within(self, bounds: Bounds) -> Words:
        """Return the rows with a value within bounds."""
        if self._growing is not None:
            marks = np.zeros(self.count, np.bool_)
            self._growing.mark(_within(self._growing.values.view(), bounds), marks)
            return bits.from_bool(marks)
        words = bits.empty(self.count)
        if self._final is not None:
            self._final.lists.mark(self._final.within(bounds), words)
        return words

    def count_within(self, bounds: Bounds) -> int | None:
        """Return how many rows have a value within bounds, None where only a scan can tell."""
        if self._growing is not None:
            return None
        if self._final is None:
            return 0
        codes = self._final.within(bounds)
        return self._final.lists.count(codes) if self._final.lists.is_single or len(codes) < 2 else None

    def found(self, condition: FieldCondition, most: int) -> Found | None:
        """Return the rows that satisfy a condition of bounds, as a list or as bit words; None if by a scan only."""
        if self._growing is not None or not isinstance(condition, DatetimeRange | ValuesCount):
            return None
        pieces = [] if self._final is None else [Piece(self._final.lists, self._final.within(condition))]
        return found_in(pieces, self.count, most)

    def ordered(self, words: Words, order: OrderBy, limit: int) -> Ordered:
        """Return the first values in an order, and the row of each; see field_arrays.Ordering."""
        if self._growing is not None:
            start = order.start_from
            low, high = (None, start) if order.is_descending else (start, None)
            within = _within(self._growing.values.view(), Range(order.key, gte=low, lte=high))
            return ordered_values(self._growing, bits.to_bool(words, self.count), within, order, limit)
        return ([], np.empty(0, np.int64)) if self._final is None else self._final.ordered(words, order, limit)

    @property
    def nbytes(self) -> int:
        values = self._final if self._growing is None else self._growing
        return 0 if values is None else values.nbytes

    def arrays(self) -> StoredArrays:
        """Return all arrays of a frozen column."""
        assert self._growing is None, "only a frozen column is stored"
        count: StoredArrays = {"count": np.array([self.count], np.int64)}
        return count if self._final is None else count | self._final.stored("values")

    def take(self, arrays: StoredArrays) -> Self:
        """Become what gave these arrays."""
        self.count = int(arrays["count"][0])
        self._growing, self._final = None, Numbers.restored("values", arrays, self.count)
        return self


def _within(values: npt.NDArray[np.int64], bounds: Bounds) -> npt.NDArray[np.bool_]:
    low, high = integer_bounds(bounds)
    return (values >= low) & (values <= high)
