"""The values of one payload path over the rows of a sealed segment: answers cost what is found.

Made once of a growing column (arrays.py), or of a file's arrays. Each kind of value has its distinct values in order
and lists of rows (postings.py): a match is one list, a prefix or a range neighbouring lists, a count their length.
"""

from collections.abc import Sequence
from typing import NamedTuple, Self

import numpy as np
import numpy.typing as npt

from shared.schema.filters import (
    FieldCondition,
    HasType,
    IsEmpty,
    IsNotNull,
    IsNull,
    MatchAny,
    MatchExcept,
    MatchPrefix,
    Range,
    Scalar,
)
from shared.schema.payload_index import FieldType
from shared.schema.queries import OrderBy
from shared.segment import bits
from shared.segment.bits import Rows, Words
from shared.segment.columns.bounds import HIGH, LOW
from shared.segment.columns.field_arrays import Counted, Found, Ordered, StoredArrays, memory_of
from shared.segment.columns.merging import merged_facets, merged_orders
from shared.segment.columns.numbers import Numbers
from shared.segment.columns.postings import Piece, Postings, found_in, tells_rows_apart
from shared.segment.columns.sorted_texts import SortedTexts
from shared.segment.columns.uuids import uuid_numbers

_BY_ROWS = (IsEmpty, IsNull, IsNotNull, MatchExcept)
"""Conditions that no lists answer."""


class RowWords(NamedTuple):
    """Rows without regard to values; bit words.

    blank      all that is selected, if anything, is null or []
    null       something selected is null or holds a null;  all_null  and nothing else is selected
    others     some value is an object or an array in an array
    """

    blank: Words
    null: Words
    all_null: Words
    others: Words


class Texts(NamedTuple):
    """Texts and the rows of each."""

    sorted: SortedTexts
    lists: Postings


class Values(NamedTuple):
    """Each kind of value; None where no row has one."""

    texts: Texts | None
    integers: Numbers | None
    floats: Numbers | None
    booleans: Numbers | None


