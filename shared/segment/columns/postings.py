"""Which rows have which of a final column's distinct values: the rows of each value, and the value of each row.

Distinct values are numbered 0 … size-1 in their order: these are codes. Both directions are kept: a list of rows for
each code answers in a time that follows the rows found, and the codes by row answer where much is found, or where rows
are given. Codes take 1, 2 or 4 bytes.
"""

from collections.abc import Sequence
from typing import Any, NamedTuple, Self

import numpy as np
import numpy.typing as npt

from shared.segment import bits
from shared.segment.bits import Rows, Words
from shared.segment.columns.field_arrays import Found, StoredArrays, memory_of
from shared.segment.kernels.columns import (
    count_codes,
    fill_lists,
    mark_lists,
    mark_range,
    mark_rows,
    take_places,
)
from shared.segment.kernels.table import address

LANES = 64
"""Codes are padded to a multiple of so many: they are compared so many at once."""

SCAN_SHARE = 16
"""A 16th of the rows and more are found quicker by comparing all codes: 0.07 ns a code, 0.35 ns a listed row."""

FEW = 16
"""So many codes are marked one by one: each in the way that suits it."""

PICK_NS, WALK_NS, WORD_NS = 60, 2, 6
"""Costs behind the choice of how to order: a row picked and sorted, a place walked over, a word unpacked."""

ByRow = npt.NDArray[np.unsignedinteger[Any]]

Codes = range | npt.NDArray[np.int64]
"""Neighbouring codes, or any."""


class PostingArrays(NamedTuple):
    """The arrays, as files hold them. May be mapped.

    rows     int32 (pairs,): the rows of code 0, ascending, then those of code 1, …
    starts   int32 (size + 1,): where each code's list begins; None where every list has one row
    codes    unsigned (padded,): the code of each row, `size` for rows without one; with owners the code of each pair
    owners   int32 (pairs,), ascending: the row of each code; None where no row has two and few have none
    """

    rows: npt.NDArray[np.int32]
    starts: npt.NDArray[np.int32] | None
    codes: ByRow
    owners: npt.NDArray[np.int32] | None


