"""What every kind of column offers: the values of one payload path over rows, made for one family of conditions.

One kind a file. `kinds.py` says which kind serves which condition; `column_set.py` builds, grows, keeps and drops them
by this Protocol alone, over rows, over edits of rows, and over the elements of nested arrays alike.
"""

import mmap
from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol, runtime_checkable

import numpy as np
import numpy.typing as npt

from shared.schema.filters import FieldCondition, Scalar
from shared.schema.queries import OrderBy
from shared.segment.bits import Rows, Words
from shared.segment.columns.paths import Path

StoredArrays = dict[str, npt.NDArray[np.generic]]
"""Arrays of a frozen column by name, as files hold them."""

Counted = list[tuple[Scalar, int]]
"""Distinct values and how many rows have each."""

Ordered = tuple[list[int | float], Rows]
"""Values in the order asked for, and the row of each."""


class Found(NamedTuple):
    """The rows that satisfy a condition, `matching` of them: each once in any order, or as bit words.

    One of the two is None. Both are the caller's own: nothing else holds them.
    """

    rows: Rows | None
    words: Words | None
    matching: int


class FieldArrays(Protocol):
    """One path over rows 0 … count-1. Grows by `extend`; `freeze` makes it compact and final.

    Used by one thread at a time while it grows; a frozen one may be read by many.
    """

    @property
    def count(self) -> int:
        """Rows."""

    @property
    def is_frozen(self) -> bool:
        """True once `freeze` was called, and for restored columns."""

    def extend(self, payloads: Sequence[bytes]) -> None:
        """Add the next rows by their payload texts; empty bytes are an empty payload."""

    def freeze(self) -> None:
        """Take no more rows; give spare memory back; make what only a final column has (orders, postings)."""

    def words(self, condition: FieldCondition) -> Words:
        """Return which rows satisfy the condition: bit words of `count` rows (see bits.py), read only."""

    def matching(self, condition: FieldCondition) -> int | None:
        """Return how many rows satisfy the condition, exactly, where that takes no scan; None elsewhere."""

    @property
    def nbytes(self) -> int:
        """Memory that it takes; arrays mapped from files take none."""

    def arrays(self) -> StoredArrays:
        """Return a frozen column as arrays, for a file."""


@runtime_checkable
class Faceting(Protocol):
    """A kind that can count its values."""

    def facet(self, words: Words) -> Counted:
        """Return the distinct values of the rows in `words` and how many rows have each; in any order."""


@runtime_checkable
class Ordering(Protocol):
    """A kind whose values have an order."""

    def ordered(self, words: Words, order: OrderBy, limit: int) -> Ordered:
        """Return the first `limit` pairs of value and row in `words`, and all further pairs of the last value.

        In the direction asked for, from `start_from` on. A row comes once for each of its distinct values.
        """


class Kind(NamedTuple):
    """A kind of column.

    name     told apart in the cache and in files, parameters included: "plain", "geo", "text:<analysis>"
    make     an empty column of a path
    restore  a frozen column of a path from the arrays that it gave; arrays may be mapped and read only
    """

    name: str
    make: Callable[[Path], FieldArrays]
    restore: Callable[[Path, StoredArrays], FieldArrays]


def memory_of(*arrays: npt.NDArray[np.generic] | None) -> int:
    """Return the bytes of arrays; those mapped from files count as none."""
    return sum(array.nbytes for array in arrays if array is not None and not is_mapped(array))


def is_mapped(array: npt.NDArray[np.generic]) -> bool:
    """Return whether an array's memory is a file's."""
    base: object = array
    while isinstance(base, np.ndarray):
        base = base.base
    return isinstance(base.obj if isinstance(base, memoryview) else base, mmap.mmap)
