"""The values of a column that still grows, each kind in arrays of its own, in the order of rows."""

from collections.abc import Iterable, Sequence

import numpy as np
import numpy.typing as npt

from shared.segment.columns.growable import Growable
from shared.segment.columns.growing_texts import GrowingTexts
from shared.segment.columns.parse import Cells, Found
from shared.segment.columns.values import Values


class GrowingValues:
    """What rows 0 … count-1 hold at one path. `texts` are numbers of the dictionary."""

    def __init__(self) -> None:
        self.count = 0
        self.dictionary = GrowingTexts()
        self.texts = Values(np.int32)
        self.integers = Values(np.int64)
        self.floats = Values(np.float64)
        self.booleans = Values(np.bool_)
        self.others = Values(np.bool_)
        self.nulls = Values(np.bool_)
        self.all_nulls = Values(np.bool_)
        self.blank = Growable(np.bool_)

    def extend(self, cells: Cells, rows: int) -> None:
        """Add what the next rows hold."""
        if cells.texts.rows:
            self.texts.append(self._rows(cells.texts.rows), self.dictionary.add(cells.texts.values))
        for values, found in (
            (self.integers, cells.integers),
            (self.floats, cells.floats),
            (self.booleans, cells.booleans),
            (self.others, cells.others),
            (self.nulls, Found(cells.null_rows, cells.null_rows)),
            (self.all_nulls, Found(cells.all_null_rows, cells.all_null_rows)),
        ):
            if found.rows:
                values.append(self._rows(found.rows), found.values)
        blank = np.zeros(rows, np.bool_)
        blank[cells.blank_rows] = True
        self.blank.append(blank)
        self.count += rows

    def marked(self, values: Values) -> npt.NDArray[np.bool_]:
        """Return which rows have a value of a kind; bool (count,)."""
        marks = np.zeros(self.count, np.bool_)
        values.mark_all(marks)
        return marks

    @property
    def nbytes(self) -> int:
        return sum(values.nbytes for values in self._kinds()) + self.blank.nbytes + self.dictionary.nbytes

    def _kinds(self) -> Iterable[Values]:
        return self.texts, self.integers, self.floats, self.booleans, self.others, self.nulls, self.all_nulls

    def _rows(self, rows: Sequence[int]) -> npt.NDArray[np.int32]:
        return np.asarray(rows, np.int32) + np.int32(self.count)