class Postings:
    """Rows by value and values by row. Immutable: any thread may read."""

    def __init__(self, arrays: PostingArrays, row_count: int) -> None:
        self.arrays = arrays
        self.row_count = row_count
        self.pairs = len(arrays.rows)
        self.size = self.pairs if arrays.starts is None else len(arrays.starts) - 1
        owners = arrays.owners
        self.is_single = owners is None or not bool((owners[1:] == owners[:-1]).any())
        """No row has two values."""
        self._width = arrays.codes.itemsize
        self._rows_at, self._starts_at = address(arrays.rows), address(arrays.starts)
        self._codes_at, self._owners_at = address(arrays.codes), address(owners)

    @classmethod
    def of(
        cls, codes: npt.NDArray[np.integer[Any]], owners: npt.NDArray[np.int32] | None, size: int, rows: int
    ) -> Self:
        """Build from (code, row) pairs ascending by row, maybe repeated; without owners pair r is row r's."""
        if owners is not None and (owners[1:] == owners[:-1]).any():
            codes, owners = _distinct(codes, owners)
        narrow = np.ascontiguousarray(codes, np.min_scalar_type(size))
        starts = np.zeros(size + 1, np.int32)
        np.cumsum(np.bincount(codes, minlength=size), out=starts[1:])
        listed, nexts = np.empty(len(codes), np.int32), starts[:-1].copy()
        fill_lists(address(narrow), narrow.itemsize, address(owners), len(codes), address(nexts), address(listed))
        by_row, owners = _by_row(narrow, owners, size, rows)
        return cls(PostingArrays(listed, None if size == len(codes) else starts, by_row, owners), rows)

    # rows by value

    def count(self, codes: Codes) -> int:
        """Return how many (value, row) pairs have one of some codes."""
        if isinstance(codes, range):
            begin, end = self._places(codes.start, codes.stop)
            return end - begin
        starts = self.arrays.starts
        return len(codes) if starts is None else int((starts[codes + 1] - starts[codes]).sum())

    def mark(self, codes: Codes, words: Words) -> None:
        """Set the bits of the rows with one of some codes."""
        if not isinstance(codes, range):
            if len(codes) <= FEW:
                for code in codes.tolist():
                    self.mark(range(code, code + 1), words)
                return
            wanted = np.ascontiguousarray(codes, np.int64)
            mark_lists(self._rows_at, self._starts_at, address(wanted), len(wanted), address(words))
            return
        begin, end = self._places(codes.start, codes.stop)
        if self._owners_at == 0 and (end - begin) * SCAN_SHARE >= self.row_count > 0:
            span = codes.stop - codes.start
            mark_range(self._codes_at, self._width, codes.start, span, self.row_count, address(words))
        else:
            mark_rows(self._rows_at, begin, end, address(words))

    def listed(self, codes: Codes) -> Rows:
        """Return the row of each (value, row) pair with one of some codes, list after list."""
        if isinstance(codes, range):
            begin, end = self._places(codes.start, codes.stop)
            return self.arrays.rows[begin:end].astype(np.int64)
        return np.concatenate([np.empty(0, np.int64), *(self.listed(range(one, one + 1)) for one in codes.tolist())])

    def mark_others(self, codes: Sequence[int], words: Words) -> None:
        """Set the bits of the rows with a code that is none of some."""
        edges = sorted(set(codes))
        for first, last in zip([-1, *edges], [*edges, self.size], strict=True):
            if first + 1 < last:
                self.mark(range(first + 1, last), words)

    @property
    def all(self) -> range:
        """All codes."""
        return range(self.size)

    # values by row

    def counts(self, words: Words) -> npt.NDArray[np.int64]:
        """Return how many of the rows in words have each code; int64 (size,)."""
        counted = np.zeros(self.size + 1, np.int64)
        count = self.row_count if self._owners_at == 0 else self.pairs
        passing = np.ascontiguousarray(words)
        count_codes(self._codes_at, self._width, self._owners_at, count, address(passing), address(counted))
        return counted[: self.size]

    def rows_of(self, code: int, words: Words) -> Rows:
        """Return the rows in words that have a code, ascending."""
        begin, end = self._places(code, code + 1)
        rows = self.arrays.rows[begin:end].astype(np.int64)
        return rows[bits.test(words, rows)]

    def ordered(self, words: Words, span: range, limit: int, *, is_descending: bool) -> tuple[Rows, Rows]:
        """Return (codes, rows) of the first `limit` pairs in words with a code in the span, and of all ties.

        The lists are walked in their order where enough of the rows are in words; a walk that finds too few within what
        picking the rows in words costs gives way to that.
        """
        begin, end = self._places(span.start, span.stop)
        if begin >= end:
            return np.empty(0, np.int64), np.empty(0, np.int64)
        matching = bits.count(words)
        budget = (matching * PICK_NS + len(words) * WORD_NS) // WALK_NS
        if limit * self.row_count <= budget * matching:
            walked = min(budget, end - begin)
            places = (end - walked, end) if is_descending else (begin, begin + walked)
            codes, rows = self._walked(words, places, limit, is_descending)
            if len(rows) >= limit or walked == end - begin:
                return codes, rows
        return self._picked(words, span, limit, is_descending)

    def _picked(self, words: Words, span: range, limit: int, is_descending: bool) -> tuple[Rows, Rows]:
        """Look at the codes of the rows in words."""
        if self.arrays.owners is None:
            rows = bits.to_rows(words)
            codes = self.arrays.codes[rows].astype(np.int64)
        else:
            passing = np.flatnonzero(bits.test(words, self.arrays.owners.astype(np.int64)))
            rows, codes = self.arrays.owners[passing].astype(np.int64), self.arrays.codes[passing].astype(np.int64)
        inside = (codes >= span.start) & (codes < span.stop)
        rows, codes = rows[inside], codes[inside]
        ranks = -codes if is_descending else codes
        order = np.argsort(ranks, kind="stable")
        rows, codes, ranks = rows[order], codes[order], ranks[order]
        if len(codes) > limit:
            last = int(np.searchsorted(ranks, ranks[limit - 1], side="right"))
            rows, codes = rows[:last], codes[:last]
        return codes, rows

    def _walked(self, words: Words, places: tuple[int, int], limit: int, is_descending: bool) -> tuple[Rows, Rows]:
        """Go through the lists in order until enough of their rows are in words; then take the rest of the last."""
        begin, end = places
        first, last, step = (end - 1, begin - 1, -1) if is_descending else (begin, end, 1)
        taken = np.empty(min(limit, end - begin), np.int64)
        passing = np.ascontiguousarray(words)
        found = take_places(self._rows_at, first, last, step, address(passing), len(taken), address(taken))
        taken = taken[:found]
        codes = self._codes_of(taken)
        if found == limit:
            ties = self.rows_of(int(codes[-1]), words)
            kept = codes != codes[-1]
            rows = np.concatenate([self.arrays.rows[taken[kept]].astype(np.int64), ties])
            return np.concatenate([codes[kept], np.full(len(ties), codes[-1])]), rows
        return codes, self.arrays.rows[taken].astype(np.int64)

    def _codes_of(self, places: Rows) -> Rows:
        if self.arrays.starts is None:
            return places
        return np.searchsorted(self.arrays.starts, places.astype(np.int32), side="right").astype(np.int64) - 1

    def _places(self, first: int, last: int) -> tuple[int, int]:
        starts = self.arrays.starts
        return (first, last) if starts is None else (int(starts[first]), int(starts[last]))

    @property
    def nbytes(self) -> int:
        return memory_of(*self.arrays)

    def stored(self, name: str) -> StoredArrays:
        """Return the arrays under names that begin with `name`."""
        return {f"{name}.{part}": array for part, array in self.arrays._asdict().items() if array is not None}

    @classmethod
    def restored(cls, name: str, arrays: StoredArrays, row_count: int) -> Self:
        """Return what gave these arrays."""
        parts = {part: arrays.get(f"{name}.{part}") for part in PostingArrays._fields}
        return cls(PostingArrays(**parts), row_count)  # type: ignore[arg-type]  # their types are those that were stored