class FinalArrays:
    """One path over `count` rows. Immutable: any thread may read."""

    def __init__(
        self,
        count: int,
        row_words: RowWords,
        values: Values,
    ) -> None:
        self.count = count
        self.row_words = row_words
        self.texts, self.integers, self.floats, self.booleans = values
        self._lists = [one.lists for one in values if one is not None]
        self._others = bits.count(row_words.others)
        self.is_single = self._is_single()
        """No row has two values."""

    def _is_single(self) -> bool:
        if len(self._lists) == 1 and not self._others:
            return self._lists[0].is_single
        valued = self.row_words.others.copy()
        for lists in self._lists:
            lists.mark(lists.all, valued)
        return bits.count(valued) == self._pairs

    @property
    def _pairs(self) -> int:
        """Distinct values of rows, added up."""
        return self._others + sum(lists.pairs for lists in self._lists)

    # conditions

    def words(self, condition: FieldCondition) -> Words:
        """Return the rows that satisfy a condition."""
        match condition:
            case IsEmpty():
                return self.row_words.blank
            case IsNull():
                return self.row_words.null
            case IsNotNull():
                return bits.full(self.count) & ~self.row_words.all_null
            case MatchExcept():
                return self._except(condition)
        words = bits.empty(self.count)
        for lists, codes in self._pieces(condition):
            lists.mark(codes, words)
        return words

    def matching(self, condition: FieldCondition) -> int | None:
        """Return how many rows satisfy a condition, None where rows may be counted twice."""
        match condition:
            case IsEmpty() | IsNull() | IsNotNull():
                return bits.count(self.words(condition))
            case MatchExcept(key, values):
                among = self.matching(MatchAny(key, values)) if self.is_single else None
                return None if among is None else self._pairs - among
        pieces = [piece for piece in self._pieces(condition) if len(piece.codes)]
        is_known = self.is_single or tells_rows_apart(pieces)
        return sum(lists.count(codes) for lists, codes in pieces) if is_known else None

    def found(self, condition: FieldCondition, most: int) -> Found | None:
        """Return the rows that satisfy a condition; as a list where that has up to `most` pairs of value and row."""
        if isinstance(condition, _BY_ROWS):
            return None
        return found_in(self._pieces(condition), self.count, most, is_single=self.is_single)

    def holds(self, condition: FieldCondition, rows: Rows) -> npt.NDArray[np.bool_] | None:
        """Return which of some rows satisfy a condition, where one code of each tells; None elsewhere."""
        if isinstance(condition, _BY_ROWS):
            return None
        pieces = [piece for piece in self._pieces(condition) if len(piece.codes)]
        if len(pieces) != 1 or pieces[0].lists.arrays.owners is not None or not isinstance(pieces[0].codes, range):
            return None
        codes, wanted = pieces[0].lists.arrays.codes.take(rows), pieces[0].codes
        if len(wanted) == 1:
            return np.asarray(codes == wanted.start)
        return np.asarray((codes >= wanted.start) & (codes < wanted.stop))

    def _except(self, condition: MatchExcept) -> Words:
        words = self.row_words.others.copy()
        named = self._equal(condition.values)
        for lists, codes in named:
            lists.mark_others(codes.tolist(), words)
        if self.floats is not None:
            self.floats.lists.mark(self.floats.lists.all, words)
        return words

    def _pieces(self, condition: FieldCondition) -> list[Piece]:
        """Return the lists whose rows satisfy a condition on values."""
        match condition:
            case MatchAny(_, [value]):
                return self._one(value)
            case MatchAny():
                return [Piece(lists, codes) for lists, codes in self._equal(condition.values)]
            case Range():
                numbers = (one for one in (self.integers, self.floats) if one is not None)
                return [Piece(one.lists, one.within(condition)) for one in numbers]
            case MatchPrefix():
                texts = [self.texts] if self.texts is not None else []
                return [Piece(one.lists, one.sorted.with_prefix(condition.prefix)) for one in texts]
            case HasType():
                return self._typed(condition.field_type)
        raise AssertionError(f"another kind of column serves {type(condition).__name__}")

    def _one(self, wanted: Scalar) -> list[Piece]:
        """Return the list of one wanted value."""
        if isinstance(wanted, str):
            number = self.texts.sorted.number_of(wanted) if self.texts is not None else -1
            return [] if self.texts is None or number < 0 else [Piece(self.texts.lists, range(number, number + 1))]
        numbers = self.booleans if isinstance(wanted, bool) else self.integers
        if numbers is None or not LOW <= wanted <= HIGH:
            return []
        return [Piece(numbers.lists, numbers.code_of(wanted))]

    def _equal(self, wanted: Sequence[Scalar]) -> list[tuple[Postings, npt.NDArray[np.int64]]]:
        """Return the codes of the wanted values in each kind of value that can equal one."""
        found = []
        if self.texts is not None:
            numbers = {self.texts.sorted.number_of(one) for one in wanted if isinstance(one, str)} - {-1}
            found.append((self.texts.lists, np.array(sorted(numbers), np.int64)))
        if self.integers is not None:
            sought = [one for one in wanted if type(one) is int and LOW <= one <= HIGH]
            found.append((self.integers.lists, self.integers.codes_of(sought)))
        if self.booleans is not None:
            found.append((self.booleans.lists, self.booleans.codes_of([one for one in wanted if type(one) is bool])))
        return found

    def _typed(self, field_type: FieldType) -> list[Piece]:
        """Return the lists of the values that an index of a type takes."""
        texts, integers, floats = self.texts, self.integers, self.floats
        pieces = []
        if field_type is FieldType.KEYWORD and texts is not None:
            pieces.append(Piece(texts.lists, texts.lists.all))
        if field_type is FieldType.UUID and texts is not None:
            pieces.append(Piece(texts.lists, uuid_numbers(texts.sorted)))
        if field_type is FieldType.BOOL and self.booleans is not None:
            pieces.append(Piece(self.booleans.lists, self.booleans.lists.all))
        if field_type in (FieldType.INTEGER, FieldType.FLOAT) and integers is not None:
            pieces.append(Piece(integers.lists, integers.lists.all))
        if field_type in (FieldType.INTEGER, FieldType.FLOAT) and floats is not None:
            pieces.append(Piece(floats.lists, floats.lists.all if field_type is FieldType.FLOAT else floats.whole))
        return pieces

    # values

    def facet(self, words: Words) -> Counted:
        """Return texts, integers (whole floats among them) and booleans, and how many rows in words have each."""
        parts: list[Counted] = []
        if self.texts is not None:
            counts = self.texts.lists.counts(words)
            there = np.flatnonzero(counts)
            parts.append(list(zip(self.texts.sorted.texts(there), counts[there].tolist(), strict=True)))
        if self.integers is not None:
            parts.append([(int(value), rows) for value, rows in self.integers.facet(words)])
        if self.booleans is not None:
            parts.append([(bool(value), rows) for value, rows in self.booleans.facet(words)])
        if self.floats is not None and len(whole := self.floats.whole):
            twice = self._rows_with_both(words, whole)
            floats = self.floats.facet(words, whole)
            parts.append([(int(value), rows - twice.get(int(value), 0)) for value, rows in floats])
        return merged_facets(parts)

    def _rows_with_both(self, words: Words, whole: npt.NDArray[np.int64]) -> dict[int, int]:
        """Return how many of the rows in words have a number twice, as an integer and as a float: 2 and 2.0."""
        integers, floats = self.integers, self.floats
        if integers is None or floats is None:
            return {}
        shared, codes, places = np.intersect1d(
            integers.distinct, floats.distinct[whole].astype(np.int64), assume_unique=True, return_indices=True
        )
        rows_of, float_rows_of = integers.lists.rows_of, floats.lists.rows_of
        return {
            value: len(np.intersect1d(rows_of(code, words), float_rows_of(int(whole[place]), words)))
            for value, code, place in zip(shared.tolist(), codes.tolist(), places.tolist(), strict=True)
        }

    def ordered(self, words: Words, order: OrderBy, limit: int) -> Ordered:
        """Return the first numbers in an order, and the row of each."""
        parts = [one.ordered(words, order, limit) for one in (self.integers, self.floats) if one is not None]
        return merged_orders(parts, limit, is_descending=order.is_descending)

    # files

    @property
    def nbytes(self) -> int:
        numbers = sum(one.nbytes for one in (self.integers, self.floats, self.booleans) if one is not None)
        texts = 0 if self.texts is None else self.texts.sorted.nbytes + self.texts.lists.nbytes
        return numbers + texts + memory_of(*self.row_words)

    def arrays(self) -> StoredArrays:
        """Return all arrays, for a file."""
        stored: StoredArrays = {"count": np.array([self.count], np.int64), **self.row_words._asdict()}
        if self.texts is not None:
            stored |= {"texts.blob": self.texts.sorted.blob, "texts.offsets": self.texts.sorted.offsets}
            stored |= self.texts.lists.stored("texts")
        for name, numbers in (("integers", self.integers), ("floats", self.floats), ("booleans", self.booleans)):
            stored |= numbers.stored(name) if numbers is not None else {}
        return stored

    @classmethod
    def restored(cls, arrays: StoredArrays) -> Self:
        """Return what gave these arrays."""
        count = int(arrays["count"][0])
        row_words = RowWords(**{name: arrays[name] for name in RowWords._fields})  # type: ignore[arg-type]
        texts = None
        if "texts.blob" in arrays:
            found = SortedTexts(arrays["texts.blob"], arrays["texts.offsets"])  # type: ignore[arg-type]
            texts = Texts(found, Postings.restored("texts", arrays, count))
        numbers = (Numbers.restored(name, arrays, count) for name in ("integers", "floats", "booleans"))
        return cls(count, row_words, Values(texts, *numbers))
