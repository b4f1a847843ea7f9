"""The plain kind of column: texts, numbers and booleans of one payload path over rows.

Each kind of value has its own arrays, because kinds never equal each other: `true` is not 1, 1 is not 1.0, and
conditions name the kind that they mean. Integers outside int64 count as floats. Objects and arrays within arrays have
no comparable value; they only count as "some other value" for `except`. Nulls are not values.

While it grows a column is scanned (growing_scan.py). Frozen, it is made over into lists (final_arrays.py).
"""

from collections.abc import Callable, Sequence

import numpy as np
import numpy.typing as npt

from shared.schema.filters import FieldCondition
from shared.schema.queries import OrderBy
from shared.segment import bits
from shared.segment.bits import Rows, Words
from shared.segment.columns.field_arrays import Counted, Found, Kind, Ordered, StoredArrays
from shared.segment.columns.final_arrays import FinalArrays, RowWords, Texts
from shared.segment.columns.final_arrays import Values as FinalValues
from shared.segment.columns.growing_scan import facet_of, marks_of, order_of
from shared.segment.columns.growing_values import GrowingValues
from shared.segment.columns.numbers import Numbers
from shared.segment.columns.parse import Cells, payload_cells
from shared.segment.columns.paths import Path
from shared.segment.columns.postings import Postings
from shared.segment.columns.sorted_texts import SortedTexts
from shared.segment.columns.values import Values


class ColumnArrays:
    """See field_arrays.FieldArrays. It holds either growing values or final ones."""

    def __init__(self, path: Path) -> None:
        self._cells: Callable[[Sequence[bytes]], Cells] = payload_cells(path)
        self._values: GrowingValues | FinalArrays = GrowingValues()

    @classmethod
    def restored(cls, path: Path, arrays: StoredArrays) -> "ColumnArrays":
        """Return a frozen column from the arrays that it gave."""
        column = cls(path)
        column._values = FinalArrays.restored(arrays)
        return column

    @property
    def count(self) -> int:
        """Rows."""
        return self._values.count

    @property
    def is_frozen(self) -> bool:
        """True once no more rows come."""
        return isinstance(self._values, FinalArrays)

    def extend(self, payloads: Sequence[bytes]) -> None:
        """Add the next rows by their payload texts; empty bytes are an empty payload."""
        assert isinstance(self._values, GrowingValues), "a frozen column takes no rows"
        self._values.extend(self._cells(payloads), len(payloads))

    def freeze(self) -> None:
        """Take no more rows; make lists of the values."""
        if isinstance(self._values, GrowingValues):
            self._values = _final(self._values)

    def words(self, condition: FieldCondition) -> Words:
        """Return which rows satisfy the condition: bit words of `count` rows."""
        if isinstance(self._values, FinalArrays):
            return self._values.words(condition)
        return bits.from_bool(marks_of(self._values, condition))

    def matching(self, condition: FieldCondition) -> int | None:
        """Return how many rows satisfy the condition; None: only a scan can tell."""
        return self._values.matching(condition) if isinstance(self._values, FinalArrays) else None

    def found(self, condition: FieldCondition, most: int) -> Found | None:
        """Return the rows that satisfy the condition, as a list or as bit words; None: only a scan can tell."""
        return self._values.found(condition, most) if isinstance(self._values, FinalArrays) else None

    def holds(self, condition: FieldCondition, rows: Rows) -> npt.NDArray[np.bool_] | None:
        """Return which of some rows satisfy the condition, where that takes no look at others; None elsewhere."""
        return self._values.holds(condition, rows) if isinstance(self._values, FinalArrays) else None

    def facet(self, words: Words) -> Counted:
        """Return texts, integers (whole floats among them) and booleans, and how many rows in words have each."""
        return self._values.facet(words) if isinstance(self._values, FinalArrays) else facet_of(self._values, words)

    def ordered(self, words: Words, order: OrderBy, limit: int) -> Ordered:
        """Return the first numbers in an order, and the row of each; see field_arrays.Ordering."""
        if isinstance(self._values, FinalArrays):
            return self._values.ordered(words, order, limit)
        return order_of(self._values, words, order, limit)

    @property
    def nbytes(self) -> int:
        return self._values.nbytes

    def arrays(self) -> StoredArrays:
        """Return all arrays of a frozen column."""
        assert isinstance(self._values, FinalArrays), "only a frozen column is stored"
        return self._values.arrays()


def _final(values: GrowingValues) -> FinalArrays:
    marked = (values.nulls, values.all_nulls, values.others)
    row_words = RowWords(bits.from_bool(values.blank.view()), *(bits.from_bool(values.marked(one)) for one in marked))
    texts = None
    if len(values.texts):
        found, numbers = SortedTexts.of(values.dictionary.drained())
        codes = numbers[values.texts.values.view()]
        texts = Texts(found, Postings.of(codes, values.texts.owners, len(found), values.count))
    numbers_of = (_numbers(one, values.count) for one in (values.integers, values.floats, values.booleans))
    return FinalArrays(values.count, row_words, FinalValues(texts, *numbers_of))


def _numbers(values: Values, rows: int) -> Numbers | None:
    return Numbers.of(values.values.view(), values.owners, rows) if len(values) else None


PLAIN = Kind("plain", ColumnArrays, ColumnArrays.restored)
