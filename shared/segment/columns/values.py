"""The values of one kind (text numbers, integers, floats, booleans) in a column, and the rows that they belong to.

A row may have no value of the kind, one, or many. `rows` are ascending; while every row so far has exactly one value,
value i belongs to row i and `rows` is not stored at all.
"""

import numpy as np
import numpy.typing as npt

from shared.segment.columns.growable import Growable


class Values:
    """Parallel arrays of values and their rows."""

    def __init__(self, dtype: npt.DTypeLike) -> None:
        self.values = Growable(dtype)
        self._rows: Growable | None = None

    def append(self, rows: npt.NDArray[np.int32], values: npt.ArrayLike) -> None:
        """Add values of rows that are not below those of earlier calls."""
        before = self.values.count
        self.values.append(values)
        if self._rows is None:
            if np.array_equal(rows, np.arange(before, before + len(rows))):
                return
            self._rows = Growable(np.int32)
            self._rows.append(np.arange(before))
        self._rows.append(rows)

    def mark(self, chosen: npt.NDArray[np.bool_], row_marks: npt.NDArray[np.bool_]) -> None:
        """Set the marks of the rows of chosen values."""
        if self._rows is None:
            row_marks[: len(chosen)] |= chosen
        else:
            row_marks[self._rows.view()[chosen]] = True

    def mark_all(self, row_marks: npt.NDArray[np.bool_]) -> None:
        """Set the marks of all rows that have a value of this kind."""
        if self._rows is None:
            row_marks[: self.values.count] = True
        else:
            row_marks[self._rows.view()] = True

    def row_numbers(self) -> npt.NDArray[np.int32]:
        """Return the row of each value."""
        return np.arange(self.values.count, dtype=np.int32) if self._rows is None else self._rows.view()

    @property
    def owners(self) -> npt.NDArray[np.int32] | None:
        """The row of each value; None where value i belongs to row i."""
        return None if self._rows is None else self._rows.view()

    def trim(self) -> None:
        self.values.trim()
        if self._rows is not None:
            self._rows.trim()

    def __len__(self) -> int:
        return self.values.count

    @property
    def nbytes(self) -> int:
        return self.values.nbytes + (self._rows.nbytes if self._rows is not None else 0)
