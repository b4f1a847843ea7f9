"""What every kind of column offers: the values of one payload path over rows, made for one family of conditions.

One kind a file. `kinds.py` says which kind serves which condition; `column_set.py` builds, grows, keeps and drops them
by this Protocol alone, over rows, over edits of rows, and over the elements of nested arrays alike.
"""

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol

import numpy as np
import numpy.typing as npt

from shared.schema.filters import FieldCondition
from shared.segment.columns.paths import Path

Marks = npt.NDArray[np.bool_]

StoredArrays = dict[str, npt.NDArray[np.generic]]
"""Arrays of a frozen column by name, as files hold them."""


class FieldArrays(Protocol):
    """One path over rows 0 … count-1. Grows by `extend`; `freeze` makes it compact and final."""

    count: int

    def extend(self, payloads: Sequence[bytes]) -> None:
        """Add the next rows by their payload texts; empty bytes are an empty payload."""

    def freeze(self) -> None:
        """Take no more rows; give spare memory back; make what only a final column has (orders, postings)."""

    def matches(self, condition: FieldCondition) -> Marks:
        """Return which rows satisfy the condition: bool (count,), read only."""

    @property
    def nbytes(self) -> int:
        """Memory that it takes."""

    def arrays(self) -> StoredArrays:
        """Return a frozen column as arrays, for a file."""


class Kind(NamedTuple):
    """A kind of column.

    name     told apart in the cache and in files, parameters included: "plain", "geo", "text:<analysis>"
    make     an empty column of a path
    restore  a frozen column of a path from the arrays that it gave; arrays may be mapped and read only
    """

    name: str
    make: Callable[[Path], FieldArrays]
    restore: Callable[[Path, StoredArrays], FieldArrays]