class Piece(NamedTuple):
    """The rows of some codes."""

    lists: Postings
    codes: Codes


def tells_rows_apart(pieces: Sequence[Piece]) -> bool:
    """Return whether pieces surely name no row twice: at most one of them, of rows or of one code."""
    return not pieces or (len(pieces) == 1 and (pieces[0].lists.is_single or len(pieces[0].codes) == 1))


def found_in(pieces: Sequence[Piece], rows: int, most: int, *, is_single: bool = False) -> Found:
    """Return which of so many rows pieces name, as a list where there are up to `most` pairs of code and row.

    is_single   no row has two values, whichever piece they are in
    """
    pieces = [piece for piece in pieces if len(piece.codes)]
    pairs = sum(lists.count(codes) for lists, codes in pieces)
    is_apart = is_single or tells_rows_apart(pieces)
    if pairs <= most:
        listed = [lists.listed(codes) for lists, codes in pieces]
        together = listed[0] if len(listed) == 1 else np.concatenate([np.empty(0, np.int64), *listed])
        few = together if is_apart else np.unique(together)
        return Found(few, None, len(few))
    words = bits.empty(rows)
    for lists, codes in pieces:
        lists.mark(codes, words)
    return Found(None, words, pairs if is_apart else bits.count(words))


def _distinct(
    codes: npt.NDArray[np.integer[Any]], owners: npt.NDArray[np.int32]
) -> tuple[npt.NDArray[np.integer[Any]], npt.NDArray[np.int32]]:
    """Return the pairs without repetition, by row and then by code."""
    order = np.lexsort((codes, owners))
    codes, owners = codes[order], owners[order]
    fresh = np.ones(len(codes), np.bool_)
    fresh[1:] = (owners[1:] != owners[:-1]) | (codes[1:] != codes[:-1])
    return codes[fresh], owners[fresh]


def _by_row(
    codes: ByRow, owners: npt.NDArray[np.int32] | None, size: int, rows: int
) -> tuple[ByRow, npt.NDArray[np.int32] | None]:
    """Return the padded codes, by row where that takes no more than naming the rows does, and the owners else."""
    if owners is not None:
        is_single = not (owners[1:] == owners[:-1]).any()
        if not is_single or rows * codes.itemsize > len(codes) * (codes.itemsize + owners.itemsize):
            padded = np.zeros(_padded(len(codes)), codes.dtype)
            padded[: len(codes)] = codes
            return padded, owners
    padded = np.full(_padded(rows), size, codes.dtype)
    padded[slice(len(codes)) if owners is None else owners] = codes
    return padded, None


def _padded(count: int) -> int:
    return -(-count // LANES) * LANES
