"""The kind of column that serves conditions on the number of values: that of everything that a path selects.

An array has as many as elements, nulls among them; null has none, anything else one. Where nothing is selected it is 0.
"""

from collections.abc import Sequence
from typing import Any

from msgspec import UNSET

from shared.schema.filters import FieldCondition, ValuesCount
from shared.segment.bits import Words
from shared.segment.columns.field_arrays import Kind, StoredArrays
from shared.segment.columns.number_column import NumberColumn, Read
from shared.segment.columns.parse import first_values
from shared.segment.columns.paths import Path, select


class CountColumn(NumberColumn):
    """Numbers of values of rows 0 … count-1."""

    def __init__(self, path: Path) -> None:
        super().__init__(_reader(path))

    def words(self, condition: FieldCondition) -> Words:
        """Return the rows with a number of values that satisfies the condition."""
        assert isinstance(condition, ValuesCount), "another kind of column serves this"
        return self.within(condition)

    def matching(self, condition: FieldCondition) -> int | None:
        """Return how many rows satisfy the condition; None: only a scan can tell."""
        assert isinstance(condition, ValuesCount), "another kind of column serves this"
        return self.count_within(condition)


def _reader(path: Path) -> Read:
    first, below = path[0], path[1:]
    assert isinstance(first, str), "a path begins with a key"
    values_of = first_values(first)

    def read(payloads: Sequence[bytes]) -> tuple[list[int], Sequence[int]]:
        values = values_of(payloads)
        if not below:
            return [_count(value) for value in values], range(len(values))
        counts, rows = [], []
        for row, top in enumerate(values):
            found = {_count(selected) for selected in select(top, below)} or {0}
            counts += sorted(found)
            rows += [row] * len(found)
        return counts, rows

    return read


def _count(selected: Any) -> int:
    if isinstance(selected, list):
        return len(selected)
    return 0 if selected is None or selected is UNSET else 1


def _restored(path: Path, arrays: StoredArrays) -> CountColumn:
    return CountColumn(path).take(arrays)


COUNTS = Kind("counts", CountColumn, _restored)
