"""Numbers of a final column: the distinct ones in order, and the rows of each. A range is one piece of both."""

from collections.abc import Sequence
from typing import Self

import numpy as np
import numpy.typing as npt

from shared.schema.filters import Range
from shared.schema.queries import OrderBy
from shared.segment.bits import Rows, Words
from shared.segment.columns.bounds import Bounds, integer_bounds
from shared.segment.columns.field_arrays import StoredArrays, memory_of
from shared.segment.columns.postings import Postings

INT64_EDGE = 2.0**63


class Numbers:
    """`distinct` is int64 or float64, ascending. Not a number comes last and lies in no range."""

    def __init__(self, distinct: npt.NDArray[np.int64] | npt.NDArray[np.float64], lists: Postings) -> None:
        self.distinct = distinct
        self.lists = lists
        self._end = len(distinct) - int(np.isnan(distinct[-1:]).sum())

    @classmethod
    def of(cls, values: npt.NDArray[np.generic], owners: npt.NDArray[np.int32] | None, rows: int) -> Self:
        """Build from the values of rows, ascending by row; without owners value r is row r's."""
        distinct, codes = np.unique(values, return_inverse=True)
        return cls(distinct, Postings.of(codes.astype(np.int32), owners, len(distinct), rows))

    def codes_of(self, wanted: Sequence[int]) -> npt.NDArray[np.int64]:
        """Return the codes of those integers that are among the numbers, each once."""
        sought = np.unique(np.asarray(wanted, self.distinct.dtype))
        places = np.minimum(self.distinct.searchsorted(sought), len(self.distinct) - 1)
        found: npt.NDArray[np.int64] = places[self.distinct[places] == sought]
        return found

    def code_of(self, wanted: int) -> range:
        """Return the code of one integer, or none."""
        place = int(self.distinct.searchsorted(self.distinct.dtype.type(wanted)))
        return range(place, place + int(place < len(self.distinct) and self.distinct[place] == wanted))

    @property
    def whole(self) -> npt.NDArray[np.int64]:
        """The codes of the floats without a fraction that an int64 can hold."""
        within = (self.distinct >= -INT64_EDGE) & (self.distinct < INT64_EDGE)
        return np.flatnonzero(within & (np.floor(self.distinct) == self.distinct))

    def within(self, bounds: Bounds) -> range:
        """Return the codes of the numbers within bounds. Integers are compared exactly."""
        if self.distinct.dtype.kind != "f":
            return self._between(*integer_bounds(bounds))
        place = self.distinct.searchsorted
        first = max(
            0 if bounds.gte is None else int(place(np.float64(bounds.gte), side="left")),
            0 if bounds.gt is None else int(place(np.float64(bounds.gt), side="right")),
        )
        last = min(
            self._end if bounds.lte is None else int(place(np.float64(bounds.lte), side="right")),
            self._end if bounds.lt is None else int(place(np.float64(bounds.lt), side="left")),
        )
        return range(first, max(first, last))

    def _between(self, low: int, high: int) -> range:
        """Return the codes of the integers in [low, high], both int64."""
        if low > high:
            return range(0)
        place = self.distinct.searchsorted
        return range(int(place(low, side="left")), int(place(high, side="right")))

    def facet(self, words: Words, codes: npt.NDArray[np.int64] | None = None) -> list[tuple[int | float, int]]:
        """Return the numbers of the rows in words, of some codes or of all, and how many rows have each."""
        counts = self.lists.counts(words)
        there = np.flatnonzero(counts) if codes is None else codes[counts[codes] > 0]
        return list(zip(self.distinct[there].tolist(), counts[there].tolist(), strict=True))

    def ordered(self, words: Words, order: OrderBy, limit: int) -> tuple[list[int | float], Rows]:
        """Return the first values in the order, and the row of each; see field_arrays.Ordering."""
        start = order.start_from
        bounds = Range(order.key, lte=start) if order.is_descending else Range(order.key, gte=start)
        codes, rows = self.lists.ordered(words, self.within(bounds), limit, is_descending=order.is_descending)
        if not order.is_whole or self.distinct.dtype.kind != "f":
            return self.distinct[codes].tolist(), rows
        if not np.isin(codes, self.whole).all():
            codes, rows = self._whole_ordered(words, self.within(bounds), limit, is_descending=order.is_descending)
        return self.distinct[codes].astype(np.int64).tolist(), rows

    def _whole_ordered(self, words: Words, span: range, limit: int, *, is_descending: bool) -> tuple[Rows, Rows]:
        """Order floats without a fraction alone, one after another: rare beside integers."""
        whole = self.whole[(self.whole >= span.start) & (self.whole < span.stop)]
        found: list[tuple[Rows, Rows]] = [(np.empty(0, np.int64), np.empty(0, np.int64))]
        count = 0
        for code in (whole[::-1] if is_descending else whole).tolist():
            if count >= limit:
                break
            rows = self.lists.rows_of(code, words)
            found.append((np.full(len(rows), code), rows))
            count += len(rows)
        return np.concatenate([codes for codes, _ in found]), np.concatenate([rows for _, rows in found])

    @property
    def nbytes(self) -> int:
        return self.lists.nbytes + memory_of(self.distinct)

    def stored(self, name: str) -> StoredArrays:
        """Return the arrays under names that begin with `name`."""
        return {f"{name}.distinct": self.distinct, **self.lists.stored(name)}

    @classmethod
    def restored(cls, name: str, arrays: StoredArrays, rows: int) -> Self | None:
        """Return what gave these arrays; None where there were none."""
        distinct = arrays.get(f"{name}.distinct")
        return None if distinct is None else cls(distinct, Postings.restored(name, arrays, rows))  # type: ignore[arg-type]
