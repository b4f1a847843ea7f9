"""Texts as terms in a sealed segment: for each term the units that hold it. Immutable: any thread may read."""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from shared.segment.columns.field_arrays import StoredArrays, memory_of
from shared.segment.columns.sorted_texts import SortedTexts
from shared.segment.columns.text_growing import GrowingTexts
from shared.segment.columns.text_pairs import LOWER_HALF, keys_of
from shared.segment.columns.text_postings import Numbers, Places, TextOrder, TextPostings


class FinalTextArrays(NamedTuple):
    """The arrays, as files hold them; may be mapped.

    counts      int64: rows, units
    blob        uint8, `offsets` int64 (terms + 1,): the terms in the order of their bytes (sorted_texts.py)
    starts      int64 (terms + 1,): units[starts[t]:starts[t + 1]] hold term t, ascending
    units       int32
    owners      int32 (units,): the row of each unit; None where units are rows
    sequence, ends, text_units  those of TextOrder; None where no phrases are asked for
    """

    counts: Places
    blob: npt.NDArray[np.uint8]
    offsets: Places
    starts: Places
    units: Numbers
    owners: Numbers | None = None
    sequence: Numbers | None = None
    ends: Places | None = None
    text_units: Numbers | None = None


class FinalTexts:
    """Answers from the arrays."""

    def __init__(self, arrays: FinalTextArrays) -> None:
        self.arrays = arrays
        self.row_count, self.unit_count = map(int, arrays.counts)
        self.terms = SortedTexts(arrays.blob, arrays.offsets)
        self._postings = TextPostings(self.unit_count, self.units_of, _order_in(arrays))

    @classmethod
    def of(cls, grown: GrowingTexts, row_count: int, *, has_phrases: bool) -> Self:
        """Return what a growing column has come to."""
        terms, numbers = SortedTexts.of(grown.vocabulary.terms())
        listed = numbers[grown.pairs.all_terms()]
        keys = keys_of(listed, grown.pairs.all_units())
        keys.sort()
        starts = np.zeros(len(terms) + 1, np.int64)
        np.cumsum(np.bincount(listed, minlength=len(terms)), out=starts[1:])
        units = (keys & LOWER_HALF).astype(np.int32)
        counts = np.array([row_count, grown.unit_count], np.int64)
        arrays = FinalTextArrays(counts, terms.blob, terms.offsets, starts, units, _owners(grown, row_count))
        if has_phrases:
            sequence, ends, text_units = grown.order()
            renumbered = np.append(numbers, np.int32(-1))[sequence]
            arrays = arrays._replace(sequence=renumbered, ends=ends.copy(), text_units=text_units.copy())
        return cls(arrays)

    def number_of(self, term: str) -> int:
        """Return a term's number, or -1."""
        return self.terms.number_of(term)

    def units_of(self, term: int) -> Numbers:
        """Return the units that hold a term, ascending."""
        starts = self.arrays.starts
        return self.arrays.units[starts[term] : starts[term + 1]]

    def postings(self, terms: Sequence[int]) -> TextPostings:
        """Return what answers questions about these terms."""
        return self._postings

    def all_units(self) -> Numbers:
        """Return the units with a term, one time or more each."""
        return self.arrays.units

    @property
    def owners(self) -> Numbers | None:
        """The row of each unit; None where units are rows."""
        return self.arrays.owners

    @property
    def nbytes(self) -> int:
        return memory_of(*self.arrays)

    def stored(self) -> StoredArrays:
        """Return the arrays by name."""
        return {name: array for name, array in self.arrays._asdict().items() if array is not None}

    @classmethod
    def restored(cls, arrays: StoredArrays) -> Self:
        """Return what gave these arrays."""
        parts = {name: arrays.get(name) for name in FinalTextArrays._fields}
        return cls(FinalTextArrays(**parts))  # type: ignore[arg-type]  # their types are those that were stored


def _order_in(arrays: FinalTextArrays) -> TextOrder | None:
    if arrays.sequence is None or arrays.ends is None or arrays.text_units is None:
        return None
    return TextOrder(arrays.sequence, arrays.ends, arrays.text_units)


def _owners(grown: GrowingTexts, row_count: int) -> Numbers | None:
    owners = grown.owners
    if owners is None or np.array_equal(owners, np.arange(row_count)):
        return None
    return owners.copy()
