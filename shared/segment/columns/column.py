"""One payload path of one segment, as filters see it: overlays included."""

from typing import TYPE_CHECKING

from shared.schema.filters import FieldCondition
from shared.schema.queries import OrderBy
from shared.segment.bits import Words

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

    def cold_rows(self, asked: FieldCondition | OrderBy | None = None) -> int:
        """Return how many rows must be parsed before the next answer to a condition, an order, or a facet (None).

        About half a microsecond each.
        """
        return self._columns.cold_rows(self.key, self._columns.kind_of(self.key, asked))
