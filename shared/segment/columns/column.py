"""One payload path of one segment, as filters see it: overlays included."""

from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from shared.schema.filters import FieldCondition
from shared.schema.queries import OrderBy
from shared.segment.bits import Rows, Words
from shared.segment.columns.field_arrays import Counted, Found, Ordered

if TYPE_CHECKING:
    from shared.segment.columns.column_set import ColumnSet


class Column:
    """Answers come from the kind of column that serves a question; it is built when first asked."""

    __slots__ = ("_columns", "key")

    def __init__(self, columns: "ColumnSet", key: str) -> None:
        self._columns = columns
        self.key = key

    def matches(self, condition: FieldCondition) -> Words:
        """Return the rows that satisfy the condition, live or not, as bit words: read only, the array may be kept."""
        return self._columns.words(self.key, condition)

    def count(self, condition: FieldCondition) -> int | None:
        """Return how many rows satisfy the condition, live or not, exactly; None where only a scan can tell."""
        return self._columns.matching(self.key, condition)

    def found(self, condition: FieldCondition, most: int) -> Found | None:
        """Return the rows that satisfy the condition, live or not: up to `most` pairs of value and row as a list.

        None where that takes a scan. Nothing of it is kept.
        """
        return self._columns.found(self.key, condition, most)

    def holds(self, condition: FieldCondition, rows: Rows) -> npt.NDArray[np.bool_] | None:
        """Return which of some rows satisfy the condition, where that takes no look at others; None elsewhere."""
        return self._columns.holds(self.key, condition, rows)

    def facet(self, words: Words) -> Counted:
        """Return the texts, integers (whole floats among them) and booleans of the rows in words; in any order.

        With each how many rows have it. A row counts once for each distinct value that it has.
        """
        return self._columns.facet(self.key, words)

    def ordered(self, words: Words, order: OrderBy, limit: int) -> Ordered:
        """Return the first `limit` pairs of value and row in words, and all further pairs of the last value.

        In the direction of the order and from its start on; among equal values in any order. A row comes once for each
        distinct value that it has; values are numbers, or microseconds since 1970 where the order is by dates.
        """
        return self._columns.ordered(self.key, words, order, limit)

    def cold_rows(self, asked: FieldCondition | OrderBy | None = None) -> int:
        """Return how many rows must be parsed before the next answer to a condition, an order, or a facet (None).

        About half a microsecond each.
        """
        return self._columns.cold_rows(self.key, asked)
