"""The kind of column that serves ranges of dates and orders by them: the texts that are dates, as microseconds."""

from collections.abc import Sequence

from shared.schema.dates import micros_of
from shared.schema.filters import DatetimeRange, FieldCondition, HasType
from shared.schema.payload_index import FieldType
from shared.segment.bits import Words
from shared.segment.columns.field_arrays import Kind, StoredArrays
from shared.segment.columns.number_column import NumberColumn, Read
from shared.segment.columns.parse import payload_cells
from shared.segment.columns.paths import Path

EVERY_DATE = DatetimeRange("")
"""Without bounds: every row that has a date."""


class DateColumn(NumberColumn):
    """Dates of rows 0 … count-1."""

    def __init__(self, path: Path) -> None:
        super().__init__(_reader(path))

    def words(self, condition: FieldCondition) -> Words:
        """Return the rows with a date that satisfies the condition."""
        return self.within(_bounds(condition))

    def matching(self, condition: FieldCondition) -> int | None:
        """Return how many rows satisfy the condition; None: only a scan can tell."""
        return self.count_within(_bounds(condition))


def _bounds(condition: FieldCondition) -> DatetimeRange:
    if isinstance(condition, HasType):
        assert condition.field_type is FieldType.DATETIME, "another kind of column serves this"
        return EVERY_DATE
    assert isinstance(condition, DatetimeRange), "another kind of column serves this"
    return condition


def _reader(path: Path) -> Read:
    cells = payload_cells(path)

    def read(payloads: Sequence[bytes]) -> tuple[list[int], list[int]]:
        texts = cells(payloads).texts
        moments = {text: micros_of(text) for text in set(texts.values)}
        found = [(moments[text], row) for row, text in zip(texts.rows, texts.values, strict=True)]
        return [micros for micros, _ in found if micros is not None], [
            row for micros, row in found if micros is not None
        ]

    return read


def _restored(path: Path, arrays: StoredArrays) -> DateColumn:
    return DateColumn(path).take(arrays)


DATES = Kind("dates", DateColumn, _restored)
